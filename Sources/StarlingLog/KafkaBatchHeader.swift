import StarlingSystem

/// The 61 bytes at the start of a Kafka record batch, version 2, all big endian.
///
/// Format: <https://kafka.apache.org/documentation/#recordbatch>. Producer id, producer epoch and base sequence are -1
/// (no idempotent producer), the partition leader epoch is 0.
struct KafkaBatchHeader: Equatable {
    static let size = 61
    /// Bytes before what `batchLength` counts.
    static let uncountedBytes = 12
    /// First byte that the checksum covers.
    static let checksumStart = 21
    static let codecNone: Int16 = 0
    static let codecLZ4: Int16 = 3

    var baseOffset: UInt64
    var codec: Int16
    var baseTimestamp: UInt64
    var maxTimestamp: UInt64
    var count: UInt32

    /// Completes a batch: stores the header before `recordsLength` bytes that are in place already, then the checksum.
    func write(to pointer: UnsafeMutableRawPointer, recordsLength: Int) {
        var fields = FieldWriter(pointer)
        fields.bigEndian(baseOffset)
        fields.bigEndian(Int32(Self.size - Self.uncountedBytes + recordsLength))
        fields.bigEndian(Int32(0))
        fields.byte(2)
        let checksum = fields.pointer
        fields.bigEndian(UInt32(0))
        fields.bigEndian(codec)
        fields.bigEndian(Int32(count) - 1)
        fields.bigEndian(baseTimestamp)
        fields.bigEndian(maxTimestamp)
        fields.bigEndian(Int64(-1))
        fields.bigEndian(Int16(-1))
        fields.bigEndian(Int32(-1))
        fields.bigEndian(Int32(count))
        let covered = UnsafeRawBufferPointer(
            start: pointer + Self.checksumStart, count: Self.size - Self.checksumStart + recordsLength)
        checksum.storeBytes(of: CRC32C.checksum(covered).bigEndian, as: UInt32.self)
    }

    /// Reads the header of `batch`, which must be one whole batch, and compares its lengths. The checksum is compared by
    /// `checksumMatches`.
    static func parse(_ batch: UnsafeRawBufferPointer) throws(BatchFormatError) -> KafkaBatchHeader {
        var fields = FieldReader(batch)
        guard
            let baseOffset = fields.bigEndian(UInt64.self),
            let length = fields.bigEndian(Int32.self),
            fields.bigEndian(Int32.self) != nil,
            let magic = fields.byte(),
            fields.bigEndian(UInt32.self) != nil,
            let attributes = fields.bigEndian(Int16.self),
            let lastOffsetDelta = fields.bigEndian(Int32.self),
            let baseTimestamp = fields.bigEndian(UInt64.self),
            let maxTimestamp = fields.bigEndian(UInt64.self),
            fields.bigEndian(Int64.self) == -1,
            fields.bigEndian(Int16.self) == -1,
            fields.bigEndian(Int32.self) == -1,
            let count = fields.bigEndian(Int32.self)
        else { throw BatchFormatError("the batch header is cut short or names a producer") }
        guard magic == 2 else { throw BatchFormatError("the batch is not of version 2") }
        guard Int(length) == batch.count - uncountedBytes else { throw BatchFormatError("the batch's length is wrong") }
        guard attributes == codecNone || attributes == codecLZ4 else {
            throw BatchFormatError("the batch's attributes are unknown")
        }
        guard count > 0, lastOffsetDelta == count - 1 else { throw BatchFormatError("the batch's counts disagree") }
        guard baseTimestamp <= LogLimits.highestTimestamp, maxTimestamp <= LogLimits.highestTimestamp else {
            throw BatchFormatError("the batch's time is negative")
        }
        return KafkaBatchHeader(
            baseOffset: baseOffset, codec: attributes, baseTimestamp: baseTimestamp, maxTimestamp: maxTimestamp,
            count: UInt32(count))
    }

    /// Whether Kafka's own CRC-32C of a whole batch agrees.
    static func checksumMatches(_ batch: UnsafeRawBufferPointer) -> Bool {
        guard batch.count >= size else { return false }
        let stored = UInt32(bigEndian: batch.loadUnaligned(fromByteOffset: checksumStart - 4, as: UInt32.self))
        return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: batch[checksumStart...])) == stored
    }
}

/// Why bytes with a valid checksum are not a batch of ours.
struct BatchFormatError: Error, Equatable {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
