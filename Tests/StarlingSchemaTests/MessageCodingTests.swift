import StarlingSchema
import StarlingSystem
import Testing

struct MessageCodingTests {
    private func decode(_ bytes: [UInt8]) throws(MessageCodingError) -> Starling_V1_BatchPostsRequest {
        try MessageCoding.decode(Starling_V1_BatchPostsRequest.self, from: bytes.span.bytes)
    }

    @Test(arguments: 0..<40)
    func roundTrip(seed: UInt64) throws {
        var messages = RandomMessages(seed: seed)
        let batch = messages.batch()
        #expect(try decode(MessageCoding.encode(batch)) == batch)
    }

    @Test func unknownFieldsAreDropped() throws {
        // Field 99, a varint.
        let decoded = try decode([0x98, 0x06, 0x01])
        #expect(decoded == Starling_V1_BatchPostsRequest())
        #expect(MessageCoding.encode(decoded).isEmpty)
    }

    @Test(arguments: [
        ([0x0a, 0x05, 0x01] as [UInt8], "it ends within a field"),
        ([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07], "it is not in the binary format of Protocol Buffers"),
        ([0x0a, 0x04, 0x12, 0x02, 0xc3, 0x28], "a string is not UTF-8"),
        ([0x0f], "it is not in the binary format of Protocol Buffers"),
    ])
    func brokenPayload(bytes: [UInt8], cause: String) {
        do {
            _ = try decode(bytes)
            Issue.record("\(bytes) should be refused")
        } catch {
            #expect(error.description == "the payload is not a starling.v1.BatchPostsRequest: \(cause)")
        }
    }

    @Test(arguments: 0..<40)
    func nonsenseNeverCrashes(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            let bytes = (0..<random.next() % 48).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? decode(bytes)
        }
    }
}
