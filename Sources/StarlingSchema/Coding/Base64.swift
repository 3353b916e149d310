/// Base64 (RFC 4648): the standard and the URL-safe alphabet, with or without padding.
package enum Base64 {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let valueByByte: [UInt8] = {
        var table = [UInt8](repeating: 0xff, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        table[Int(UInt8(ascii: "-"))] = 62
        table[Int(UInt8(ascii: "_"))] = 63
        return table
    }()

    /// The bytes that `text` stands for. Nil if it is not base64, or if bits that must be zero are not.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var bitCount = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = valueByByte[Int(byte)]
            guard value != 0xff, padding == 0 else { return nil }
            bits = (bits << 6) | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
                bits &= (1 << UInt32(bitCount)) - 1
            }
        }
        // 6 bits over: a lone character. Padding, where given, fills up the last group of four.
        guard bitCount < 6, bits == 0, padding == 0 || padding == bitCount / 2 else { return nil }
        return bytes
    }

    /// `bytes` in the URL-safe alphabet without padding (RFC 4648, section 5).
    package static func urlSafe(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        for (place, byte) in text.enumerated() {
            if byte == UInt8(ascii: "+") { text[place] = UInt8(ascii: "-") }
            if byte == UInt8(ascii: "/") { text[place] = UInt8(ascii: "_") }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends `bytes` in the standard alphabet with padding.
    static func append(_ bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        var characters = 0
        for byte in bytes {
            bits = (bits << 8) | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                output.append(alphabet[Int((bits >> bitCount) & 63)])
                characters += 1
            }
            bits &= (1 << bitCount) - 1
        }
        if bitCount > 0 {
            output.append(alphabet[Int((bits << (6 - bitCount)) & 63)])
            characters += 1
        }
        while characters % 4 != 0 {
            output.append(UInt8(ascii: "="))
            characters += 1
        }
    }
}
