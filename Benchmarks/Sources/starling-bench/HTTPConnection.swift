import Foundation

/// HTTP/1.1 to a daemon on this machine, a request at a time, on one connection.
final class HTTPConnection {
    private let socket: LoopbackSocket

    /// `address` is as in the daemon's ready line: 127.0.0.1:PORT.
    init(_ address: String) throws {
        guard let port = address.split(separator: ":").last.flatMap({ Int($0) }),
            let socket = LoopbackSocket(port: port)
        else { throw ProgramError(text: "cannot connect to \(address)") }
        self.socket = socket
    }

    /// The body of the answer; another status than 2xx is an error.
    func call(_ method: String, _ path: String, body: [UInt8] = []) throws -> Data {
        let (status, answer) = try answer(method, path, body: body)
        guard (200..<300).contains(status) else {
            let text = String(decoding: answer.prefix(300), as: UTF8.self)
            throw ProgramError(text: "\(method) \(path) was answered with \(status): \(text)")
        }
        return answer
    }

    /// Status and body of the answer.
    func answer(_ method: String, _ path: String, body: [UInt8] = []) throws -> (status: Int, body: Data) {
        var head = "\(method) \(path) HTTP/1.1\r\nhost: localhost\r\n"
        if method != "GET" { head += "content-type: application/json\r\ncontent-length: \(body.count)\r\n" }
        try socket.send(Array((head + "\r\n").utf8) + body)
        let statusLine = String(decoding: try socket.line(), as: UTF8.self).split(separator: " ")
        guard statusLine.count >= 2, let status = Int(statusLine[1]) else {
            throw ProgramError(text: "\(path): not an HTTP answer")
        }
        var length = 0
        var isChunked = false
        while true {
            let line = String(decoding: try socket.line(), as: UTF8.self).lowercased()
            if line.isEmpty { break }
            if line.hasPrefix("content-length:") {
                length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
            }
            if line.hasPrefix("transfer-encoding:"), line.contains("chunked") { isChunked = true }
        }
        return (status, Data(isChunked ? try chunks() : try socket.bytes(length)))
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            guard let count = Int(String(decoding: try socket.line(), as: UTF8.self), radix: 16) else {
                throw ProgramError(text: "a chunk has no length")
            }
            body += try socket.bytes(count)
            _ = try socket.line()
            if count == 0 { return body }
        }
    }

    /// Decodes the JSON of an answer.
    func call<Answer: Decodable>(
        _ method: String, _ path: String, body: [UInt8] = [], as type: Answer.Type
    ) throws -> Answer { try JSONDecoder().decode(type, from: call(method, path, body: body)) }
}

/// A page of ids, without posts.
struct FeedPageAnswer: Decodable {
    struct Item: Decodable {
        struct Post: Decodable {
            var id: String
            var text: String
        }
        var postId: String?
        var post: Post?
    }
    var items: [Item]
    var ids: [String] { items.compactMap { $0.postId ?? $0.post?.id } }

    /// The path of a user's newest `limit` entries.
    static func path(user: Int, limit: Int = 50, hydrate: Bool = false) -> String {
        "/v1/users/\(user)/feed?limit=\(limit)&hydrate=\(hydrate)"
    }
}

/// What `POST /admin/snapshot` answers with. 64-bit numbers are strings in proto3 JSON; zero values may be absent.
struct SnapshotAnswer: Codable {
    var lsn: String?
    var full: Bool?
    var pages: String?
    var microseconds: String?
    var stateDigest: String?
}

/// What `GET /admin/state-digest` answers with.
struct DigestAnswer: Decodable { var digest: String }
