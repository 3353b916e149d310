/// Messages that are published to a JetStream stream of a nats-server, each with its acknowledgement.
struct NATSLoad: LoadDialect {
    /// The stream and its one subject.
    static let stream = "bench"
    private var texts = AppendTexts()

    /// Each connection has an inbox of its own; the slot is the last part of the subject that the answer comes to.
    private static func inbox(_ connection: Int) -> String { "_INBOX.c\(connection)" }

    func greeting(connection: Int) -> [UInt8] {
        Array("CONNECT {\"verbose\":false}\r\nSUB \(Self.inbox(connection)).* 1\r\nPING\r\n".utf8)
    }

    func greetingAnswer(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let answer = Array("PONG\r\n".utf8)
        return bytes.suffix(answer.count).elementsEqual(answer) ? bytes.count : nil
    }

    mutating func append(slot: Int, connection: Int, to bytes: inout RequestBytes) {
        bytes.append("PUB bench _INBOX.c")
        bytes.append(decimal: connection)
        bytes.append(UInt8(ascii: "."))
        bytes.append(decimal: slot)
        bytes.append(" 100\r\n")
        bytes.append(texts.next())
        bytes.append("\r\n")
    }

    /// `MSG SUBJECT 1 LENGTH`, and a JSON object of that length.
    func answer(_ bytes: UnsafeRawBufferPointer) throws -> LoadAnswer? {
        guard let lineEnd = bytes.firstIndex(of: 0x0d), lineEnd + 1 < bytes.count else { return nil }
        let line = bytes[..<lineEnd]
        guard line.starts(with: Array("MSG ".utf8)) else {
            throw ProgramError(text: "nats-server: \(String(decoding: line, as: UTF8.self))")
        }
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count == 4, let length = Self.number(words[3]), let dot = words[1].lastIndex(of: UInt8(ascii: ".")),
            let slot = Self.number(words[1][(dot + 1)...])
        else { throw ProgramError(text: "nats-server: \(String(decoding: line, as: UTF8.self))") }
        let end = lineEnd + 2 + length + 2
        guard bytes.count >= end else { return nil }
        let body = bytes[(lineEnd + 2)..<(end - 2)]
        // An error is an object as well; a success begins with the stream's name.
        guard body.starts(with: Array("{\"stream\"".utf8)) else {
            throw ProgramError(text: "nats-server: \(String(decoding: body, as: UTF8.self))")
        }
        return LoadAnswer(length: end, slot: slot)
    }

    private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
        digits.isEmpty ? nil : digits.reduce(0) { $0 &* 10 &+ Int($1 &- UInt8(ascii: "0")) }
    }
}
