/// Reads fields one after another out of bytes that nobody has vouched for. Each call gives nil when what it asks for
/// is not there.
struct FieldReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count &- position }

    @inline(__always)
    mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value? {
        guard remaining >= MemoryLayout<Value>.size else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: Value.self)
        position &+= MemoryLayout<Value>.size
        return Value(bigEndian: value)
    }

    @inline(__always)
    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position &+= 1 }
        return bytes[position]
    }

    /// `count` bytes, without a copy. Nil for a negative count.
    @inline(__always)
    mutating func take(_ count: Int64) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= Int64(remaining) else { return nil }
        let start = position
        position &+= Int(count)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Kafka's signed variable-length integer. Nil when it is longer than ten bytes.
    @inline(__always)
    mutating func varint() -> Int64? {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while let next = byte() {
            if shift == 63, next > 1 { return nil }
            result |= UInt64(next & 0x7f) &<< shift
            if next < 0x80 { return Int64(bitPattern: result &>> 1) ^ -Int64(bitPattern: result & 1) }
            shift &+= 7
            if shift > 63 { return nil }
        }
        return nil
    }
}
