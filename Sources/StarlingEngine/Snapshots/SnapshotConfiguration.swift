/// When snapshots are taken.
public struct SnapshotConfiguration: Sendable {
    /// Whether any are taken or loaded.
    public var isEnabled = true
    /// After this many records since the last one; 0 for never.
    public var records: UInt64 = 0
    /// After this many bytes of log since the last one; 0 for never.
    public var logBytes: UInt64 = 128 << 20
    /// After this many milliseconds in which something was written; 0 for never.
    public var milliseconds: UInt64 = 300_000
    /// When the engine is closed and at least this many records came since the last one; 0 for never.
    public var recordsAtClose: UInt64 = 10_000
    /// Copies of pages that may wait for the disk, of each worker. Past it fan-out pauses; reads go on.
    public var bufferBytes = 64 << 20
    /// Pages that an owner copies at a time: 64 KiB, some 10 us. Tests copy them one by one.
    var pagesPerStep = 16

    /// The defaults.
    public init() {}

    var problem: String? {
        bufferBytes < 1 << 20 ? "snapshots.bufferBytes is \(bufferBytes); it must be at least 1048576" : nil
    }
}
