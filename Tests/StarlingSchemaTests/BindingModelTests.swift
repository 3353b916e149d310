import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Testing

/// Compares the binding with SwiftProtobuf's own JSON, which shares no code with it.
struct BindingModelTests {
    private let fixture: BindingFixture

    init() throws { fixture = try BindingFixture() }

    private func bindBatch(_ body: [UInt8]) throws -> Starling_V1_BatchPostsRequest {
        try fixture.bind(Starling_V1_BatchPostsRequest.self, "POST", "/v1/batch/posts", bytes: body)
    }

    @Test(arguments: 0..<60)
    func readsWhatAnotherWriterWrites(seed: UInt64) throws {
        var messages = RandomMessages(seed: seed)
        let batch = messages.batch()
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = messages.chance(2)
        options.alwaysPrintInt64sAsNumbers = messages.chance(2)
        options.alwaysPrintEnumsAsInts = messages.chance(2)
        #expect(try bindBatch(batch.jsonUTF8Bytes(options: options)) == batch)
    }

    @Test(arguments: 0..<60)
    func readsWhatItsOwnAnswerPrints(seed: UInt64) throws {
        var messages = RandomMessages(seed: seed)
        let batch = messages.batch()
        #expect(try bindBatch(JSONAnswer(schema: fixture.table.schema).encode(batch)) == batch)
    }

    /// Damaged bodies: whatever is accepted, another reader accepts too and understands in the same way.
    @Test(arguments: 0..<40)
    func damagedBodiesAreRefusedOrReadAlike(seed: UInt64) throws {
        var messages = RandomMessages(seed: seed)
        for _ in 0..<50 {
            var body: [UInt8] = try messages.batch().jsonUTF8Bytes()
            for _ in 0..<1 + messages.random.next() % 3 { damage(&body, &messages.random) }
            guard let bound = try? bindBatch(body) else { continue }
            if body.allSatisfy({ [0x20, 0x0a, 0x0d, 0x09].contains($0) }) { continue }
            let other = try Starling_V1_BatchPostsRequest(jsonUTF8Bytes: body)
            #expect(bound == other, "\(String(decoding: body, as: UTF8.self))")
        }
    }

    private func damage(_ body: inout [UInt8], _ random: inout SeededRandom) {
        guard !body.isEmpty else { return }
        let place = Int(random.next() % UInt64(body.count))
        let interesting = Array("{}[]\",:\\0129eE.-+tfnu \n".utf8) + [0x00, 0x80, 0xff]
        switch random.next() % 4 {
        case 0: body[place] = interesting[Int(random.next() % UInt64(interesting.count))]
        case 1: body.remove(at: place)
        case 2: body.insert(interesting[Int(random.next() % UInt64(interesting.count))], at: place)
        default: body.removeSubrange(place...)
        }
    }

    /// Bytes without any sense, as body, path and query.
    @Test(arguments: 0..<40)
    func nonsenseNeverCrashes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let bytes = (0..<random.next() % 64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? bindBatch(bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            _ = fixture.table.routes.match(method: "GET", path: "/v1/posts/" + text)
            guard case .found(let route) = fixture.table.routes.match(method: "GET", path: "/v1/posts") else {
                Issue.record("the route is gone")
                return
            }
            _ = try? fixture.binding.payload(route: route, query: text, body: [])
            _ = try? fixture.binding.payload(route: route, query: "ids=" + text, body: [])
        }
    }
}
