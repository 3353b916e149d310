import StarlingSystem

/// Where a log is damaged and what that costs.
public struct LogDamage: Error, Equatable, Sendable {
    /// File name of the segment.
    public var segment: String
    /// The unreadable bytes of that file.
    public var byteRange: Range<UInt64>
    /// The records that cannot be read, when their numbers follow from what is around the damage.
    public var lsnRange: ClosedRange<UInt64>?
    /// Highest lsn that is known to have been durable.
    public var durableWatermark: UInt64
    /// What is wrong there.
    public var reason: String

    /// Creates a description of damage.
    public init(
        segment: String, byteRange: Range<UInt64>, lsnRange: ClosedRange<UInt64>?, durableWatermark: UInt64,
        reason: String
    ) {
        self.segment = segment
        self.byteRange = byteRange
        self.lsnRange = lsnRange
        self.durableWatermark = durableWatermark
        self.reason = reason
    }
}

/// What a log lacks.
public struct LogGap: Error, Equatable, Sendable {
    /// First missing lsn.
    public var firstMissing: UInt64
    /// Last missing lsn, as far as it is known.
    public var lastMissing: UInt64
    /// Highest lsn that is known to have been durable.
    public var durableWatermark: UInt64
    /// What the conclusion rests on.
    public var reason: String

    /// Creates a description of a gap.
    public init(firstMissing: UInt64, lastMissing: UInt64, durableWatermark: UInt64, reason: String) {
        self.firstMissing = firstMissing
        self.lastMissing = lastMissing
        self.durableWatermark = durableWatermark
        self.reason = reason
    }
}

/// Everything that can go wrong with a log.
public enum LogError: Error, Equatable, Sendable {
    /// Acknowledged data cannot be read back. Nothing was changed.
    case damaged(LogDamage)
    /// The log is shorter than what is known to have been durable. Nothing was changed.
    case missing(LogGap)
    /// A file carries the id of another log.
    case foreignFile(path: String, found: UInt64, expected: UInt64)
    /// A segment, or the watermark file, was written by a version that this one does not know.
    case unknownFormat(path: String, version: Int)
    /// Another process holds the log.
    case locked(path: String)
    /// The directory or a file in it could not be created.
    case cannotCreate(DiskError)
    /// A read failed.
    case readFailed(DiskError)
    /// A write or a sync failed now. What became of the records since the last commit is unknown.
    case writeFailed(DiskError)
    /// An earlier write or sync failed. The writer does nothing any more.
    case poisoned(DiskError)
    /// There is no room for the next segment. Nothing was changed; try again when there is space.
    case outOfSpace(DiskError)
    /// The record is larger than `maximumRecordBytes`. Nothing was changed.
    case recordTooLarge(bytes: Int, limit: Int)
    /// The timestamp does not fit Kafka's signed 64 bits. Nothing was changed.
    case timestampOutOfRange(UInt64)
    /// More would wait for `commit` than `maximumPendingBytes`. Nothing was changed; commit first.
    case tooMuchPending(bytes: Int, limit: Int)
    /// There is no record with that lsn. `first` is above `last` in an empty log.
    case notFound(lsn: UInt64, first: UInt64, last: UInt64)
    /// The record was removed by retention while it was about to be read. The log now begins with `first`.
    case overtaken(lsn: UInt64, first: UInt64)
    /// Old segments could not be removed. The log itself is whole; the next call goes on.
    case retentionFailed(DiskError)
    /// The chain after record `lsn` is not what the caller knows: what it knows, for example a snapshot, belongs to
    /// another history. Nothing was changed. `found` is nil when that record was lost.
    case otherHistory(lsn: UInt64, expected: UInt64, found: UInt64?)
    /// The directory that salvage should fill is not empty. Nothing was changed.
    case targetNotEmpty(path: String)
    /// The writer was closed.
    case closed
    /// The configuration contradicts a limit.
    case invalidConfiguration(String)

    /// The exit code of a program that ends because of this error: 64 usage, 65 data damaged, 66 data missing, 70 fatal
    /// failure in service, 73 cannot create or locked, 74 failure while reading, 75 temporary, 78 configuration or
    /// unknown format.
    public var exitCode: Int32 {
        switch self {
        case .recordTooLarge, .timestampOutOfRange, .notFound, .overtaken: 64
        case .damaged, .foreignFile, .otherHistory: 65
        case .missing: 66
        case .writeFailed, .poisoned, .closed, .retentionFailed: 70
        case .locked, .cannotCreate, .targetNotEmpty: 73
        case .readFailed: 74
        case .outOfSpace, .tooMuchPending: 75
        case .unknownFormat, .invalidConfiguration: 78
        }
    }
}
