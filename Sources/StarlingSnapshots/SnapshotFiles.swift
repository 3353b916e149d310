/// Names of the files of snapshots. Only files with these names are ever touched.
enum SnapshotFiles {
    static let manifestSuffix = ".manifest"
    static let pagesSuffix = ".pages"
    /// What a file is called until it is whole and synced.
    static let unfinishedSuffix = ".tmp"

    /// `0000000000001001.manifest` for the snapshot of lsn 1001.
    static func manifest(lsn: UInt64) -> String { digits(lsn, 16) + manifestSuffix }

    /// `0000000000001001-003.pages` for the pages of owner 3 at lsn 1001.
    static func pages(lsn: UInt64, owner: Int) -> String {
        digits(lsn, 16) + "-" + digits(UInt64(max(0, owner)), 3) + pagesSuffix
    }

    /// The lsn of a manifest's name. Nil for any other name.
    static func lsn(ofManifest name: String) -> UInt64? {
        guard name.hasSuffix(manifestSuffix), let lsn = UInt64(name.dropLast(manifestSuffix.count)) else { return nil }
        return isPossible(lsn) && manifest(lsn: lsn) == name ? lsn : nil
    }

    /// Lsn and owner of a page file's name. Nil for any other name.
    static func identity(ofPages name: String) -> (lsn: UInt64, owner: Int)? {
        guard name.hasSuffix(pagesSuffix) else { return nil }
        let parts = name.dropLast(pagesSuffix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let lsn = UInt64(parts[0]), let owner = Int(parts[1]) else { return nil }
        guard isPossible(lsn), (0...SnapshotLimits.workers).contains(owner) else { return nil }
        return pages(lsn: lsn, owner: owner) == name ? (lsn, owner) : nil
    }

    /// Whether `name` is a file that was not finished.
    static func isLeftover(_ name: String) -> Bool {
        guard name.hasSuffix(unfinishedSuffix) else { return false }
        let whole = String(name.dropLast(unfinishedSuffix.count))
        return lsn(ofManifest: whole) != nil || identity(ofPages: whole) != nil
    }

    private static func isPossible(_ lsn: UInt64) -> Bool { lsn > 0 && lsn <= SnapshotLimits.highestLSN }

    private static func digits(_ value: UInt64, _ least: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, least - text.count)) + text
    }
}
