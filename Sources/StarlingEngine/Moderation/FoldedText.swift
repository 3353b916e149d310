/// Text as rules are compared with it: in lower case, any white space as one space, without what nobody sees (zero-width and
/// control characters). Letters with accents stay what they are.
struct FoldedText {
    /// UTF-8. Parts end with `partEnd`.
    private(set) var bytes: [UInt8] = []
    /// The words, letters and digits without a break between them, as ranges of `bytes`.
    private(set) var words: [Range<Int>] = []

    /// Stands in no text: neither a word nor a pattern goes on behind it.
    static let partEnd: UInt8 = 0
    static let space = UInt8(ascii: " ")

    private var wordStart: Int?

    init(_ parts: [String]) {
        bytes.reserveCapacity(parts.reduce(0) { $0 + $1.utf8.count + 1 })
        for part in parts where !part.isEmpty {
            for scalar in part.unicodeScalars { append(scalar) }
            endWord()
            bytes.append(Self.partEnd)
        }
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        if scalar.isASCII { return append(ascii: UInt8(truncatingIfNeeded: scalar.value)) }
        let properties = scalar.properties
        if properties.isWhitespace { return appendSpace() }
        if properties.isDefaultIgnorableCodePoint { return }
        let belongsToWord =
            properties.isAlphabetic || properties.numericType != nil
            || wordStart != nil && properties.canonicalCombiningClass != .notReordered
        if belongsToWord { wordStart = wordStart ?? bytes.count } else { endWord() }
        bytes.append(contentsOf: properties.lowercaseMapping.utf8)
    }

    private mutating func append(ascii byte: UInt8) {
        switch byte {
        case 65...90:
            wordStart = wordStart ?? bytes.count
            bytes.append(byte + 32)
        case 97...122, 48...57:
            wordStart = wordStart ?? bytes.count
            bytes.append(byte)
        case 9...13, 32: appendSpace()
        case 33...126:
            endWord()
            bytes.append(byte)
        default: break
        }
    }

    private mutating func appendSpace() {
        endWord()
        if let last = bytes.last, last != Self.space, last != Self.partEnd { bytes.append(Self.space) }
    }

    private mutating func endWord() {
        guard let start = wordStart else { return }
        words.append(start..<bytes.count)
        wordStart = nil
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
