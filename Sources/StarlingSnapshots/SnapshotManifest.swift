/// What makes a snapshot one thing: which record it stands for, and which files hold the memory of each owner.
public struct SnapshotManifest: Equatable, Sendable {
    /// The version that this program writes and reads.
    public static let formatVersion = 4

    /// The id of the log.
    public var logID: UInt64
    /// The record after which the state was as the snapshot holds it; at least 1.
    public var lsn: UInt64
    /// The log's chain hash after that record.
    public var chain: UInt64
    /// The time of that record, milliseconds since 1970.
    public var logMilliseconds: UInt64
    /// How many workers the state was divided among.
    public var workers: Int
    /// The most entries of a timeline.
    public var timelineCap: Int
    /// Digest of the state: lowercase hexadecimal digits.
    public var stateDigest: String
    /// The sequencer, then the workers: `workers` + 1 in all.
    public var owners: [SnapshotOwner]

    /// Creates a manifest. `SnapshotStore.install` checks it.
    public init(
        logID: UInt64, lsn: UInt64, chain: UInt64, logMilliseconds: UInt64, workers: Int, timelineCap: Int,
        stateDigest: String, owners: [SnapshotOwner]
    ) {
        self.logID = logID
        self.lsn = lsn
        self.chain = chain
        self.logMilliseconds = logMilliseconds
        self.workers = workers
        self.timelineCap = timelineCap
        self.stateDigest = stateDigest
        self.owners = owners
    }

    /// The name of its file, without a directory.
    public var fileName: String { SnapshotFiles.manifest(lsn: lsn) }

    /// The names of all page files, in the order of the owners.
    public var pageFiles: [String] { owners.flatMap { $0.files.map(\.name) } }

    /// Bytes of all its page files.
    public var byteCount: UInt64 { owners.reduce(0) { $0 + $1.files.reduce(0) { $0 + $1.byteCount } } }
}

/// The state of the sequencer or of a worker: memory in page files, and some numbers.
public struct SnapshotOwner: Codable, Equatable, Sendable {
    /// Its regions; the index is the region's number in page files.
    public var regions: [SnapshotRegion]
    /// Numbers that are not in the regions.
    public var values: [String: UInt64]
    /// An image, then changes from the oldest to the newest.
    public var files: [PageFileSummary]

    /// Creates an owner.
    public init(regions: [SnapshotRegion], values: [String: UInt64], files: [PageFileSummary]) {
        self.regions = regions
        self.values = values
        self.files = files
    }
}

/// A region of an owner's memory: a table or an arena.
public struct SnapshotRegion: Codable, Equatable, Sendable {
    /// What the owner calls it: letters, digits, `.`, `_` and `-`.
    public var name: String
    /// Bytes in use at the snapshot.
    public var byteCount: Int

    /// Creates a region.
    public init(name: String, byteCount: Int) {
        self.name = name
        self.byteCount = byteCount
    }
}
