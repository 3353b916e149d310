/// Takes an input apart. At its end everything is 0, so that every input means something.
struct InputReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        position += 1
        return bytes[position - 1]
    }

    /// Little endian.
    mutating func word<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type) -> Value {
        (0..<MemoryLayout<Value>.size).reduce(0) { $0 | Value(byte()) << Value($1 * 8) }
    }

    /// `count` bytes, fewer at the end.
    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    /// A number that is small as a rule, and now and then one at the edge of what 64 bits hold.
    mutating func number() -> UInt64 {
        let byte = byte()
        switch byte {
        case 0..<240: return UInt64(byte)
        case 240..<248: return UInt64.max - UInt64(byte - 240)
        case 248: return UInt64(Int64.max)
        case 249: return UInt64(Int64.max) + 1
        case 250: return UInt64(UInt32.max)
        case 251: return UInt64(UInt32.max) + 1
        default: return word(UInt64.self)
        }
    }
}
