import NIOCore
import StarlingSchema
import StarlingWire
import SwiftProtobuf
import Testing

/// The bytes of `docs/protocol.md`. A stranger's client is written from them.
struct DocumentedExampleTests {
    private func bytes(_ hexadecimal: String) -> [UInt8] {
        hexadecimal.split(whereSeparator: \.isWhitespace).compactMap { UInt8($0, radix: 16) }
    }

    @Test func prefaces() throws {
        var buffer = ByteBuffer()
        try ClientPreface().encode(into: &buffer)
        #expect(WireFixture.bytes(buffer) == bytes("fb 53 54 4c 01 01 00 00 00 00"))
        buffer.clear()
        ServerPreface(
            version: 1, status: .ok, maxInFlight: 1024, maxPayloadBytes: 1 << 20, text: "starling/0.1"
        ).encode(into: &buffer)
        let expected = bytes(
            "fb 53 54 4c 01 00 00 04 00 00 10 00 0c 00 73 74 61 72 6c 69 6e 67 2f 30 2e 31")
        #expect(WireFixture.bytes(buffer) == expected)
    }

    @Test func request() throws {
        let follow = Starling_V1_FollowRequest.with {
            $0.userID = 1
            $0.targetID = 2
        }
        let context = Starling_V1_RequestContext.with {
            $0.idempotencyKey = "k1"
            $0.durability = .disk
        }
        var buffer = ByteBuffer()
        try FrameEncoder().writeRequest(opcode: 16, correlation: 7, context: context, into: &buffer) {
            $0.writeBytes(MessageCoding.encode(follow))
        }
        let expected = bytes(
            """
            1a 00 00 00 10 00 01 00 07 00 00 00 00 00 00 00
            06 00 12 02 6b 31 20 03 09 01 00 00 00 00 00 00
            00 11 02 00 00 00 00 00 00 00
            """)
        #expect(WireFixture.bytes(buffer) == expected)
    }

    @Test func answer() throws {
        let response = Starling_V1_FollowResponse.with {
            $0.state = .following
            $0.changed = true
            $0.lsn = 300
            $0.durability = .disk
        }
        var buffer = ByteBuffer()
        try FrameEncoder().writeAnswer(opcode: 16, correlation: 7, into: &buffer) {
            $0.writeBytes(MessageCoding.encode(response))
        }
        let expected = bytes(
            "09 00 00 00 10 00 00 00 07 00 00 00 00 00 00 00 08 02 10 01 18 ac 02 20 03")
        #expect(WireFixture.bytes(buffer) == expected)
    }

    @Test func problem() throws {
        let problem = Starling_V1_Problem.with {
            $0.title = "Invalid request"
            $0.status = 400
            $0.detail = "You cannot follow yourself."
            $0.code = "INVALID_ARGUMENT"
            $0.accepted = false
            $0.errors = [
                .with {
                    $0.field = "targetId"
                    $0.message = "is the user"
                }
            ]
        }
        var buffer = ByteBuffer()
        FrameEncoder().writeProblem(problem, opcode: 16, correlation: 8, into: &buffer)
        let expected = bytes(
            """
            5e 00 00 00 10 00 02 00 08 00 00 00 00 00 00 00
            12 0f 49 6e 76 61 6c 69 64 20 72 65 71 75 65 73
            74 18 90 03 22 1b 59 6f 75 20 63 61 6e 6e 6f 74
            20 66 6f 6c 6c 6f 77 20 79 6f 75 72 73 65 6c 66
            2e 2a 10 49 4e 56 41 4c 49 44 5f 41 52 47 55 4d
            45 4e 54 30 00 3a 17 0a 08 74 61 72 67 65 74 49
            64 12 0b 69 73 20 74 68 65 20 75 73 65 72
            """)
        #expect(WireFixture.bytes(buffer) == expected)
    }
}
