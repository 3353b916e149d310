import StarlingLog

/// Records to be stored in a topic.
public struct ProduceRequest: Sendable {
    /// The topic.
    public var topic: TopicName
    /// The partition for all of them; nil for that of each record's key.
    public var partition: Int?
    /// 1 to `TopicLimits.recordsPerRequest`.
    public var records: [NewTopicRecord]
    /// Makes the request safe to repeat. All records must then go to one partition.
    public var producer: ProducerSequence?
    /// When the request is answered; nil for the topics' own level.
    public var level: AcknowledgementLevel?

    /// Creates a request.
    public init(
        topic: TopicName, partition: Int? = nil, records: [NewTopicRecord], producer: ProducerSequence? = nil,
        level: AcknowledgementLevel? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.records = records
        self.producer = producer
        self.level = level
    }

    /// Throws the first thing that no topic would take.
    func validate() throws(TopicError) {
        if TopicName.system.contains(topic) { throw .reservedName(topic) }
        guard (1...TopicLimits.recordsPerRequest).contains(records.count) else {
            throw .invalid(
                field: "records",
                reason: "it has \(records.count) records; 1 to \(TopicLimits.recordsPerRequest) are allowed")
        }
        if let producer {
            if producer.producer == 0 { throw .invalid(field: "producerId", reason: "it must not be 0") }
            if producer.first >= 1 << 62 { throw .invalid(field: "sequence", reason: "it must be below 2^62") }
        }
        for (index, record) in records.enumerated() { try Self.validate(record, index) }
    }

    private static func validate(_ record: NewTopicRecord, _ index: Int) throws(TopicError) {
        if let key = record.key, key.count > TopicLimits.keyBytes {
            throw .invalid(field: "records[\(index)].key", reason: "it has more than \(TopicLimits.keyBytes) bytes")
        }
        guard record.headers.count <= TopicLimits.headers else {
            throw .invalid(field: "records[\(index)].headers", reason: "there are more than \(TopicLimits.headers)")
        }
        for header in record.headers {
            guard (1...TopicLimits.headerNameBytes).contains(header.name.utf8.count) else {
                throw .invalid(
                    field: "records[\(index)].headers", reason: "a name has 1 to \(TopicLimits.headerNameBytes) bytes")
            }
        }
        if let timestamp = record.timestamp, timestamp > LogLimits.highestTimestamp {
            throw .invalid(field: "records[\(index)].timestamp", reason: "it does not fit 63 bits")
        }
        let bytes = RecordFormat.reservation(record)
        if bytes > TopicLimits.recordBytes { throw .recordTooLarge(index: index, bytes: bytes) }
    }

    /// What it keeps in memory while it waits, roughly.
    var bytes: Int { records.reduce(0) { $0 + RecordFormat.reservation($1) } }
}

/// Where the records of a request are.
public struct ProduceReceipt: Equatable, Sendable {
    /// In the order of the request.
    public var positions: [RecordPosition]
    /// How many of them were there already: the request was a repetition.
    public var storedBefore: Int
    /// What they have reached.
    public var level: AcknowledgementLevel
}
