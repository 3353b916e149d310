import Synchronization

/// What a log's writer has done since it was opened.
public struct LogStatistics: Equatable, Sendable {
    /// Records in sealed batches.
    public var records: UInt64 = 0
    /// Sealed batches.
    public var batches: UInt64 = 0
    /// Bytes of records in sealed batches, before compression.
    public var bytesBeforeCompression: UInt64 = 0
    /// The same bytes after compression.
    public var bytesAfterCompression: UInt64 = 0
    /// Commits that wrote something.
    public var commits: UInt64 = 0
    /// Bytes written to segments, with envelopes.
    public var bytesWritten: UInt64 = 0
    /// Syncs of segments.
    public var syncs: UInt64 = 0
    /// Segments begun.
    public var segments: UInt64 = 0
    /// Writes of the watermark file that failed. Each costs only a later lower bound.
    public var watermarkFailures: UInt64 = 0
    /// Index files that could not be written. Each costs the reading of its segment at the next opening.
    public var indexFailures: UInt64 = 0
    /// Times that a segment had to be read because its index file was missing or wrong.
    public var indexRebuilds: UInt64 = 0
    /// Segments removed by retention.
    public var removedSegments: UInt64 = 0
}

/// The counters behind `LogStatistics`: written by the writer's thread and by retention, read by any.
final class LogCounters: Sendable {
    let records = Atomic<UInt64>(0)
    let batches = Atomic<UInt64>(0)
    let bytesBeforeCompression = Atomic<UInt64>(0)
    let bytesAfterCompression = Atomic<UInt64>(0)
    let commits = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    let syncs = Atomic<UInt64>(0)
    let segments = Atomic<UInt64>(0)
    let watermarkFailures = Atomic<UInt64>(0)
    let indexFailures = Atomic<UInt64>(0)
    let removedSegments = Atomic<UInt64>(0)

    func snapshot(indexRebuilds: UInt64) -> LogStatistics {
        LogStatistics(
            records: records.load(ordering: .relaxed),
            batches: batches.load(ordering: .relaxed),
            bytesBeforeCompression: bytesBeforeCompression.load(ordering: .relaxed),
            bytesAfterCompression: bytesAfterCompression.load(ordering: .relaxed),
            commits: commits.load(ordering: .relaxed),
            bytesWritten: bytesWritten.load(ordering: .relaxed),
            syncs: syncs.load(ordering: .relaxed),
            segments: segments.load(ordering: .relaxed),
            watermarkFailures: watermarkFailures.load(ordering: .relaxed),
            indexFailures: indexFailures.load(ordering: .relaxed),
            indexRebuilds: indexRebuilds,
            removedSegments: removedSegments.load(ordering: .relaxed)
        )
    }
}
