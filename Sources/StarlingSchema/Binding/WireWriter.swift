/// Writes a message in the binary format of Protocol Buffers.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case lengthDelimited = 2
        case fixed32 = 5
    }

    mutating func writeVarint(_ value: UInt64, field: Int) {
        writeTag(field, .varint)
        appendVarint(value)
    }

    mutating func writeFixed32(_ value: UInt32, field: Int) {
        writeTag(field, .fixed32)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func writeFixed64(_ value: UInt64, field: Int) {
        writeTag(field, .fixed64)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func writeBytes(_ content: some Collection<UInt8>, field: Int) {
        writeTag(field, .lengthDelimited)
        appendVarint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    /// Begins a message inside this one. Hand the result to `end`.
    mutating func begin(field: Int) -> Int {
        writeTag(field, .lengthDelimited)
        return bytes.count
    }

    /// Ends a message that began at `start`: moves it up and puts its length before it.
    mutating func end(_ start: Int) {
        var length = UInt64(bytes.count - start)
        var place = start
        while length >= 0x80 {
            bytes.insert(UInt8(truncatingIfNeeded: length) | 0x80, at: place)
            place += 1
            length >>= 7
        }
        bytes.insert(UInt8(truncatingIfNeeded: length), at: place)
    }

    private mutating func writeTag(_ field: Int, _ type: WireType) {
        appendVarint(UInt64(field) << 3 | type.rawValue)
    }

    private mutating func appendVarint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value))
    }
}
