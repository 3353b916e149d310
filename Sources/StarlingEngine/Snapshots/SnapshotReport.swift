/// What became of one snapshot.
public struct SnapshotReport: Sendable, Equatable {
    /// The last record in it.
    public var lsn: UInt64
    /// Whether it holds all pages, or those that changed.
    public var isFull: Bool
    /// Pages of 4 KiB that were written.
    public var pages: UInt64
    /// From its beginning to its installation, in nanoseconds.
    public var nanoseconds: UInt64
    /// The digest of the state that it holds, read back from its files.
    public var digest: String
}

/// Snapshots since the engine was opened.
public struct SnapshotStatistics: Sendable {
    /// How many were installed.
    public var installed: UInt64 = 0
    /// How many failed.
    public var failed: UInt64 = 0
    /// Why the last one failed, or nil.
    public var lastFailure: String?
    /// The last one that was installed, or nil.
    public var last: SnapshotReport?
    /// The last record of the newest snapshot, loaded or installed; 0 for none.
    public var newestLSN: UInt64 = 0
    /// The log is kept from the record after this one.
    public var oldestLSN: UInt64 = 0
}
