import StarlingTestSupport
import Testing

@testable import StarlingServer

/// Bytes at the HTTP door that are no whole request: each connection is answered or cut off, and the daemon goes on.
@Suite struct HTTPFramingTests {
    /// Sends bytes and returns all that comes until the connection ends; the test hangs (and so fails) if it does not.
    private static func exchange(
        _ daemon: TestDaemon, _ bytes: [UInt8], finishes: Bool = false
    ) async throws -> String {
        let socket = try StreamSocket(port: daemon.daemon.http.port)
        do { try await socket.send(bytes) } catch StreamSocket.Failure.reset {}
        if finishes { socket.finishSending() }
        return String(decoding: try await socket.receiveToEnd(), as: UTF8.self)
    }

    /// The only answer is a problem with this status, and the connection ends behind it.
    private static func expectRefusal(
        _ daemon: TestDaemon, _ request: String, status: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await exchange(daemon, Array(request.utf8))
        let name = "\(request.prefix(120))"
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(name)", sourceLocation: sourceLocation)
        #expect(answer.contains("application/problem+json"), "\(name)", sourceLocation: sourceLocation)
        #expect(answer.ranges(of: "Content-Length: ").count == 1, "\(name)", sourceLocation: sourceLocation)
        try await daemon.expectAnswers(sourceLocation: sourceLocation)
    }

