import StarlingLog

/// What its creator chose about a topic.
public struct TopicSettings: Equatable, Sendable {
    /// Partitions, at least 1; never changes.
    public var partitions: Int
    /// How much of each partition is kept. Whole segments go, never the one that is written.
    public var retention: RetentionPolicy

    /// Creates settings.
    public init(partitions: Int, retention: RetentionPolicy = RetentionPolicy()) {
        self.partitions = partitions
        self.retention = retention
    }
}

/// What the operator may choose about topics.
public struct TopicsConfiguration: Sendable {
    /// When a record counts as acknowledged, unless the request asks for another level. Readers see acknowledged records.
    public var level = AcknowledgementLevel.disk
    /// Size at which a partition's log rolls to a new segment.
    public var segmentBytes: UInt64 = 16 << 20
    /// What a partition's first segment takes on the disk while it is empty; see `LogConfiguration.firstSegmentBytes`.
    public var firstSegmentBytes: UInt64 = 64 << 10
    /// Retention of topics that are created without one.
    public var retention = RetentionPolicy(bytes: nil, milliseconds: 7 * 86_400 * 1_000)
    /// Partitions of all topics together. Each keeps three files open.
    public var maximumPartitions = 1_024
    /// Requests that may wait for the topics' writer before producers are told to come back.
    public var queueLimit = 16_384
    /// Bytes of requests that may wait for the topics' writer.
    public var queueBytes = 64 << 20
    /// Fetches that may wait for records.
    public var maximumWaiters = 10_000
    /// Idempotent producers that a partition remembers; beyond that, those who have been silent longest are forgotten.
    public var producersPerPartition = 10_000
    /// Tests of rolling need segments of a few hundred bytes.
    package var allowsTinySegments = false

    /// The defaults.
    public init() {}

    /// Most partitions of one topic.
    public static let partitionsPerTopic = 256

    /// What is wrong with it, or nil. Beyond these limits the catalogue or a checkpoint could not be read again.
    public var problem: String? {
        if !(1...100_000).contains(maximumPartitions) {
            return "maximumPartitions is \(maximumPartitions); it must be 1 to 100000"
        }
        if !(8...100_000).contains(producersPerPartition) {
            return "producersPerPartition is \(producersPerPartition); it must be 8 to 100000"
        }
        return nil
    }

    /// The settings of a partition's log.
    func log(retention: RetentionPolicy) -> LogConfiguration {
        var log = LogConfiguration()
        log.level = level
        log.segmentBytes = segmentBytes
        log.firstSegmentBytes = firstSegmentBytes
        log.maximumRecordBytes = TopicLimits.recordBytes
        log.maximumPendingBytes = 32 << 20
        log.allowsTinySegments = allowsTinySegments
        // What is never sealed can never go, so a segment holds at most a quarter of the time that is to be kept.
        if let age = retention.milliseconds { log.segmentMilliseconds = max(age / 4, 60_000) }
        return log
    }
}

/// Limits of records and requests.
public enum TopicLimits {
    /// Key, headers and value of one record together.
    public static let recordBytes = 1 << 20
    /// The key alone.
    public static let keyBytes = 64 << 10
    /// Headers of one record.
    public static let headers = 100
    /// The name of a header.
    public static let headerNameBytes = 1_000
    /// Records of one produce request.
    public static let recordsPerRequest = 10_000
    /// Records that one fetch hands out.
    public static let recordsPerFetch = 10_000
    /// How long a fetch may wait for records.
    public static let fetchWaitMilliseconds: UInt64 = 30_000
}
