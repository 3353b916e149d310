import StarlingSystem

extension UnsafeMutableRawBufferPointer {
    /// The little-endian number at `offset`, which is inside.
    func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Value.Type) -> Value {
        precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count)
        return Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Stores a number, little endian, at `offset`, which is inside.
    func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count)
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }

    /// Checksum of `range`, which is inside.
    func checksum(_ range: Range<Int>) -> UInt32 {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: self[range]))
    }

    /// The part at `range`, which is inside.
    func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return UnsafeMutableRawBufferPointer(rebasing: self[range])
    }
}

/// Little-endian bytes of a number.
func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
