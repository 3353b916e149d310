import StarlingSystem

/// A record as it lies in a batch.
struct DecodedRecord {
    let timestamp: UInt64
    let key: UInt64
    let value: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer?
    /// Set when the body was erased and only its hash is left.
    let erasedBodyHash: Hash128?
    /// Whether nothing is left of it but its number.
    var isLost = false

    var bodyHash: Hash128 { erasedBodyHash ?? RecordChain.bodyHash(body) }
}

/// Walks through the uncompressed records of one batch. Checks every length; never reads outside the batch.
struct RecordDecoder {
    private var fields: FieldReader
    private let baseTimestamp: UInt64
    private let count: UInt32
    /// Place in the batch of the record that `next` gives.
    private(set) var index: UInt32 = 0
    private var isLost = false

    /// For an envelope that stands for records which were lost.
    init(lostRecords count: UInt32) {
        fields = FieldReader(UnsafeRawBufferPointer(start: nil, count: 0))
        baseTimestamp = 0
        self.count = count
        isLost = true
    }

    init(records: UnsafeRawBufferPointer, header: KafkaBatchHeader) {
        fields = FieldReader(records)
        baseTimestamp = header.baseTimestamp
        count = header.count
    }

    var isAtEnd: Bool { index == count }

    /// Whether nothing follows the last record.
    var isExhausted: Bool { isAtEnd && fields.remaining == 0 }

    /// Steps over one record by its length.
    mutating func skip() throws(BatchFormatError) {
        if isLost { index &+= 1 } else { _ = try takeRecord() }
    }

    private mutating func takeRecord() throws(BatchFormatError) -> UnsafeRawBufferPointer {
        guard index < count, let length = fields.varint(), let record = fields.take(length) else {
            throw BatchFormatError("a record's length leads out of its batch")
        }
        index &+= 1
        return record
    }

    /// Decodes one record. The pointers lie in the bytes that the decoder was made with.
    mutating func next() throws(BatchFormatError) -> DecodedRecord {
        if isLost {
            guard index < count else { throw BatchFormatError("more lost records are asked for than there are") }
            index &+= 1
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            return DecodedRecord(timestamp: 0, key: 0, value: nothing, body: nil, erasedBodyHash: nil, isLost: true)
        }
        let expectedDelta = Int64(index)
        var record = FieldReader(try takeRecord())
        guard
            record.byte() == 0,
            let timestampDelta = record.varint(),
            record.varint() == expectedDelta,
            record.varint() == 8,
            let key = record.bigEndian(UInt64.self),
            let valueLength = record.varint(),
            let value = record.take(valueLength),
            let headers = record.varint(), headers == 0 || headers == 1
        else { throw BatchFormatError("a record has fields that no writer of this log writes") }
        let (timestamp, overflow) = Int64(baseTimestamp).addingReportingOverflow(timestampDelta)
        guard !overflow, timestamp >= 0 else { throw BatchFormatError("a record's time is out of range") }
        var body: UnsafeRawBufferPointer?
        var erasedBodyHash: Hash128?
        if headers == 1 {
            guard
                let nameLength = record.varint(), let name = record.take(nameLength),
                let contentLength = record.varint(), let content = record.take(contentLength)
            else { throw BatchFormatError("a record's header is cut short") }
            if equal(name, BatchBuilder.bodyName) {
                body = content
            } else if equal(name, BatchBuilder.bodyHashName), content.count == 16 {
                var halves = FieldReader(content)
                guard let high = halves.bigEndian(UInt64.self), let low = halves.bigEndian(UInt64.self) else {
                    throw BatchFormatError("a body hash is cut short")
                }
                erasedBodyHash = Hash128(high: high, low: low)
            } else {
                throw BatchFormatError("a record has an unknown header")
            }
        }
        guard record.remaining == 0 else { throw BatchFormatError("a record is longer than its fields") }
        return DecodedRecord(
            timestamp: UInt64(timestamp), key: key, value: value, body: body, erasedBodyHash: erasedBodyHash)
    }

    @inline(__always)
    private func equal(_ bytes: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where bytes[index] != name.utf8Start[index] { return false }
        return true
    }
}
