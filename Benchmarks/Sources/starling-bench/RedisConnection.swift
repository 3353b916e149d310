/// A value that Redis answers with.
indirect enum RedisValue {
    case text(String)
    case error(String)
    case number(Int)
    case list([RedisValue])
    case none

    var string: String { if case .text(let text) = self { text } else { "" } }
}

/// RESP over loopback.
final class RedisConnection {
    private let socket: LoopbackSocket

    /// Nil when nobody listens there yet.
    init?(port: Int) {
        guard let socket = LoopbackSocket(port: port) else { return nil }
        self.socket = socket
    }

    /// Sends a command and waits for its answer.
    func call(_ arguments: String...) throws -> RedisValue {
        var bytes: [UInt8] = []
        Self.append(arguments, to: &bytes)
        try socket.send(bytes)
        return try answer()
    }

    /// Appends a command as it goes over the wire.
    static func append(_ arguments: [String], to bytes: inout [UInt8]) {
        bytes += Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments {
            bytes += Array("$\(argument.utf8.count)\r\n".utf8)
            bytes += Array(argument.utf8)
            bytes += [0x0d, 0x0a]
        }
    }

    /// Sends commands that are encoded already.
    func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

    /// The next answer.
    func answer() throws -> RedisValue {
        let line = try socket.line()
        let text = String(decoding: line.dropFirst(), as: UTF8.self)
        switch line.first {
        case UInt8(ascii: "+"): return .text(text)
        case UInt8(ascii: "-"): return .error(text)
        case UInt8(ascii: ":"): return .number(Int(text) ?? 0)
        case UInt8(ascii: "$"):
            guard let count = Int(text), count >= 0 else { return .none }
            let bytes = try socket.bytes(count)
            _ = try socket.line()
            return .text(String(decoding: bytes, as: UTF8.self))
        case UInt8(ascii: "*"):
            guard let count = Int(text), count >= 0 else { return .none }
            return .list(try (0..<count).map { _ in try answer() })
        default: throw ProgramError(text: "not an answer of Redis: \(text)")
        }
    }

    /// The fields of a section of INFO.
    func info(_ section: String) throws -> [String: String] {
        var fields: [String: String] = [:]
        for line in try call("INFO", section).string.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }
}
