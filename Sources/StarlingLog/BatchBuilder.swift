import StarlingSystem

/// The open batch: records in Kafka's encoding, one after another, not yet compressed. Owned by the writer's thread.
struct BatchBuilder: ~Copyable {
    private var buffer: GrowableBytes
    private(set) var count: UInt32 = 0
    private(set) var baseLSN: UInt64 = 0
    private(set) var baseTimestamp: UInt64 = 0
    private(set) var maxTimestamp: UInt64 = 0
    private(set) var previousChain: UInt64 = 0

    /// Kafka's record header for the erasable part.
    static let bodyName: StaticString = "body"
    /// Kafka's record header for the hash that stands where an erased part was.
    static let bodyHashName: StaticString = "body-hash"

    init(capacity: Int) { buffer = GrowableBytes(capacity: capacity) }

    var records: UnsafeRawBufferPointer { buffer.bytes }

    /// Starts over. The memory stays.
    mutating func start(baseLSN: UInt64, timestamp: UInt64, chain: UInt64) {
        buffer.removeAll()
        count = 0
        self.baseLSN = baseLSN
        baseTimestamp = timestamp
        maxTimestamp = timestamp
        previousChain = chain
    }

    mutating func removeAll() {
        buffer.removeAll()
        count = 0
    }

    /// Adds one record whose body was erased, when `erasedBodyHash` is given.
    mutating func append(
        timestamp: UInt64, key: UInt64, value: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer?,
        erasedBodyHash: Hash128?
    ) {
        guard let hash = erasedBodyHash else {
            return append(timestamp: timestamp, key: key, value: value, header: Self.bodyName, content: body)
        }
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 8) { content in
            guard let start = content.baseAddress else { return }
            var fields = FieldWriter(start)
            fields.bigEndian(hash.high)
            fields.bigEndian(hash.low)
            append(
                timestamp: timestamp, key: key, value: value, header: Self.bodyHashName,
                content: UnsafeRawBufferPointer(content))
        }
    }

    /// Adds one record. Sizes and timestamps have been compared with the limits.
    mutating func append(timestamp: UInt64, key: UInt64, value: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer?) {
        append(timestamp: timestamp, key: key, value: value, header: Self.bodyName, content: body)
    }

    private mutating func append(
        timestamp: UInt64, key: UInt64, value: UnsafeRawBufferPointer, header: StaticString,
        content: UnsafeRawBufferPointer?
    ) {
        let timestampDelta = Int64(timestamp) - Int64(baseTimestamp)
        let offsetDelta = Int64(count)
        var size = 1 + FieldWriter.varintSize(timestampDelta) + FieldWriter.varintSize(offsetDelta) + 1 + 8
        size += FieldWriter.varintSize(Int64(value.count)) + value.count + 1
        if let content {
            size += 1 + header.utf8CodeUnitCount + FieldWriter.varintSize(Int64(content.count)) + content.count
        }
        let total = FieldWriter.varintSize(Int64(size)) + size
        buffer.reserve(total)
        var fields = FieldWriter(buffer.end)
        fields.varint(Int64(size))
        fields.byte(0)
        fields.varint(timestampDelta)
        fields.varint(offsetDelta)
        fields.varint(8)
        fields.bigEndian(key)
        fields.varint(Int64(value.count))
        fields.bytes(value)
        fields.varint(content == nil ? 0 : 1)
        if let content {
            fields.varint(Int64(header.utf8CodeUnitCount))
            fields.bytes(UnsafeRawBufferPointer(start: header.utf8Start, count: header.utf8CodeUnitCount))
            fields.varint(Int64(content.count))
            fields.bytes(content)
        }
        buffer.advance(total)
        count += 1
        maxTimestamp = max(maxTimestamp, timestamp)
    }
}
