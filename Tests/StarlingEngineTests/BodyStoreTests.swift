import StarlingLog
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct BodyStoreTests {
    private func texts(_ fixture: EngineFixture, of ids: [PostID]) throws -> [String?] {
        let entries = try fixture.lookUp(ids, viewer: 1).found
        return try fixture.engine.bodies(of: entries).map { $0?.text }
    }

    @Test func everyFieldComesBack() throws {
        let fixture = try EngineFixture()
        let original = try fixture.post(2)
        var post = NewPost(author: UserID(rawValue: 1), text: "Grüße \u{1F426}\0")
        post.kind = .video
        post.mediaURL = "https://example.org/film"
        post.thumbnailURL = "https://example.org/picture"
        post.visibility = .followers
        post.replyTo = original
        post.repostOf = original
        guard let id = try fixture.run(.createPost(post), as: 1).outcome.post else { throw UnexpectedOutcome() }
        try fixture.restart()
        let entries = try fixture.lookUp([id], viewer: 1).found
        let expected = PostBody(
            text: post.text, kind: .video, mediaURL: post.mediaURL, thumbnailURL: post.thumbnailURL,
            visibility: .followers, replyTo: original, repostOf: original)
        #expect(try fixture.engine.bodies(of: entries) == [expected])
    }

    /// With a cache that holds all, some, or nothing.
    @Test(arguments: [1 << 20, 2_000, 0])
    func bodiesComeInTheOrderAskedFor(cacheBytes: Int) throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.bodyCacheBytes = cacheBytes
        let fixture = try EngineFixture(configuration)
        var random = SeededRandom(seed: 1)
        var words: [PostID: String] = [:]
        for number in 0..<100 {
            words[try fixture.post(1, "post \(number)")] = "post \(number)"
        }
        let ids = words.keys.sorted()
        for _ in 0..<20 {
            // Some ids come twice.
            let wanted = (0..<25).map { _ in ids[Int.random(in: 0..<100, using: &random)] }
            #expect(try texts(fixture, of: wanted) == wanted.map { words[$0] })
        }
    }

    /// At level `memory` writes are answered before the kernel has them; what can be seen can be read all the same.
    @Test func whatIsVisibleCanBeRead() throws {
        var configuration = EngineFixture.smallConfiguration(workers: 1)
        configuration.acknowledgement = .memory
        let fixture = try EngineFixture(configuration)
        try fixture.follow(2, 1)
        let engine = fixture.engine
        let bodies = Box<[PostBody?]>()
        engine.submit(
            .createPost(NewPost(author: UserID(rawValue: 1), text: "seen")), WriteContext(actor: UserID(rawValue: 1))
        ) { _ in
            // As a worker's thread might, between the answer and the write.
            engine.feed(of: UserID(rawValue: 2)) { page in
                if let entries = try? page.get().entries, let found = try? engine.bodies(of: entries) {
                    bodies.set(found)
                }
            }
            for runner in engine.runners { while runner.step() {} }
        }
        fixture.settle()
        #expect(try bodies.value().allSatisfy { $0?.text == "seen" })
        #expect(try texts(fixture, of: try fixture.feed(2)) == ["seen"])
    }
}
