import StarlingLog

/// How a record of a topic lies in the log: everything but its value is the log record's value, its value the body (none for
/// nil), so that it may be erased later. The log record's key is the murmur2 hash of the key, 0 for none.
///
/// version u8 = 1, flags u8 (1: a producer, 2: a key), then producer and sequence, the key, and the headers with their count
/// before them; integers are of variable length.
enum RecordFormat {
    private static let version: UInt8 = 1
    private static let hasProducer: UInt8 = 1
    private static let hasKey: UInt8 = 2

    /// What a record may take of a log's reservation.
    static func reservation(_ record: NewTopicRecord) -> Int {
        LogWriter.reservation(
            valueBytes: 64 + (record.key?.count ?? 0) + headerBytes(record), bodyBytes: record.value?.count ?? 0)
    }

    private static func headerBytes(_ record: NewTopicRecord) -> Int {
        record.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.count + 10 }
    }

    static func encode(
        key: [UInt8]?, headers: [RecordHeader], producer: ProducerSequence?, into encoder: inout ByteEncoder
    ) {
        encoder.removeAll()
        encoder.byte(version)
        encoder.byte((producer == nil ? 0 : hasProducer) | (key == nil ? 0 : hasKey))
        if let producer {
            encoder.varint(producer.producer)
            encoder.varint(producer.first)
        }
        if let key { encoder.field(key) }
        encoder.varint(UInt64(headers.count))
        for header in headers {
            encoder.field(header.name.utf8)
            encoder.field(header.value)
        }
    }

    /// The producer of a record and its sequence; nil when it has none, or cannot be read.
    static func producer(of record: LogRecordView) -> ProducerSequence? {
        var decoder = ByteDecoder(record.value)
        guard decoder.byte() == version, let flags = decoder.byte(), flags & hasProducer != 0,
            let producer = decoder.varint(), let sequence = decoder.varint()
        else { return nil }
        return ProducerSequence(producer: producer, first: sequence)
    }

    /// The record that a log record holds; nil when it is of another version, or nonsense.
    static func decode(_ record: LogRecordView) -> TopicRecord? {
        var result = TopicRecord(
            offset: record.lsn - 1, timestamp: record.timestamp, key: nil, value: record.body.map { Array($0) },
            headers: [], isLost: record.isLost)
        if record.isLost { return result }
        var decoder = ByteDecoder(record.value)
        guard decoder.byte() == version, let flags = decoder.byte() else { return nil }
        if flags & hasProducer != 0 {
            guard decoder.varint() != nil, decoder.varint() != nil else { return nil }
        }
        if flags & hasKey != 0 {
            guard let key = decoder.field() else { return nil }
            result.key = key
        }
        guard let count = decoder.varint(), count <= UInt64(decoder.remaining) else { return nil }
        for _ in 0..<count {
            guard let name = decoder.field(), let value = decoder.field() else { return nil }
            result.headers.append(RecordHeader(name: String(decoding: name, as: UTF8.self), value: value))
        }
        return decoder.isAtEnd ? result : nil
    }
}
