/// Writes messages in the binary format of Protocol Buffers into memory whose room was checked before: checks for each byte doubled
/// the time of a feed page.
struct MessageOutput {
    /// Where the next byte goes.
    private(set) var end: UnsafeMutableRawPointer

    init(at start: UnsafeMutableRawPointer) { end = start }

    /// The field's number and type as the format packs them, or any other byte.
    @inline(__always)
    mutating func put(_ byte: UInt8) {
        end.storeBytes(of: byte, as: UInt8.self)
        end += 1
    }

    @inline(__always)
    mutating func putFixed(_ number: UInt64) {
        end.storeBytes(of: number.littleEndian, as: UInt64.self)
        end += 8
    }

    @inline(__always)
    mutating func putVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        end.copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    /// Leaves the room to which `skip` bytes belong and returns it.
    @inline(__always)
    mutating func skip(_ count: Int) -> UnsafeMutableRawPointer {
        defer { end += count }
        return end
    }

    /// Writes the length of what follows `length` into it: less than 128 bytes.
    @inline(__always)
    func fill(_ length: UnsafeMutableRawPointer) {
        length.storeBytes(of: UInt8(truncatingIfNeeded: end - length - 1), as: UInt8.self)
    }

    /// A field with a `Timestamp`: at most 18 bytes.
    @inline(__always)
    mutating func putTimestamp(_ tag: UInt8, milliseconds time: UInt64) {
        put(tag)
        let length = skip(1)
        let (seconds, milliseconds) = time.quotientAndRemainder(dividingBy: 1_000)
        if seconds != 0 {
            put(1 << 3 | 0)
            putVarint(seconds)
        }
        if milliseconds != 0 {
            put(2 << 3 | 0)
            putVarint(milliseconds * 1_000_000)
        }
        fill(length)
    }
}
