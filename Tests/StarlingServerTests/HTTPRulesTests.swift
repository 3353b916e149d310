import StarlingTestSupport
import Testing

@testable import StarlingServer

/// What HTTP/1.1 asks of a server beyond parsing: requests that two readers could understand differently, expectations, and the
/// end of connections.
@Suite struct HTTPRulesTests {
    private static func exchange(_ daemon: TestDaemon, _ text: String) async throws -> String {
        let socket = try StreamSocket(port: daemon.daemon.http.port)
        do { try await socket.send(text) } catch StreamSocket.Failure.reset {}
        return String(decoding: try await socket.receiveToEnd(), as: UTF8.self)
    }

    private static let post = "POST /v1/posts HTTP/1.1\r\nX-Actor-Id: 1\r\nContent-Type: application/json\r\n"
    private static let smuggled =
        "POST /v1/posts HTTP/1.1\r\nHost: x\r\nX-Actor-Id: 1\r\nContent-Type: application/json\r\n"
        + "Content-Length: 14\r\n\r\n{\"text\":\"bad\"}"

    /// Each is refused with 400, the connection ends, and nothing of what stands behind it is done.
    @Test(arguments: [
        // Host
        "GET /livez HTTP/1.1\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        // Line ends and folds
        "GET /livez HTTP/1.1\nHost: x\n\n", "GET /livez HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: x\r\n\n", "GET /livez HTTP/1.1\r\nHost: x\r\n\tfolded\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: x\r\nX: a\u{0}b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost : x\r\n\r\n", "GET /livez HTTP/1.1\r\n Host: x\r\n\r\n",
        // Versions and methods
        "GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", "GET /livez HTTP/0.9\r\nHost: x\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        // Lengths
        "\(post)Host: x\r\nContent-Length: 14\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        "\(post)Host: x\r\nContent-Length: 0\r\nContent-Length: 14\r\n\r\n",
        "\(post)Host: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "\(post)Host: x\r\nContent-Length: 0, 14\r\n\r\n", "\(post)Host: x\r\nContent-Length: +0\r\n\r\n",
        "\(post)Host: x\r\nContent-Length: 0 0\r\n\r\n", "\(post)Host: x\r\nContent-Length:\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /v1/posts HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // Chunks
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n1\n{\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
        "\(post)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    ])
    func ambiguousRequestsAreRefused(request: String) async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.exchange(daemon, request + Self.smuggled)
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            #expect(answer.ranges(of: "HTTP/1.1 400 ").count == 1, "\(answer)")
            #expect(answer.lowercased().contains("connection: close") && answer.contains("nosniff"), "\(answer)")
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(quiet["lsn"] == .string("0"), "nothing was written")
        }
    }

    /// Extensions of chunks mean nothing, and may not be longer than anybody needs.
    @Test func chunkExtensionsWithoutEndAreCutOff() async throws {
        try await TestDaemon.run { daemon in
            let socket = try StreamSocket(port: daemon.daemon.http.port)
            try await socket.send("\(Self.post)Host: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let bomb = "1;" + String(repeating: "x", count: 60_000) + "\r\n{\r\n"
            await #expect(throws: StreamSocket.Failure.reset) {
                for _ in 0..<1_000 { try await socket.send(bomb) }
            }
            let small = try await Self.exchange(
                daemon,
                "\(Self.post)Host: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "c;a=b\r\n{\"text\":\"x\"}\r\n0\r\n\r\n")
            #expect(small.hasPrefix("HTTP/1.1 201 "), "\(small)")
            try await daemon.expectAnswers()
        }
    }

    /// A bad request behind good ones is answered behind their answers.
    @Test(arguments: ["garbage\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"]) func refusalsKeepTheirOrder(bad: String)
        async throws
    {
        try await TestDaemon.run { daemon in
            let good = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
            let answer = try await Self.exchange(daemon, good + good + bad + good)
            let statuses = answer.split(separator: "\r\n").filter {
                $0.hasPrefix("HTTP/1.1 ") || $0.contains("}HTTP/1.1 ")
            }
            #expect(statuses.count == 3 && answer.ranges(of: "HTTP/1.1 200 ").count == 2, "\(answer)")
            #expect(statuses.last?.contains("HTTP/1.1 400 ") == true, "\(answer)")
        }
    }

    @Test func aClientThatWaitsIsToldToGoOn() async throws {
        try await TestDaemon.run { daemon in
            let socket = try StreamSocket(port: daemon.daemon.http.port)
            try await socket.send("\(Self.post)Host: x\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n")
            var interim = ""
            while !interim.hasSuffix("\r\n\r\n") {
                interim += String(decoding: try await socket.receive(), as: UTF8.self)
            }
            #expect(interim.hasPrefix("HTTP/1.1 100 ") && interim.ranges(of: "HTTP/1.1").count == 1, "\(interim)")
            try await socket.send("{\"text\":\"x\"}")
            let answer = String(decoding: try await socket.receive(), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 201 "), "\(answer)")
            // The connection goes on.
            try await socket.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(String(decoding: try await socket.receiveToEnd(), as: UTF8.self).contains("HTTP/1.1 200 "))
        }
    }

    /// Who is refused by its header is not told to send its body, and the connection ends, since it may send it or not.
    @Test(arguments: [
        ("Content-Type: text/plain\r\nContent-Length: 12\r\n", 415),
        ("Content-Type: application/json\r\nContent-Length: 99999999\r\n", 413),
    ])
    func aClientThatWaitsIsRefusedBeforeItsBody(fields: String, status: Int) async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.exchange(
                daemon, "POST /v1/posts HTTP/1.1\r\nHost: x\r\nX-Actor-Id: 1\r\nExpect: 100-continue\r\n\(fields)\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.ranges(of: "HTTP/1.1").count == 1, "\(answer)")
        }
    }

    @Test func otherExpectationsFail() async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.exchange(daemon, "GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 417 ") && answer.contains("EXPECTATION_FAILED"))
        }
    }

    /// An HTTP/1.0 client reads to the end of the connection.
    @Test(arguments: ["GET /livez HTTP/1.0\r\n\r\n", "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n"])
    func aConnectionEndsBehindItsLastAnswer(request: String) async throws {
        try await TestDaemon.run { daemon in
            let answer = try await Self.exchange(daemon, request)
            #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("ok\n"))
            #expect(answer.lowercased().contains("connection: close"))
        }
    }

    /// A body that is too large is not read to its end; the answer arrives all the same.
    @Test func aBodyThatIsTooLargeEndsTheConnection() async throws {
        try await TestDaemon.run(configure: { try $0.set("http.bodyBytes", "1000") }) { daemon in
            for framing in ["Content-Length: 2000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n7d0\r\n"] {
                let body = String(repeating: " ", count: 2_000)
                let answer = try await Self.exchange(daemon, "\(Self.post)Host: x\r\n\(framing)\(body)")
                #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
                #expect(answer.hasSuffix("}"), "the whole answer")
            }
            try await daemon.expectAnswers()
        }
    }
}
