import NIOCore
import StarlingClient
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Bytes at the TCP door that are no protocol, and frames that are no requests.
@Suite struct TCPBadInputTests {
    private static let getUser: UInt16 = 20
    private static let createPost: UInt16 = 48

    /// The connection is told so and ended, and the daemon goes on.
    private static func expectBreak(
        _ connection: WireConnection, _ daemon: TestDaemon, status: UInt32, code: String, correlation: UInt64 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let frame = try await connection.answer()
        #expect(frame?.header.opcode == ProtocolOpcode.goAway, sourceLocation: sourceLocation)
        #expect(frame?.header.correlation == correlation, sourceLocation: sourceLocation)
        let payload = try #require(frame?.payload, sourceLocation: sourceLocation)
        let problem = try Starling_V1_Problem(serializedBytes: Array(buffer: payload))
        #expect(problem.status == status && problem.code == code, "\(problem.detail)", sourceLocation: sourceLocation)
        #expect(problem.hasAccepted && !problem.accepted, sourceLocation: sourceLocation)
        #expect(try await connection.isAtEnd(), sourceLocation: sourceLocation)
        try await daemon.expectAnswers(sourceLocation: sourceLocation)
    }

    @Test(
        arguments: [
            [0x47, 0x45, 0x54, 0x20], [0x00], [0xff, 0xff], [0xfb, 0x53, 0x54, 0x00],
            // A range of versions that is none, a flag that is not defined, a token that is too long.
            [0xfb, 0x53, 0x54, 0x4c, 0, 1, 0, 0, 0, 0], [0xfb, 0x53, 0x54, 0x4c, 2, 1, 0, 0, 0, 0],
            [0xfb, 0x53, 0x54, 0x4c, 1, 1, 1, 0, 0, 0], [0xfb, 0x53, 0x54, 0x4c, 1, 1, 0, 0, 0xff, 0xff],
            // Versions that this server does not speak.
            [0xfb, 0x53, 0x54, 0x4c, 2, 9, 0, 0, 0, 0], [0xfb, 0x53, 0x54, 0x4c, 255, 255, 0, 0, 0, 0],
        ] as [[UInt8]])
    func aBadPrefaceIsRefused(bytes: [UInt8]) async throws {
        try await TestDaemon.run { daemon in
            let connection = try WireConnection(daemon)
            try await connection.send(bytes)
            let preface = try await connection.preface()
            #expect(preface?.status == .unsupportedVersion && preface?.version == 0)
            #expect(preface?.text.isEmpty == false)
            #expect(try await connection.isAtEnd())
            try await daemon.expectAnswers()
        }
    }

    @Test func aPrefaceInPiecesIsAccepted() async throws {
        try await TestDaemon.run { daemon in
            let connection = try WireConnection(daemon)
            for byte in WireConnection.preface { try await connection.send([byte]) }
            let preface = try await connection.preface()
            #expect(preface?.status == .ok && preface?.version == 1 && preface?.maxInFlight == 1_024)
            let bytes = try connection.frame(ProtocolOpcode.ping, [1, 2, 3], correlation: 9)
            for byte in bytes { try await connection.send([byte]) }
            let echo = try await connection.answer()
            #expect(echo?.header.correlation == 9 && echo?.payload == ByteBuffer(bytes: [1, 2, 3]))
        }
    }

    /// Newer clients that also speak version 1 are welcome.
    @Test func aRangeOfVersionsIsNegotiated() async throws {
        try await TestDaemon.run { daemon in
            let connection = try WireConnection(daemon)
            try await connection.send([0xfb, 0x53, 0x54, 0x4c, 1, 200, 0, 0, 0, 0])
            #expect(try await connection.preface()?.version == 1)
        }
    }

    /// At every byte of a request.
    @Test func aTruncatedFrameEndsWithItsConnection() async throws {
        try await TestDaemon.run { daemon in
            let payload: [UInt8] = try Starling_V1_CreatePostRequest.with {
                $0.authorID = 1
                $0.text = "never whole"
            }.serializedBytes()
            let context = Starling_V1_RequestContext.with { $0.idempotencyKey = "key" }
            for length in 1..<(16 + 2 + 5 + payload.count) {
                let connection = try await WireConnection.open(daemon)
                let bytes = try connection.frame(Self.createPost, payload, context: context)
                try await connection.send(Array(bytes[..<length]))
                await connection.finishSending()
                #expect(try await connection.isAtEnd(), "\(length) of \(bytes.count) bytes")
            }
            try await daemon.expectAnswers()
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(quiet["lsn"] == .string("0"))
        }
    }

    @Test(arguments: [100_001, 1 << 24, UInt32.max]) func anOversizedFrameIsRefusedByItsHeader(length: UInt32)
        async throws
    {
        try await TestDaemon.run(configure: { try $0.set("tcp.payloadBytes", "100000") }) { daemon in
            let connection = try await WireConnection.open(daemon)
            var header = ByteBuffer()
            header.writeMultipleIntegers(length, Self.createPost, UInt16(0), UInt64(77), endianness: .little)
            try await connection.send(Array(buffer: header))
            try await Self.expectBreak(connection, daemon, status: 413, code: "FRAME_TOO_LARGE", correlation: 77)
        }
    }

    @Test func aFrameOfTheGreatestSizeIsTaken() async throws {
        try await TestDaemon.run(configure: { try $0.set("tcp.payloadBytes", "100000") }) { daemon in
            let connection = try await WireConnection.open(daemon)
            let payload = [UInt8](repeating: 7, count: 100_000)
            try await connection.send(try connection.frame(ProtocolOpcode.ping, payload))
            #expect(try await connection.answer()?.payload.readableBytes == 100_000)
        }
    }

