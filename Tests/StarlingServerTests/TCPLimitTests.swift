import NIOCore
import StarlingClient
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Clients that take more than their share at the TCP door, or give nothing.
@Suite struct TCPLimitTests {
    /// All answers come, each once; those beyond the limit say that there were too many.
    @Test func tooManyInFlightAreRefused() async throws {
        try await TestDaemon.run(configure: { try $0.set("tcp.inFlight", "4") }) { daemon in
            let connection = try await WireConnection.open(daemon)
            var bytes: [UInt8] = []
            for number in 1...200 {
                let request = Starling_V1_CreatePostRequest.with {
                    $0.authorID = 1
                    $0.text = "\(number)"
                }
                bytes += try connection.frame(48, try request.serializedBytes(), correlation: UInt64(number))
            }
            try await connection.send(bytes)
            var answered: Set<UInt64> = []
            var accepted = 0
            for _ in 1...200 {
                let frame = try #require(try await connection.answer())
                #expect(answered.insert(frame.header.correlation).inserted)
                guard frame.header.flags.contains(.problem) else {
                    accepted += 1
                    continue
                }
                let problem = try Starling_V1_Problem(serializedBytes: Array(buffer: frame.payload))
                #expect(problem.status == 429 && problem.code == "TOO_MANY_IN_FLIGHT" && problem.retryAfterSeconds == 1)
                #expect(problem.hasAccepted && !problem.accepted)
            }
            #expect(answered == Set(1...200) && (4..<200).contains(accepted))
            let totals = try await daemon.admin().request("GET", "/admin/quiesce").json["totals"]
            #expect(totals?["posts"] == .string("\(accepted)"), "a refused request was not carried out")
            // Places are given back: the connection goes on.
            try await connection.send(try connection.frame(20, [0x09, 1, 0, 0, 0, 0, 0, 0, 0], correlation: 999))
            let last = try await connection.answer()
            #expect(last?.header.correlation == 999 && last?.header.flags == [])
        }
    }

    @Test func aHalfSentPrefaceIsCutOff() async throws {
        try await TestDaemon.run(configure: { $0.tcpLimits.prefaceTimeout = .milliseconds(200) }) { daemon in
            for length in [0, 1, 9] {
                let connection = try WireConnection(daemon)
                try await connection.send(Array(WireConnection.preface[..<length]))
                #expect(try await connection.isAtEnd())
            }
            // Whoever has sent the preface in time may then be silent.
            let patient = try await WireConnection.open(daemon)
            let late = try WireConnection(daemon)
            #expect(try await late.isAtEnd())
            try await patient.send(try patient.frame(ProtocolOpcode.ping, correlation: 8))
            #expect(try await patient.answer()?.header.correlation == 8)
        }
    }

    /// A client that sends requests and takes no answers is dropped, and costs nobody else anything.
    @Test func aClientThatTakesNoAnswersIsDropped() async throws {
        try await TestDaemon.run(configure: { $0.tcpLimits.stalledTimeout = .milliseconds(200) }) { daemon in
            let connection = try await WireConnection.open(daemon, receiveBufferBytes: 4_096)
            let ping = try connection.frame(ProtocolOpcode.ping, [UInt8](repeating: 7, count: 1 << 20))
            var sent = 0
            await #expect(throws: StreamSocket.Failure.reset) {
                // Far more than all buffers between the two hold.
                while sent < 256 {
                    try await connection.send(ping)
                    sent += 1
                }
            }
            #expect(sent < 256)
            try await daemon.expectAnswers()
        }
    }

    /// The same with answers of an operation, whose requests are small and whose answers are not.
    @Test func aClientThatTakesNoPagesIsDropped() async throws {
        try await TestDaemon.run(configure: { $0.tcpLimits.stalledTimeout = .milliseconds(200) }) { daemon in
            let door = TCPDoor(client: try await daemon.client())
            let text = String(repeating: "x", count: 60_000)
            for _ in 0..<20 { _ = try await door.post(1, text) }
            let connection = try await WireConnection.open(daemon, receiveBufferBytes: 4_096)
            let page = try connection.frame(52, [0x09, 1, 0, 0, 0, 0, 0, 0, 0])
            let pages = Array(repeating: page, count: 1_000).flatMap { $0 }
            await #expect(throws: StreamSocket.Failure.reset) {
                for _ in 0..<2_000 { try await connection.send(pages) }
            }
            try await daemon.expectAnswers()
        }
    }

    @Test func oneConnectionTooManyIsToldThatTheServerIsBusy() async throws {
        try await TestDaemon.run(configure: { try $0.set("tcp.connections", "2") }) { daemon in
            let first = try await WireConnection.open(daemon)
            let second = try await WireConnection.open(daemon)
            let third = try WireConnection(daemon)
            try await third.send(WireConnection.preface)
            #expect(try await third.preface()?.status == .busy)
            #expect(try await third.isAtEnd())
            await #expect(throws: ClientError.self) { _ = try await daemon.client() }
            // One goes, and there is room.
            try await first.send(try first.frame(ProtocolOpcode.goAway))
            _ = try await first.answer()
            #expect(try await first.isAtEnd())
            try await second.send(try second.frame(ProtocolOpcode.ping, correlation: 2))
            #expect(try await second.answer()?.header.correlation == 2)
            try await daemon.expectAnswers()
        }
    }

    /// Answers come in any order, each to its request; a page beside a hundred posts.
    @Test func answersFindTheirRequests() async throws {
        try await TestDaemon.run { daemon in
            let client = try await daemon.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...100 as ClosedRange<UInt64> {
                    group.addTask {
                        let door = TCPDoor(client: client)
                        let post = try await door.post(number, "by \(number)").post
                        #expect(post.authorID == number && post.text == "by \(number)")
                        var found = try await client.call(
                            "GetPost", Starling_V1_GetPostRequest.with { $0.postID = post.id },
                            answer: Starling_V1_Post.self)
                        #expect(found.author.id == number)
                        found.clearAuthor()
                        #expect(found == post)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func theClientLibrarySaysWhatIsWrong() async throws {
        try await TestDaemon.run(configure: { try $0.set("tcp.payloadBytes", "1024") }) { daemon in
            let client = try await daemon.client()
            #expect(client.server.payloadBytes == 1_024 && client.server.inFlight == 1_024)
            #expect(client.server.name.hasPrefix("starling/"))
            let large = Starling_V1_CreatePostRequest.with { $0.text = String(repeating: "x", count: 2_000) }
            await #expect(throws: ClientError.self) {
                try await client.call("CreatePost", large, answer: Starling_V1_CreatePostResponse.self)
            }
            await #expect(throws: ClientError.self) {
                try await client.call("Dance", large, answer: Starling_V1_CreatePostResponse.self)
            }
            await client.close()
            await #expect(throws: ClientError.self) {
                try await client.call("GetUser", Starling_V1_GetUserRequest(), answer: Starling_V1_User.self)
            }
            await #expect(throws: ClientError.self) {
                try await Client.connect(host: "127.0.0.1", port: daemon.daemon.http.port)
            }
        }
    }
}
