/// Appends JSON tokens to a list of bytes.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []

    /// Nothing yet.
    package init() { bytes.reserveCapacity(512) }

    mutating func write(_ byte: Unicode.Scalar) { bytes.append(UInt8(ascii: byte)) }

    /// Text that is JSON already.
    package mutating func write(raw text: String) { bytes.append(contentsOf: text.utf8) }

    /// A string in quotes. Escapes only what RFC 8259 demands.
    package mutating func write(string: String) {
        var string = string
        write("\"")
        string.withUTF8 { utf8 in
            var runStart = 0
            for (index, byte) in utf8.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5c {
                bytes.append(contentsOf: utf8[runStart..<index])
                writeEscape(byte)
                runStart = index + 1
            }
            bytes.append(contentsOf: utf8[runStart...])
        }
        write("\"")
    }

    /// Base64 in quotes.
    mutating func write(base64 content: some Sequence<UInt8>) {
        write("\"")
        Base64.append(content, to: &bytes)
        write("\"")
    }

    /// An RFC 3339 time in quotes.
    mutating func write(timestamp: TimestampText) {
        write("\"")
        timestamp.append(to: &bytes)
        write("\"")
    }

    private mutating func writeEscape(_ byte: UInt8) {
        write("\\")
        switch byte {
        case 0x22, 0x5c: bytes.append(byte)
        case 0x08: write("b")
        case 0x09: write("t")
        case 0x0a: write("n")
        case 0x0c: write("f")
        case 0x0d: write("r")
        default:
            let digits = [UInt8]("0123456789abcdef".utf8)
            write(raw: "u00")
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}
