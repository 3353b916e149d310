/// Finds the ends of answers of Redis without making values of them.
enum RESPScanner {
    /// Where the answer that begins at `start` ends; nil when it is not all there. Throws what an error says.
    static func end(of bytes: UnsafeRawBufferPointer, from start: Int) throws -> Int? {
        var place = start
        // A list counts for one answer and adds its elements; nothing here is nested deep.
        var left = 1
        while left > 0 {
            guard place < bytes.count else { return nil }
            let kind = bytes[place]
            if kind == UInt8(ascii: "+") || kind == UInt8(ascii: "-") {
                guard let end = lineEnd(bytes, place) else { return nil }
                if kind == UInt8(ascii: "-") {
                    throw ProgramError(
                        text: "redis-server: \(String(decoding: bytes[place..<(end - 2)], as: UTF8.self))")
                }
                place = end
            } else {
                guard let (number, end) = number(bytes, place + 1) else { return nil }
                place = end
                switch kind {
                case UInt8(ascii: "$"): if number >= 0 { place += number + 2 }
                case UInt8(ascii: "*"): left += max(0, number)
                case UInt8(ascii: ":"): break
                default: throw ProgramError(text: "redis-server sent a byte that begins no answer: \(kind)")
                }
            }
            left -= 1
        }
        return place <= bytes.count ? place : nil
    }

    /// The decimal number at `start` and where the line behind it ends.
    @inline(__always)
    private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> (Int, Int)? {
        var place = start
        var number = 0
        var isNegative = false
        while place < bytes.count {
            let byte = bytes[place]
            if byte == 0x0d {
                return place + 2 <= bytes.count ? (isNegative ? -number : number, place + 2) : nil
            }
            if byte == UInt8(ascii: "-") {
                isNegative = true
            } else {
                number = number &* 10 &+ Int(byte &- UInt8(ascii: "0"))
            }
            place += 1
        }
        return nil
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var place = start
        while place + 1 < bytes.count {
            if bytes[place] == 0x0d, bytes[place + 1] == 0x0a { return place + 2 }
            place += 1
        }
        return nil
    }

    /// Calls `number` with each number among the bulk strings of lists, and `list` before those of each list.
    static func eachNumber(_ bytes: UnsafeRawBufferPointer, list: () -> Void, number: (Int) -> Void) {
        var place = 0
        while place < bytes.count, let (count, end) = Self.number(bytes, place + 1) {
            if bytes[place] == UInt8(ascii: "*") { list() }
            let isText = bytes[place] == UInt8(ascii: "$")
            place = end
            if isText, count >= 0, let (value, next) = Self.number(bytes, place) {
                number(value)
                place = next
            }
        }
    }
}
