import StarlingSystem
import Testing

@testable import StarlingEngine

/// A read shows the state after one record of the log, also when the sequencer is further on than the worker: a large
/// import ends the worker's slice, and what was written behind it in the same round is not applied yet.
@Suite struct LaggingWorkerTests {
    private static let author = UserID(rawValue: 1_000_001)
    private static let reader = UserID(rawValue: 1_000_002)
    private static let newcomer = UserID(rawValue: 1_000_003)

    /// An engine where the reader follows the author, with one post.
    private func fixture() throws -> (EngineFixture, PostID) {
        var configuration = EngineFixture.smallConfiguration(workers: 1)
        configuration.celebrityThreshold = 1_000_000
        let fixture = try EngineFixture(configuration)
        try fixture.follow(Self.reader.rawValue, Self.author.rawValue)
        return (fixture, try fixture.post(Self.author.rawValue))
    }

    /// Runs `command` behind an import and `read` between the two; the read's answer.
    private func readBetween<Value: Sendable>(
        _ fixture: EngineFixture, _ command: Command, as actor: UserID,
        _ read: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) throws -> Value {
        let importLSN = fixture.engine.publishedLSN + 1
        _ = fixture.submit(.followsOfStrangers(batch: 0, rows: 3_000), as: 1)
        _ = fixture.submit(command, as: actor.rawValue)
        let box = Box<Result<Value, EngineError>>()
        read { box.set($0) }
        #expect(fixture.engine.step())
        #expect(fixture.engine.publishedLSN == importLSN + 1, "both are committed")
        #expect(fixture.engine.runners[0].worker.appliedLSN == importLSN, "only the import is applied")
        return try box.value().get()
    }

    @Test func postIsNotGoneBeforeItsDeletionIsApplied() throws {
        let (fixture, id) = try fixture()
        let page = try readBetween(fixture, .deletePost(id), as: Self.author) {
            fixture.engine.feed(of: Self.reader, completion: $0)
        }
        #expect(page.entries.map(\.post) == [id])
        fixture.settle()
        #expect(try fixture.feed(Self.reader.rawValue) == [])
    }

    @Test func lookUpDoesNotRunAhead() throws {
        let (fixture, id) = try fixture()
        // The id that the next post will have.
        let next = PostID(rawValue: id.rawValue + 1 << PostIDMint.slotBits)
        let post = Command.createPost(NewPost(author: Self.author, text: "next"))
        let lookup = try readBetween(fixture, post, as: Self.author) {
            fixture.engine.posts([id, next], viewer: nil, completion: $0)
        }
        #expect(lookup.missing == [next])
        #expect(try fixture.lookUp([id, next]).missing == [])
    }

    @Test func authorPageDoesNotRunAhead() throws {
        let (fixture, id) = try fixture()
        let post = Command.createPost(NewPost(author: Self.author, text: "next"))
        let page = try readBetween(fixture, post, as: Self.author) {
            fixture.engine.posts(of: Self.author, viewer: nil, completion: $0)
        }
        #expect(page.entries.map(\.post) == [id])
    }

    /// The sequencer knows an account that the worker has not heard of.
    @Test func accountThatIsNotAppliedHasNothing() throws {
        let (fixture, _) = try fixture()
        let profile = try readBetween(fixture, .follow(Self.author), as: Self.newcomer) {
            fixture.engine.profile(of: Self.newcomer, completion: $0)
        }
        #expect(profile == nil)
        fixture.settle()
        #expect(try fixture.profile(Self.newcomer.rawValue).followingCount == 1)
    }

    @Test func readThatNamesTheWriteWaitsForIt() throws {
        let (fixture, id) = try fixture()
        _ = fixture.submit(.followsOfStrangers(batch: 0, rows: 3_000), as: 1)
        _ = fixture.submit(.deletePost(id), as: Self.author.rawValue)
        let box = Box<Result<PostPage, EngineError>>()
        fixture.engine.feed(of: Self.reader, minimumLSN: fixture.engine.publishedLSN + 2) { box.set($0) }
        #expect(fixture.engine.step())
        #expect(box.isEmpty)
        fixture.settle()
        #expect(try box.value().get().entries.isEmpty)
    }
}
