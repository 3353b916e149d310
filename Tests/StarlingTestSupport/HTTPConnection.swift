import Foundation

/// An answer of an HTTP server.
package struct HTTPAnswer: Sendable {
    /// The status.
    package var status: Int
    /// The header fields in their order, names in lower case.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    /// The value of a field that is there once; nil when it is missing.
    package func field(_ name: String) -> String? {
        fields.first { $0.name == name.lowercased() }?.value
    }

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON; `null` when it is none.
    package var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}

/// An HTTP/1.1 connection to this machine that is kept open. One request at a time.
package actor HTTPConnection {
    /// Why an answer could not be read.
    package struct Malformed: Error {
        package var bytes: String
    }

    private let socket: StreamSocket
    private var unread: [UInt8] = []

    package init(port: Int) throws { socket = try StreamSocket(port: port) }

    /// Sends a request and waits for its answer. A body is declared as JSON unless the fields say otherwise.
    package func request(
        _ method: String, _ target: String, _ fields: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> HTTPAnswer {
        try await send(Self.request(method, target, fields, body: body))
        return try await answer()
    }

    /// Sends a request with a JSON body.
    package func request(
        _ method: String, _ target: String, _ fields: [String: String] = [:], json: String
    ) async throws -> HTTPAnswer {
        try await request(method, target, fields, body: Array(json.utf8))
    }

    /// Sends bytes as they are.
    package func send(_ bytes: [UInt8]) async throws { try await socket.send(bytes) }

    /// Says that nothing more will be sent.
    package func finishSending() { socket.finishSending() }

    /// Whether the server has ended the connection after what was read. Waits for it.
    package func isAtEnd() async throws -> Bool {
        let rest = try await socket.receiveToEnd()
        return unread.isEmpty && rest.isEmpty
    }

    /// Reads one answer.
    package func answer() async throws -> HTTPAnswer {
        while true {
            if let end = unread.firstRange(of: Array("\r\n\r\n".utf8)) {
                var answer = try Self.head(Array(unread[..<end.lowerBound]))
                let length = answer.field("content-length").flatMap { Int($0) } ?? 0
                while unread.count < end.upperBound + length { try await receive() }
                answer.body = Array(unread[end.upperBound..<(end.upperBound + length)])
                unread.removeFirst(end.upperBound + length)
                return answer
            }
            try await receive()
        }
    }

    private func receive() async throws {
        let piece = try await socket.receive()
        guard !piece.isEmpty else { throw Malformed(bytes: String(decoding: unread, as: UTF8.self)) }
        unread += piece
    }

    /// The bytes of a request.
    package static func request(
        _ method: String, _ target: String, _ fields: [String: String] = [:], body: [UInt8]? = nil
    ) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
        if let body {
            if !fields.keys.contains("Content-Type") { head += "Content-Type: application/json\r\n" }
            head += "Content-Length: \(body.count)\r\n"
        }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }

    private static func head(_ bytes: [UInt8]) throws -> HTTPAnswer {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else { throw Malformed(bytes: text) }
        var answer = HTTPAnswer(status: status, fields: [], body: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(bytes: text) }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            answer.fields.append((line[..<colon].lowercased(), value))
        }
        return answer
    }
}
