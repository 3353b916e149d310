/// Reads JSON (RFC 8259) piece by piece, without building a tree. Strict: no comments, no trailing commas, no lone
/// surrogates, nothing that is not UTF-8.
struct JSONReader {
    /// What is wrong at which byte.
    struct Failure: Error {
        let message: String

        init(_ message: String, at offset: Int) { self.message = "\(message) at byte \(offset) of the body" }
    }

    /// What kind of value begins at the next byte.
    enum Kind {
        case object
        case array
        case string
        case number
        case literal
    }

    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Skips white space. False at the end of the text.
    mutating func skipToContent() -> Bool {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return true
            }
        }
        return false
    }

    /// The kind of the value that comes next.
    mutating func nextKind() throws(Failure) -> Kind {
        guard skipToContent() else { throw Failure("the JSON ends where a value should begin", at: position) }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return .literal
        default: throw Failure("a JSON value should begin", at: position)
        }
    }

    /// Skips white space and this byte. False, and at the next content, if another byte comes.
    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard skipToContent(), bytes[position] == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    /// As `take`, but another byte is an error.
    mutating func expect(_ byte: Unicode.Scalar, _ purpose: String) throws(Failure) {
        guard take(byte) else { throw Failure("'\(byte)' \(purpose) is missing", at: position) }
    }

    /// Nothing but white space may be left.
    mutating func expectEnd() throws(Failure) {
        if skipToContent() { throw Failure("there is text after the end of the JSON", at: position) }
    }

    /// Reads `true`, `false` or `null`, the last as nil.
    mutating func readLiteral() throws(Failure) -> Bool? {
        for (text, value) in [("true", true), ("false", false), ("null", nil)] as [(StaticString, Bool?)] {
            let length = text.utf8CodeUnitCount
            guard bytes.count - position >= length else { continue }
            let matches = text.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + length]) }
            guard matches else { continue }
            position += length
            return value
        }
        throw Failure("true, false or null should stand", at: position)
    }

    /// Reads a number and returns its text.
    mutating func readNumber() throws(Failure) -> ArraySlice<UInt8> {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        let whole = takeDigits()
        guard whole > 0 else { throw Failure("a number has no digits", at: start) }
        if whole > 1, bytes[position - whole] == UInt8(ascii: "0") {
            throw Failure("a number begins with a superfluous zero", at: start)
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard takeDigits() > 0 else { throw Failure("a number has no digits after its point", at: start) }
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard takeDigits() > 0 else { throw Failure("a number has no digits in its exponent", at: start) }
        }
        return bytes[start..<position]
    }

    /// Reads a string and returns what it stands for.
    mutating func readString() throws(Failure) -> String {
        try expect("\"", "at the beginning of a string")
        let start = position
        while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { position += 1 }
        if peek() == UInt8(ascii: "\"") {
            position += 1
            return try text(bytes[start..<position - 1], at: start)
        }
        return try readEscapedString(from: start)
    }

    private mutating func readEscapedString(from start: Int) throws(Failure) -> String {
        var decoded = Array(bytes[start..<position])
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(decoded[...], at: start)
            case UInt8(ascii: "\\"): try readEscape(into: &decoded)
            case 0..<0x20: throw Failure("a string holds a control character that is not escaped", at: position - 1)
            default: decoded.append(byte)
            }
        }
        throw Failure("a string does not end; it begins", at: start - 1)
    }

    private mutating func readEscape(into decoded: inout [UInt8]) throws(Failure) {
        guard let byte = peek() else { throw Failure("the JSON ends within a string", at: position) }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0c)
        case UInt8(ascii: "n"): decoded.append(0x0a)
        case UInt8(ascii: "r"): decoded.append(0x0d)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"): try readUnicodeEscape(into: &decoded)
        default: throw Failure("a string holds an unknown escape", at: position - 2)
        }
    }

    private mutating func readUnicodeEscape(into decoded: inout [UInt8]) throws(Failure) {
        let start = position - 2
        var code = UInt32(try readHexadecimal())
        if (0xd800...0xdbff).contains(code), peek() == UInt8(ascii: "\\") {
            position += 1
            guard peek() == UInt8(ascii: "u") else { throw Failure("a string holds half a character", at: start) }
            position += 1
            let low = UInt32(try readHexadecimal())
            guard (0xdc00...0xdfff).contains(low) else { throw Failure("a string holds half a character", at: start) }
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw Failure("a string holds half a character", at: start) }
        decoded.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    }

    private mutating func readHexadecimal() throws(Failure) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = peek().flatMap(PercentEncoding.hexadecimalValue) else {
                throw Failure("\\u is not followed by four hexadecimal digits", at: position)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    private func text(_ content: ArraySlice<UInt8>, at start: Int) throws(Failure) -> String {
        guard let string = String(validating: content, as: UTF8.self) else {
            throw Failure("a string is not UTF-8; it begins", at: start - 1)
        }
        return string
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}
