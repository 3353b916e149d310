import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct IdempotencyTests {
    static let day: UInt64 = 24 * 3_600 * 1_000

    private func post(_ text: String = "hello") -> Command {
        .createPost(NewPost(author: UserID(rawValue: 1), text: text))
    }

    private func follow(_ user: UInt64) -> Command { .follow(UserID(rawValue: user)) }

    @Test func repetitionGetsTheFirstAnswerAndNoRecord() throws {
        let fixture = try EngineFixture()
        let first = try fixture.run(post(), as: 1, key: "k", fingerprint: 5)
        let last = fixture.engine.publishedLSN
        let second = try fixture.run(post(), as: 1, key: "k", fingerprint: 5)
        #expect(!first.isReplay)
        #expect(second.isReplay)
        #expect(second.lsn == first.lsn)
        #expect(second.outcome.post == first.outcome.post)
        #expect(fixture.engine.publishedLSN == last)
    }

    /// Both are in one round, before any commit.
    @Test func repetitionThatOvertakesTheCommitGetsTheFirstAnswer() throws {
        let fixture = try EngineFixture()
        let answers = (0..<100).map { _ in fixture.submit(post(), as: 1, key: "k") }
        fixture.settle()
        let ids = try answers.map { try $0.value().get().outcome.post }
        #expect(Set(ids).count == 1)
        #expect(try fixture.posts(of: 1).count == 1)
    }

    @Test func otherRequestUnderTheKeyIsRefused() throws {
        let fixture = try EngineFixture()
        try fixture.run(post(), as: 1, key: "k", fingerprint: 5)
        let last = fixture.engine.publishedLSN
        #expect(try fixture.refusal(post("other"), as: 1, key: "k", fingerprint: 6) == "idempotencyKeyReused")
        #expect(fixture.engine.publishedLSN == last)
    }

    /// A fingerprint is no proof: whoever finds two requests with the same one must not get an answer of another kind.
    @Test func otherOperationUnderTheKeyIsRefusedWhateverTheFingerprint() throws {
        let fixture = try EngineFixture()
        try fixture.run(follow(2), as: 1, key: "k")
        #expect(try fixture.refusal(post(), as: 1, key: "k") == "idempotencyKeyReused")
        #expect(try fixture.refusal(.unfollow(UserID(rawValue: 2)), as: 1, key: "k") == "idempotencyKeyReused")
        #expect(try fixture.refusal(.importFollows([]), as: 1, key: "k") == "idempotencyKeyReused")
        #expect(try fixture.following(1) == [2])
    }

    @Test(arguments: [nil, .loseUnsynced, .keepUnsynced, .randomSectors] as [CrashMode?])
    func keysOutliveTheProcess(crash: CrashMode?) throws {
        let fixture = try EngineFixture()
        let id = try fixture.post(1, key: "k")
        try fixture.restart(crash: crash, workers: 3)
        let again = try fixture.run(post(), as: 1, key: "k")
        #expect(again.isReplay)
        #expect(again.outcome.post == id)
        #expect(try fixture.refusal(post(), as: 1, key: "k", fingerprint: 1) == "idempotencyKeyReused")
    }

    @Test func keyIsFreeAfterADayOfLogTime() throws {
        let fixture = try EngineFixture()
        let first = try fixture.post(1, key: "k")
        fixture.time.advance(milliseconds: Self.day - 1)
        #expect(try fixture.post(1, key: "k") == first)
        fixture.time.advance(milliseconds: 1)
        let second = try fixture.post(1, key: "k")
        #expect(second != first)
        // The younger entry counts from now on, also when the log is read again.
        try fixture.restart()
        #expect(try fixture.post(1, key: "k") == second)
    }

    /// Only records move log time: what a refused request saw of a wrong clock must not free a key.
    @Test func clockThatJumpedForAMomentFreesNoKey() throws {
        let fixture = try EngineFixture()
        let first = try fixture.post(1, key: "k")
        let wall = fixture.time.wallMilliseconds()
        fixture.time.setWall(milliseconds: wall + 2 * Self.day)
        #expect(try fixture.refusal(follow(1), as: 1, key: "other") == "selfFollow")
        fixture.time.setWall(milliseconds: wall)
        #expect(try fixture.post(1, key: "k") == first)
    }

    @Test func longestRetentionNeverEnds() throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.idempotencyMilliseconds = .max
        let fixture = try EngineFixture(configuration)
        let first = try fixture.post(1, key: "k")
        fixture.time.advance(milliseconds: 400 * Self.day)
        #expect(try fixture.post(1, key: "k") == first)
    }

    /// What changed nothing is remembered as well: the state may be another when the request comes again.
    @Test func unchangedFollowIsRemembered() throws {
        let fixture = try EngineFixture()
        try fixture.follow(1, 2)
        #expect(try fixture.run(follow(2), as: 1, key: "k").outcome.follow?.changed == false)
        try fixture.unfollow(1, 2)
        try fixture.restart()
        let again = try fixture.run(follow(2), as: 1, key: "k")
        #expect(again.isReplay)
        #expect(again.outcome.follow == FollowOutcome(follows: true, changed: false))
        #expect(try fixture.following(1) == [])
    }

    @Test func unchangedUnfollowIsRemembered() throws {
        let fixture = try EngineFixture()
        #expect(try fixture.run(.unfollow(UserID(rawValue: 2)), as: 1, key: "k").outcome.follow?.changed == false)
        try fixture.follow(1, 2)
        try fixture.restart()
        let again = try fixture.run(.unfollow(UserID(rawValue: 2)), as: 1, key: "k")
        #expect(again.outcome.follow == FollowOutcome(follows: false, changed: false))
        #expect(try fixture.following(1) == [2])
    }

    @Test func deletionsAreRemembered() throws {
        let fixture = try EngineFixture()
        let id = try fixture.post(1)
        let deletion = Command.deletePost(id)
        #expect(try fixture.run(deletion, as: 1, key: "first").outcome.deleted == true)
        #expect(try fixture.run(deletion, as: 1, key: "second").outcome.deleted == false)
        try fixture.restart()
        #expect(try fixture.run(deletion, as: 1, key: "first").outcome.deleted == true)
        #expect(try fixture.run(deletion, as: 1, key: "second").outcome.deleted == false)
    }

    @Test func keysOfDifferentActorsAreApart() throws {
        let fixture = try EngineFixture()
        let first = try fixture.post(1, key: "k")
        let second = try fixture.post(2, key: "k")
        #expect(first != second)
        #expect(try fixture.post(1, key: "k") == first)
        #expect(try fixture.post(2, key: "k") == second)
    }

    /// The key belongs to the actor, so nobody can use up another account's keys.
    @Test func accountPostsOnlyForItself() throws {
        let fixture = try EngineFixture()
        #expect(try fixture.refusal(post(), as: 2, key: "k") == "invalid(authorId)")
        #expect(try !fixture.run(post(), as: 1, key: "k").isReplay)
    }

    @Test(arguments: ["", String(repeating: "x", count: 129), "a\nb", "\u{7f}", "clé"])
    func badKeyIsRefused(key: String) throws {
        let fixture = try EngineFixture()
        #expect(try fixture.refusal(post(), as: 1, key: key) == "invalid(Idempotency-Key)")
        #expect(try fixture.posts(of: 1) == [])
    }

    @Test func longestKeyOfAllPrintableCharactersIsTaken() throws {
        let fixture = try EngineFixture()
        let printable = String(decoding: Array(0x20...0x7e) + Array(repeating: UInt8(0x41), count: 33), as: UTF8.self)
        let id = try fixture.post(1, key: printable)
        try fixture.restart()
        #expect(try fixture.post(1, key: printable) == id)
    }

    @Test func refusedRequestLeavesTheKeyFree() throws {
        let fixture = try EngineFixture()
        #expect(try fixture.refusal(post(""), as: 1, key: "k") == "invalid(text)")
        #expect(try !fixture.run(post(), as: 1, key: "k").isReplay)
    }

    @Test func keysThatAreKeptAreBounded() throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.maximumIdempotencyKeys = 3
        let fixture = try EngineFixture(configuration)
        let first = try fixture.post(1, key: "1")
        for key in ["2", "3"] { _ = try fixture.post(1, key: key) }
        #expect(try fixture.refusal(post(), as: 1, key: "4") == "full")
        #expect(try fixture.post(1, key: "1") == first)
        #expect(try fixture.refusal(post(), as: 1) == nil)
        fixture.time.advance(milliseconds: Self.day)
        #expect(try fixture.refusal(post(), as: 1, key: "4") == nil)
    }
}

extension CommandOutcome {
    var post: PostID? { if case .post(let id) = self { id } else { nil } }
    var follow: FollowOutcome? { if case .follow(let outcome) = self { outcome } else { nil } }
    var deleted: Bool? { if case .deleted(let changed) = self { changed } else { nil } }
}