    @Test(arguments: [8, 16, 0x8000, 0xffff] as [UInt16]) func unknownFlagsBreakTheConnection(flags: UInt16)
        async throws
    {
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            var header = ByteBuffer()
            header.writeMultipleIntegers(UInt32(0), Self.getUser, flags, UInt64(5), endianness: .little)
            try await connection.send(Array(buffer: header))
            try await Self.expectBreak(connection, daemon, status: 400, code: "MALFORMED_FRAME", correlation: 5)
        }
    }

    /// Payloads of frames that should begin with a context: none, cut in its length, longer than the frame, longer than
    /// allowed, no message.
    @Test(
        arguments: [[], [1], [5, 0, 1], [0xff, 0xff] + [UInt8](repeating: 0, count: 5_000), [2, 0, 0xff, 0xff]]
            as [[UInt8]])
    func aBadContextBreaksTheConnection(payload: [UInt8]) async throws {
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            var frame = ByteBuffer()
            frame.writeMultipleIntegers(
                UInt32(payload.count), Self.getUser, FrameFlags.context.rawValue, UInt64(6), endianness: .little)
            frame.writeBytes(payload)
            try await connection.send(Array(buffer: frame))
            try await Self.expectBreak(connection, daemon, status: 400, code: "MALFORMED_FRAME", correlation: 6)
        }
    }

    /// A request that is not understood is answered; the connection goes on.
    @Test(
        arguments: [
            // Cut varint, cut length, wrong wire type, group, field 0, invalid UTF-8, a length beyond everything.
            (20, [0x09, 1, 2], "400"), (20, [0xff, 0xff, 0xff], "400"), (20, [0x0a, 0x7f], "400"), (20, [0x08], "400"),
            (20, [0x0b], "400"), (20, [0x00, 0x00], "400"), (48, [0x12, 2, 0xc3, 0x28], "400"),
            (48, [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "400"), (20, [], "404"),
            // A limit out of range, as varint of 10 bytes and as 0.
            (80, [0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 0], "400"),
            (80, [0x09, 1, 0, 0, 0, 0, 0, 0, 0, 0x10, 0xc9, 1], "400"),
            (0, [], "404"), (3, [], "404"), (15, [1], "404"), (239, [], "404"), (1_000, [], "404"), (65_535, [], "404"),
        ] as [(UInt16, [UInt8], String)])
    func aBadRequestIsAnswered(opcode: UInt16, payload: [UInt8], status: String) async throws {
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            try await connection.send(try connection.frame(opcode, payload, correlation: 3))
            let problem = try await connection.problem()
            #expect(problem.map { "\($0.status)" } == status, "\(problem?.detail ?? "no problem")")
            #expect(problem?.accepted == false)
            if Self.isUnknown(opcode) { #expect(problem?.code == "UNKNOWN_OPERATION") }
            try await connection.send(try connection.frame(ProtocolOpcode.ping, correlation: 4))
            #expect(try await connection.answer()?.header.correlation == 4)
            try await daemon.expectAnswers()
        }
    }

    private static func isUnknown(_ opcode: UInt16) -> Bool {
        (try? OperationTable())?.operation(opcode: opcode) == nil
    }

    /// Enum numbers that this version does not know are refused, whichever way they come.
    @Test func unknownEnumNumbersAreRefused() async throws {
        try await TestDaemon.run { daemon in
            let door = TCPDoor(client: try await daemon.client())
            let request = Starling_V1_CreatePostRequest.with {
                $0.authorID = 1
                $0.text = "x"
                $0.kind = .UNRECOGNIZED(77)
            }
            let answer = try await door.call("CreatePost", request, answer: Starling_V1_CreatePostResponse.self)
            #expect(answer.verdict == "400 INVALID_ARGUMENT")
        }
    }

    @Test func aKeyThatIsNoKeyIsRefused() async throws {
        try await TestDaemon.run { daemon in
            let door = TCPDoor(client: try await daemon.client())
            for key in [String(repeating: "k", count: 129), "a\nb", "sch\u{f6}n"] {
                let answer = try await door.call(
                    "Follow", Starling_V1_FollowRequest.with { ($0.userID, $0.targetID) = (1, 2) },
                    answer: Starling_V1_FollowResponse.self, .with { $0.idempotencyKey = key })
                #expect(answer.verdict == "400 INVALID_ARGUMENT")
            }
        }
    }

    @Test func anUnknownDurabilityIsRefused() async throws {
        try await TestDaemon.run { daemon in
            let door = TCPDoor(client: try await daemon.client())
            let answer = try await door.call(
                "Follow", Starling_V1_FollowRequest.with { ($0.userID, $0.targetID) = (1, 2) },
                answer: Starling_V1_FollowResponse.self, .with { $0.durability = .UNRECOGNIZED(9) })
            #expect(answer.verdict == "400 INVALID_ARGUMENT")
        }
    }

    /// Over HTTP a key at a read is refused; so it is here.
    @Test func aReadTakesNoIdempotencyKey() async throws {
        try await TestDaemon.run { daemon in
            let door = TCPDoor(client: try await daemon.client())
            let answer = try await door.call(
                "Feed", Starling_V1_FeedRequest.with { $0.userID = 1 }, answer: Starling_V1_FeedResponse.self,
                .with { $0.idempotencyKey = "k" })
            #expect(answer.verdict == "400 INVALID_ARGUMENT")
        }
    }

    @Test func aClientMaySayGoodbye() async throws {
        try await TestDaemon.run { daemon in
            let connection = try await WireConnection.open(daemon)
            try await connection.send(try connection.frame(ProtocolOpcode.goAway))
            #expect(try await connection.answer()?.header.opcode == ProtocolOpcode.goAway)
            #expect(try await connection.isAtEnd())
        }
    }
}
