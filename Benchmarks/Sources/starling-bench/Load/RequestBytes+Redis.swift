/// The commands that timelines in Redis are made of. A key is a letter and a number.
extension RequestBytes {
    /// A bulk string: a letter (or none) and a number behind it.
    mutating func append(bulk letter: UInt8?, _ number: Int) {
        append(UInt8(ascii: "$"))
        append(decimal: Self.digits(number) + (letter == nil ? 0 : 1))
        append("\r\n")
        if let letter { append(letter) }
        append(decimal: number)
        append("\r\n")
    }

    /// ZADD, with the id as score and as member.
    mutating func appendAdd(toSet letter: UInt8, _ number: Int, id: Int) {
        append("*4\r\n$4\r\nZADD\r\n")
        append(bulk: letter, number)
        append(bulk: nil, id)
        append(bulk: nil, id)
    }

    /// ZADD of several ids, each the score and the member.
    mutating func appendAdd(toSet letter: UInt8, _ number: Int, ids: [Int]) {
        append("*")
        append(decimal: 2 + 2 * ids.count)
        append("\r\n$4\r\nZADD\r\n")
        append(bulk: letter, number)
        for id in ids {
            append(bulk: nil, id)
            append(bulk: nil, id)
        }
    }

    /// LPUSH of several ids, the last one becomes the newest.
    mutating func appendAdd(toList letter: UInt8, _ number: Int, ids: [Int]) {
        append("*")
        append(decimal: 2 + ids.count)
        append("\r\n$5\r\nLPUSH\r\n")
        append(bulk: letter, number)
        for id in ids { append(bulk: nil, id) }
    }

    /// ZREMRANGEBYRANK: all but the newest `cap`.
    mutating func appendTrim(set letter: UInt8, _ number: Int, cap: Int) {
        append("*4\r\n$15\r\nZREMRANGEBYRANK\r\n")
        append(bulk: letter, number)
        append("$1\r\n0\r\n")
        append(bulk: UInt8(ascii: "-"), cap + 1)
    }

    /// LPUSH.
    mutating func appendAdd(toList letter: UInt8, _ number: Int, id: Int) {
        append("*3\r\n$5\r\nLPUSH\r\n")
        append(bulk: letter, number)
        append(bulk: nil, id)
    }

    /// LTRIM: all but the newest `cap`.
    mutating func appendTrim(list letter: UInt8, _ number: Int, cap: Int) {
        append("*4\r\n$5\r\nLTRIM\r\n")
        append(bulk: letter, number)
        append("$1\r\n0\r\n")
        append(bulk: nil, cap - 1)
    }

    /// ZREVRANGE: a page of the newest 50.
    mutating func appendPage(ofSet letter: UInt8, _ number: Int) {
        append("*4\r\n$9\r\nZREVRANGE\r\n")
        append(bulk: letter, number)
        append("$1\r\n0\r\n$2\r\n49\r\n")
    }

    /// EVALSHA up to its keys, which follow as bulk strings, and then `arguments` more.
    mutating func appendCall(script: String, keys: Int, arguments: Int = 0) {
        append("*")
        append(decimal: keys + arguments + 3)
        append("\r\n$7\r\nEVALSHA\r\n$40\r\n")
        append(Array(script.utf8))
        append("\r\n")
        append(bulk: nil, keys)
    }
}
