/// Percent-encoding of URLs (RFC 3986, section 2.1).
enum PercentEncoding {
    /// Why a text cannot be decoded.
    enum Failure: Error {
        /// A `%` is not followed by two hexadecimal digits.
        case badEscape
        /// The decoded bytes are not UTF-8.
        case notUTF8

        var message: String {
            switch self {
            case .badEscape: "a % is not followed by two hexadecimal digits"
            case .notUTF8: "the percent-encoded bytes are not UTF-8"
            }
        }
    }

    /// Decodes `text`. In a query a plus stands for a space; in a path it stands for itself.
    static func decode(_ text: Substring, plusIsSpace: Bool) throws(Failure) -> String {
        let utf8 = text.utf8
        let plus = UInt8(ascii: "+")
        guard utf8.contains(where: { $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == plus) }) else {
            return String(text)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(utf8.count)
        var bytes = utf8.makeIterator()
        while let byte = bytes.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = bytes.next().flatMap(hexadecimalValue),
                    let low = bytes.next().flatMap(hexadecimalValue)
                else { throw .badEscape }
                decoded.append(high << 4 | low)
            } else {
                decoded.append(plusIsSpace && byte == plus ? UInt8(ascii: " ") : byte)
            }
        }
        guard let string = String(validating: decoded, as: UTF8.self) else { throw .notUTF8 }
        return string
    }

    /// Encodes `text` as one segment of a path: everything but unreserved characters.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return encoded
    }

    /// The value of one hexadecimal digit.
    static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
