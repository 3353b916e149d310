/// When a write counts as acknowledged.
public enum AcknowledgementLevel: String, Sendable, CaseIterable {
    /// It sits in memory. Lost with the process.
    case memory
    /// The kernel has it. Survives the end of the process, not the loss of power.
    case os
    /// `fdatasync` returned. Survives the loss of power on a device that honours flush.
    case disk
}

extension AcknowledgementLevel: Comparable {
    private var rank: Int {
        switch self {
        case .memory: 0
        case .os: 1
        case .disk: 2
        }
    }

    /// Whether `left` survives less than `right`.
    public static func < (left: AcknowledgementLevel, right: AcknowledgementLevel) -> Bool { left.rank < right.rank }
}

/// What the operator may choose about a log.
public struct LogConfiguration: Sendable {
    /// When `commit` counts a record as acknowledged.
    public var level = AcknowledgementLevel.disk
    /// Size to which a segment is preallocated and at which the log rolls. At least 64 KiB.
    public var segmentBytes: UInt64 = 64 << 20
    /// Bytes that a new segment takes on the disk; it then doubles up to `segmentBytes` as it fills. Nil: `segmentBytes` at
    /// once, which costs the writes nothing later. For many logs of which most stay small.
    public var firstSegmentBytes: UInt64?
    /// Age at which the log rolls to a new segment: milliseconds between its first record and one that is appended, by
    /// the timestamps of the records. 0: never by age. Above 0 the next segment is always kept ready on the disk.
    public var segmentMilliseconds: UInt64 = 0
    /// Uncompressed size at which a batch is sealed.
    public var batchBytes = 32 << 10
    /// Most bytes that value and body of one record may have together.
    public var maximumRecordBytes = 1 << 20
    /// Most bytes that may wait for `commit`, appended and not yet written.
    public var maximumPendingBytes = 64 << 20
    /// The watermark file is rewritten after this many commits that wrote something. 0: only by `updateWatermark`.
    public var commitsPerWatermark = 16
    /// Tests of rolling, and the simulation, need segments of a few hundred bytes.
    package var allowsTinySegments = false

    /// The defaults.
    public init() {}

    /// What a segment is preallocated to when it is made.
    var initialSegmentBytes: UInt64 { min(firstSegmentBytes ?? segmentBytes, segmentBytes) }

    /// What the active segment is preallocated to, so that it holds `size` bytes.
    func preallocation(holding size: UInt64, now capacity: UInt64) -> UInt64 {
        firstSegmentBytes == nil ? max(size, segmentBytes) : max(size, min(segmentBytes, capacity * 2))
    }

    func validate() throws(LogError) {
        if segmentBytes < LogLimits.smallestSegmentBytes, !allowsTinySegments {
            throw .invalidConfiguration(
                "segmentBytes is \(segmentBytes), the least is \(LogLimits.smallestSegmentBytes)")
        }
        if segmentBytes > 1 << 40 { throw .invalidConfiguration("segmentBytes is \(segmentBytes), the most is 1 TiB") }
        if let firstSegmentBytes, firstSegmentBytes < 1 {
            throw .invalidConfiguration("firstSegmentBytes must be at least 1")
        }
        if batchBytes < 1 || maximumRecordBytes < 1 || commitsPerWatermark < 0 {
            throw .invalidConfiguration("batchBytes and maximumRecordBytes must be at least 1")
        }
        let (sum, overflow) = batchBytes.addingReportingOverflow(maximumRecordBytes)
        if overflow || sum > LogLimits.batchBytes - LogLimits.recordOverheadBytes {
            throw .invalidConfiguration("batchBytes + maximumRecordBytes must stay below 16 MiB")
        }
        if maximumPendingBytes < sum || maximumPendingBytes > 1 << 30 {
            throw .invalidConfiguration("maximumPendingBytes must hold a batch and a record, and be at most 1 GiB")
        }
    }
}

/// What the caller already knows about a log before it is opened, for example from a snapshot or a manifest.
public struct LogExpectation: Sendable {
    /// The log's id, when known. Another log in the directory is refused.
    public var logID: UInt64?
    /// Highest lsn known to be durable. A log that ends before it is refused.
    public var durableLSN: UInt64 = 0
    /// A record and the chain after it, as a snapshot tells them. Opening then reads only the segments from that record
    /// on, and refuses a log that ends before it, begins after it, or has another chain there.
    public var point: LogPoint?
    /// Decode every record and verify the chain record by record, not only envelope by envelope. Reads the whole
    /// log, also when there is a `point`.
    public var verifiesRecords = false

    /// Knows nothing.
    public init() {}
}

/// A place in a log that can be recognised again: equal chains at one lsn mean equal logs up to there.
public struct LogPoint: Equatable, Sendable {
    /// The record. 0: before the first.
    public var lsn: UInt64
    /// The chain after it; the log's id before the first.
    public var chain: UInt64

    /// Creates a point.
    public init(lsn: UInt64, chain: UInt64) {
        self.lsn = lsn
        self.chain = chain
    }
}
