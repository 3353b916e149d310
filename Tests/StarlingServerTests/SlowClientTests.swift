import NIOCore
import StarlingLimits
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import Testing

@testable import StarlingServer

/// Clients that hold on to a connection and give nothing for it. Each test ends because the daemon ends the connection; were it
/// kept, the test would time out.
@Suite struct SlowClientTests {
    /// Sends a piece again and again until the connection is ended.
    private static func drip(_ port: Int, _ start: String, then piece: String) async throws -> String {
        let socket = try StreamSocket(port: port)
        async let answer = socket.receiveToEnd()
        do {
            try await socket.send(start)
            while true {
                try await socket.send(piece)
                try await Task.sleep(for: .milliseconds(20))
            }
        } catch StreamSocket.Failure.reset {}
        return String(decoding: try await answer, as: UTF8.self)
    }

    /// A header that never ends, a byte at a time: the time runs from its first byte. Also of the second request.
    @Test(arguments: [
        "GET /livez HTTP/1.1\r\nHost: x\r\nX: ", "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nX: ",
    ])
    func aHeaderInDribletsIsCutOff(start: String) async throws {
        try await TestDaemon.run(configure: {
            $0.httpLimits.header = .milliseconds(300)
            try $0.set("http.idleSeconds", "3600")
        }) { daemon in
            _ = try await Self.drip(daemon.daemon.http.port, start, then: "x")
            try await daemon.expectAnswers()
        }
    }

    /// Also one that is blank lines only.
    @Test func blankLinesAreNoRequest() async throws {
        try await TestDaemon.run(configure: { $0.httpLimits.header = .milliseconds(300) }) { daemon in
            _ = try await Self.drip(daemon.daemon.http.port, "\r\n", then: "\r\n")
            try await daemon.expectAnswers()
        }
    }

    @Test(arguments: ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"])
    func aBodyInDribletsIsCutOff(framing: String) async throws {
        try await TestDaemon.run(configure: {
            $0.httpLimits.bodyGrace = .milliseconds(100)
            try $0.set("http.bodyBytesPerSecond", "1000000")
        }) { daemon in
            let head = "POST /v1/posts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\(framing)"
            let piece = framing.hasPrefix("T") ? "1\r\n \r\n" : " "
            _ = try await Self.drip(daemon.daemon.http.port, head, then: piece)
            try await daemon.expectAnswers()
        }
    }

    /// A body for a route that does not exist is given no more time than any other.
    @Test func theBodyOfARefusedRequestIsCutOffToo() async throws {
        try await TestDaemon.run(configure: {
            $0.httpLimits.bodyGrace = .milliseconds(100)
            try $0.set("http.bodyBytesPerSecond", "1000000")
        }) { daemon in
            let answer = try await Self.drip(
                daemon.daemon.http.port, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
                then: " ")
            #expect(answer.hasPrefix("HTTP/1.1 404 "))
            try await daemon.expectAnswers()
        }
    }

    /// A client that asks for pages and takes none is dropped.
    @Test func aClientThatReadsNothingIsDropped() async throws {
        try await TestDaemon.run(configure: { $0.httpLimits.stalled = .milliseconds(300) }) { daemon in
            let http = try daemon.http()
            let text = String(repeating: "x", count: 60_000)
            for _ in 0..<30 {
                _ = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"\#(text)"}"#)
            }
            let socket = try StreamSocket(port: daemon.daemon.http.port, receiveBufferBytes: 4_096)
            let request = HTTPConnection.request("GET", "/v1/users/1/posts?limit=200")
            await #expect(throws: StreamSocket.Failure.reset) {
                for _ in 0..<100_000 { try await socket.send(request) }
            }
            try await daemon.expectAnswers()
        }
    }

    @Test func anIdleTCPConnectionIsEnded() async throws {
        try await TestDaemon.run(configure: { $0.tcpLimits.idleTimeout = .milliseconds(300) }) { daemon in
            let connection = try await WireConnection.open(daemon)
            #expect(try await connection.isAtEnd())
            // The time begins anew with each frame, so one that asks now and then stays.
            let busy = try await WireConnection.open(daemon)
            for number in 1...20 as ClosedRange<UInt64> {
                try await busy.send(try busy.frame(1, correlation: number))
                #expect(try await busy.answer()?.header.correlation == number)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    @Test func aFrameInDribletsIsCutOff() async throws {
        try await TestDaemon.run(configure: {
            $0.tcpLimits.frameGrace = .milliseconds(100)
            try $0.set("tcp.frameBytesPerSecond", "1000000")
        }) { daemon in
            let connection = try await WireConnection.open(daemon)
            let frame = try connection.frame(1, [UInt8](repeating: 0, count: 100_000))
            await #expect(throws: StreamSocket.Failure.reset) {
                for byte in frame {
                    try await connection.send([byte])
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            try await daemon.expectAnswers()
        }
    }

    /// Connections of one address beyond its share: cut off at HTTP, told so at TCP; when one goes there is room.
    @Test func oneAddressHasItsShareOfConnections() async throws {
        try await TestDaemon.run(configure: { try $0.set("connections.perAddress", "3") }) { daemon in
            let first = try daemon.http()
            #expect(try await first.request("GET", "/livez").status == 200)
            let second = try await WireConnection.open(daemon)
            let third = try daemon.http()
            #expect(try await third.request("GET", "/livez").status == 200)
            let fourth = try StreamSocket(port: daemon.daemon.http.port)
            #expect(try await fourth.receiveToEnd().isEmpty)
            let fifth = try WireConnection(daemon)
            try await fifth.send(WireConnection.preface)
            #expect(try await fifth.preface()?.status == .busy)
            #expect(try await daemon.admin().request("GET", "/admin/config").status == 200, "not counted")
            try await second.send(try second.frame(2))
            while try await second.answer() != nil {}
            #expect(try await daemon.http().request("GET", "/livez").status == 200)
        }
    }

    /// The limit of new connections a second changes while running.
    @Test func connectionsThatComeTooFastAreCutOff() async throws {
        try await TestDaemon.run { daemon in
            let admin = try daemon.admin()
            let body = JSONText.object(["connections.perSecond": "1"])
            #expect(try await admin.request("PATCH", "/admin/config", json: body).status == 200)
            var ended = 0
            for _ in 0..<20 {
                let socket = try StreamSocket(port: daemon.daemon.http.port)
                try? await socket.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if try await socket.receiveToEnd().isEmpty { ended += 1 }
            }
            #expect(ended > 0)
            #expect(
                try await admin.request(
                    "PATCH", "/admin/config", json: JSONText.object(["connections.perSecond": "0"])
                ).status == 200)
            try await daemon.expectAnswers()
        }
    }
}
