/// Stores fields one after another into memory that the caller has reserved. It checks no bounds: the caller has
/// added up the sizes first.
struct FieldWriter {
    private(set) var pointer: UnsafeMutableRawPointer

    init(_ pointer: UnsafeMutableRawPointer) { self.pointer = pointer }

    @inline(__always)
    mutating func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        pointer.storeBytes(of: value.littleEndian, as: Value.self)
        pointer += MemoryLayout<Value>.size
    }

    @inline(__always)
    mutating func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        pointer.storeBytes(of: value.bigEndian, as: Value.self)
        pointer += MemoryLayout<Value>.size
    }

    @inline(__always)
    mutating func byte(_ value: UInt8) {
        pointer.storeBytes(of: value, as: UInt8.self)
        pointer += 1
    }

    @inline(__always)
    mutating func bytes(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress else { return }
        pointer.copyMemory(from: start, byteCount: source.count)
        pointer += source.count
    }

    /// Kafka's signed variable-length integer: zigzag, then seven bits a byte, lowest first.
    @inline(__always)
    mutating func varint(_ value: Int64) {
        var rest = Self.zigzag(value)
        while rest >= 0x80 {
            byte(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest &>>= 7
        }
        byte(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)) }

    /// Bytes that `varint` takes: 1 to 10.
    @inline(__always)
    static func varintSize(_ value: Int64) -> Int {
        max(1, (64 &- zigzag(value).leadingZeroBitCount &+ 6) / 7)
    }
}