    @Test func garbageIsAnsweredAndCutOff() async throws {
        try await TestDaemon.run { daemon in
            for request in [
                "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "GET /livez\r\n\r\n",
                "GET /livez HTTP/9.9\r\n\r\n", "GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
                "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
                "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
                "GET /livez HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "GET /livez HTTP/1.1\rHost: x\r\r",
            ] { try await Self.expectRefusal(daemon, request, status: 400) }
            let preface: [UInt8] = [0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 0, 0]
            let answer = try await Self.exchange(daemon, preface)
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "the TCP protocol at the HTTP door")
        }
    }

    /// Two readings of where a request ends are an open door for smuggling: refused, and the connection cut.
    @Test func ambiguousLengthsAreRefused() async throws {
        try await TestDaemon.run { daemon in
            let head = "POST /v1/posts HTTP/1.1\r\nHost: x\r\nX-Actor-Id: 1\r\nContent-Type: application/json\r\n"
            let inner = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
            for lengths in [
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(inner)",
                "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(inner)",
                "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
                "Content-Length: 3, 5\r\n\r\nabcde", "Content-Length: -1\r\n\r\n", "Content-Length: 1e3\r\n\r\n",
                "Content-Length: 99999999999999999999999\r\n\r\n", "Content-Length: 0x10\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
                "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "Transfer-Encoding: chunked, gzip\r\n\r\n",
            ] { try await Self.expectRefusal(daemon, head + lengths, status: 400) }
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(quiet["lsn"] == .string("0"))
        }
    }

    @Test func headersThatAreTooLargeAreRefused() async throws {
        try await TestDaemon.run(configure: { try $0.set("http.headerBytes", "2048") }) { daemon in
            let long = String(repeating: "h", count: 3_000)
            let many = (0..<300).map { "X-\($0): \($0)\r\n" }.joined()
            for head in ["X-Long: \(long)\r\n", "\(long): x\r\n", many] {
                try await Self.expectRefusal(daemon, "GET /livez HTTP/1.1\r\nHost: x\r\n\(head)\r\n", status: 431)
            }
            // The end of the header never comes.
            try await Self.expectRefusal(daemon, "GET /livez HTTP/1.1\r\nX-Long: \(long)", status: 431)
        }
    }

    @Test func aTargetWithoutEndIsRefused() async throws {
        try await TestDaemon.run { daemon in
            let target = "/" + String(repeating: "a", count: 100_000)
            let answer = try await Self.exchange(
                daemon, Array("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n".utf8), finishes: true)
            #expect(["HTTP/1.1 400 ", "HTTP/1.1 404 ", "HTTP/1.1 431 "].contains { answer.hasPrefix($0) })
            try await daemon.expectAnswers()
        }
    }

    /// What is answered already is not taken back by garbage behind it, which is answered too.
    @Test func garbageBehindAGoodRequestIsRefused() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let first = try await http.request("GET", "/livez")
            #expect(first.status == 200)
            try await http.send(Array("garbage\r\n\r\n".utf8))
            let second = try await http.answer()
            #expect(second.status == 400 && second.field("Connection") == "close")
            #expect(try await http.isAtEnd())
        }
    }

    /// The client goes away in the middle of a request, at every byte of it.
    @Test func aTruncatedRequestEndsWithItsConnection() async throws {
        try await TestDaemon.run { daemon in
            let request = HTTPConnection.request(
                "POST", "/v1/posts", ["X-Actor-Id": "1"], body: Array(#"{"text":"never whole"}"#.utf8))
            for length in stride(from: 1, to: request.count, by: 7) {
                let answer = try await Self.exchange(daemon, Array(request[..<length]), finishes: true)
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "), "\(length) of \(request.count) bytes")
            }
            try await daemon.expectAnswers()
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(quiet["lsn"] == .string("0"), "no truncated request was carried out")
        }
    }

    /// The client stays, and says no more: cut off after the idle time.
    @Test(arguments: [
        "", "GET /livez HTTP/1.1\r\nHost:", "POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{",
    ])
    func aHalfSentRequestIsCutOff(request: String) async throws {
        try await TestDaemon.run(configure: { try $0.set("http.idleSeconds", "1") }) { daemon in
            _ = try await Self.exchange(daemon, Array(request.utf8))
            try await daemon.expectAnswers()
        }
    }

    /// Answers come in the order of the requests, and each request is answered once, whole or in pieces.
    @Test(arguments: [1, 17, 4_096]) func pipelinedRequestsAreAnsweredInOrder(pieceBytes: Int) async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            var bytes: [UInt8] = []
            for number in 1...10 {
                bytes += HTTPConnection.request(
                    "POST", "/v1/posts", ["X-Actor-Id": "1"], body: Array(#"{"text":"\#(number)"}"#.utf8))
            }
            let all = bytes
            async let sending: Void = {
                for start in stride(from: 0, to: all.count, by: pieceBytes) {
                    try await http.send(Array(all[start..<min(start + pieceBytes, all.count)]))
                }
            }()
            for number in 1...10 {
                let answer = try await http.answer()
                #expect(answer.json["post"]?["text"] == .string("\(number)"))
                #expect(answer.json["lsn"] == .string("\(number)"))
            }
            try await sending
        }
    }

    /// An answer to HEAD has no body: what follows it is the next answer.
    @Test(arguments: ["/livez", "/v1/users/1", "/nowhere"]) func HEADIsAnsweredWithoutABody(target: String) async throws
    {
        try await TestDaemon.run { daemon in
            let head = "HEAD \(target) HTTP/1.1\r\nHost: x\r\n\r\n"
            let next = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            let answer = try await Self.exchange(daemon, Array((head + next).utf8))
            #expect(answer.hasPrefix("HTTP/1.1 40"), "HEAD is not offered")
            let parts = answer.split(separator: "\r\n\r\n", omittingEmptySubsequences: false)
            #expect(parts.count == 3 && parts[1].hasPrefix("HTTP/1.1 200 ") && parts[2].contains("starling"))
        }
    }

    @Test func aClientMayAskForTheEnd() async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.exchange(
                daemon, Array("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("ok\n"))
        }
    }

    /// A body for a request that is refused by its header is no second request.
    @Test func theBodyOfARefusedRequestIsNoRequest() async throws {
        try await TestDaemon.run { daemon in
            let smuggled = "DELETE /v1/posts/1 HTTP/1.1\r\nHost: x\r\n\r\n"
            let http = try daemon.http()
            let first = try await http.request("POST", "/nowhere", body: Array(smuggled.utf8))
            #expect(first.status == 404)
            let second = try await http.request("GET", "/livez")
            #expect(second.status == 200)
        }
    }
}
