/// A named value beside a record's own.
public struct RecordHeader: Equatable, Sendable {
    /// Its name; need not be unique.
    public var name: String
    /// Its value.
    public var value: [UInt8]

    /// Creates a header.
    public init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// A record to be stored.
public struct NewTopicRecord: Equatable, Sendable {
    /// Decides the partition, unless the request names one. Nil for none.
    public var key: [UInt8]?
    /// Nil marks the key as deleted, as in Kafka.
    public var value: [UInt8]?
    /// Beside the value.
    public var headers: [RecordHeader]
    /// Milliseconds since 1970 by the producer's clock; nil for the server's.
    public var timestamp: UInt64?

    /// Creates a record.
    public init(key: [UInt8]? = nil, value: [UInt8]?, headers: [RecordHeader] = [], timestamp: UInt64? = nil) {
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }
}

/// A stored record.
public struct TopicRecord: Equatable, Sendable {
    /// Its number in the partition: from 0 on, without gaps.
    public var offset: UInt64
    /// Milliseconds since 1970.
    public var timestamp: UInt64
    /// Nil for none.
    public var key: [UInt8]?
    /// Nil marks the key as deleted, or the value was erased.
    public var value: [UInt8]?
    /// Beside the value.
    public var headers: [RecordHeader]
    /// Whether damage took the record: salvage has kept its offset and nothing else.
    public var isLost: Bool
}

/// Where a record was put.
public struct RecordPosition: Equatable, Sendable {
    /// The partition.
    public var partition: Int
    /// The offset in it.
    public var offset: UInt64
}

/// Lets a producer repeat a request: a record that is stored already is answered with its offset and not stored again.
public struct ProducerSequence: Equatable, Sendable {
    /// The producer: a number of its own choice, drawn at random, not 0.
    public var producer: UInt64
    /// The number of the request's first record, among all that this producer has sent to this partition: 0 for the first.
    public var first: UInt64

    /// Creates a sequence.
    public init(producer: UInt64, first: UInt64) {
        self.producer = producer
        self.first = first
    }
}
