/// What a page file holds.
public enum PageFileKind: String, Codable, Sendable, CaseIterable {
    /// Every page of every region, in order.
    case image
    /// Pages that changed since the owner's file before this one, in the order in which they came.
    case changes

    var code: UInt16 {
        switch self {
        case .image: 1
        case .changes: 2
        }
    }
}

/// What will be written to a page file: its kind, and how many pages each region has.
public enum PageFileLayout: Equatable, Sendable {
    /// Every page of every region; `regionPages[r]` pages of region r.
    case image(regionPages: [Int])
    /// Some pages; none at or beyond `regionPages[r]` in region r.
    case changes(regionPages: [Int])

    var kind: PageFileKind {
        switch self {
        case .image: .image
        case .changes: .changes
        }
    }

    var regionPages: [Int] {
        switch self {
        case .image(let regionPages), .changes(let regionPages): regionPages
        }
    }
}

/// Which log, record and owner the pages of a file belong to.
public struct PageFileIdentity: Equatable, Sendable {
    /// The id of the log.
    public var logID: UInt64
    /// The record after which the pages looked like this; at least 1.
    public var lsn: UInt64
    /// 0 for the sequencer, 1 to W for the workers.
    public var owner: Int

    /// Creates an identity.
    public init(logID: UInt64, lsn: UInt64, owner: Int) {
        self.logID = logID
        self.lsn = lsn
        self.owner = owner
    }

    /// The name of the file, without a directory.
    public var fileName: String { SnapshotFiles.pages(lsn: lsn, owner: owner) }
}

/// What a manifest says of a page file, so that no other file can stand in its place.
public struct PageFileSummary: Codable, Equatable, Sendable {
    /// The name of the file, without a directory.
    public var name: String
    /// What it holds.
    public var kind: PageFileKind
    /// How many pages it holds.
    public var pageCount: Int
    /// Its size.
    public var byteCount: UInt64
    /// CRC-32C of its page table, which holds the CRC-32C of every page.
    public var tableChecksum: UInt32

    /// Creates a summary.
    public init(name: String, kind: PageFileKind, pageCount: Int, byteCount: UInt64, tableChecksum: UInt32) {
        self.name = name
        self.kind = kind
        self.pageCount = pageCount
        self.byteCount = byteCount
        self.tableChecksum = tableChecksum
    }

    /// What is impossible about it, before the file itself is looked at. Nil when nothing is.
    var contradiction: String? {
        guard SnapshotFiles.identity(ofPages: name) != nil else { return "no name of a page file" }
        guard (0...SnapshotLimits.filePages).contains(pageCount) else { return "\(pageCount) pages are out of range" }
        let expected = PageFileFormat.fileBytes(pageCount: pageCount)
        guard byteCount == expected else { return "\(pageCount) pages take \(expected) bytes, not \(byteCount)" }
        return nil
    }
}
