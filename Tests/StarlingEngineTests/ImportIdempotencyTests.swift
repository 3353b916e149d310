import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct ImportIdempotencyTests {
    private func posts(_ count: Int, by author: UInt64 = 1) -> [NewPost] {
        (0..<count).map { NewPost(author: UserID(rawValue: author), text: "row \($0)") }
    }

    private func ids(_ rows: [Result<PostID, EngineError>]) throws -> [PostID] { try rows.map { try $0.get() } }

    @Test func importedFollowsGetTheSameOutcomesAfterARestart() throws {
        let fixture = try EngineFixture()
        try fixture.follow(1, 2)
        let rows: [(UInt64, UInt64)] = [(1, 2), (1, 3), (4, 4), (1, 3), (5, 0)]
        let first = try fixture.importFollows(rows, key: "k")
        try fixture.unfollow(1, 3)
        try fixture.restart()
        let second = try fixture.importFollows(rows, key: "k")
        #expect(second.isReplay)
        #expect(second.rows.map { try? $0.get() } == first.rows.map { try? $0.get() })
        #expect(try fixture.following(1) == [2])
    }

    @Test func uniformOutcomesAreRememberedToo() throws {
        let fixture = try EngineFixture()
        let rows = (2...300).map { (UInt64(1), UInt64($0)) }
        _ = try fixture.importFollows(rows, key: "k")
        try fixture.restart()
        let again = try fixture.importFollows(rows, key: "k").rows.map { try $0.get().changed }
        #expect(again == Array(repeating: true, count: 299))
    }

    @Test func otherFollowsUnderTheKeyAreRefused() throws {
        let fixture = try EngineFixture()
        _ = try fixture.importFollows([(1, 2)], key: "k", fingerprint: 1)
        let other = Command.importFollows([NewFollow(follower: UserID(rawValue: 1), followee: UserID(rawValue: 3))])
        #expect(try fixture.refusal(other, as: 1, key: "k", fingerprint: 2) == "idempotencyKeyReused")
        #expect(try fixture.following(1) == [2])
    }

    @Test func importedPostsKeepTheirIDs() throws {
        let fixture = try EngineFixture()
        let rows = posts(3, by: 1) + posts(3, by: 2)
        let first = try fixture.importPosts(rows, key: "k")
        try fixture.restart()
        let second = try fixture.importPosts(rows, key: "k")
        #expect(!first.isReplay)
        #expect(second.isReplay)
        #expect(try ids(second.rows) == ids(first.rows))
        #expect(try fixture.posts(of: 1).count == 3)
    }

    @Test func otherPostsUnderTheKeyAreRefusedAsAWhole() throws {
        let fixture = try EngineFixture()
        _ = try fixture.importPosts(posts(2), key: "k", fingerprint: 1)
        #expect(try fixture.refusal(.importPosts(posts(4)), as: 1, key: "k", fingerprint: 2) == "idempotencyKeyReused")
        #expect(try fixture.posts(of: 1).count == 2)
    }

    @Test func importsOfDifferentActorsAreApart() throws {
        let fixture = try EngineFixture()
        let first = try fixture.importPosts(posts(2), as: 1, key: "k")
        let second = try fixture.importPosts(posts(2), as: 9, key: "k")
        #expect(try Set(ids(first.rows) + ids(second.rows)).count == 4)
    }

    /// The keys of rows are derived from the import's: none that a client can send is among them.
    @Test func noClientCanTakeTheKeyOfARow() throws {
        let fixture = try EngineFixture()
        for separator in ["#", "/", " ", "|"] { _ = try fixture.post(1, key: "k\(separator)7/0") }
        #expect(
            try fixture.importPosts(posts(1), as: 7, key: "k", fingerprint: 3).rows.allSatisfy { $0.errorName == "" })
        #expect(try fixture.posts(of: 1).count == 5)
    }

    /// Power fails in the middle of an import: what is there stays and keeps its ids, the rest is added.
    @Test func importThatACrashCutIsCompletedByARepetition() throws {
        let rows = incompressiblePosts(40)
        var cuts = 0
        for change in 0..<9 {
            let fixture = try EngineFixture(seed: UInt64(change) + 1)
            _ = try fixture.post(2)
            let answer = fixture.submit(.importPosts(rows), as: 1, key: "k")
            fixture.disk.failPower(afterChanges: change)
            fixture.settle()
            let wasAcknowledged = (try? answer.value().get()) != nil
            try fixture.restart(crash: .randomSectors)
            let survivors = try fixture.posts(of: 1)
            if (1..<rows.count).contains(survivors.count) { cuts += 1 }
            #expect(!wasAcknowledged || survivors.count == rows.count)
            let repeated = try fixture.importPosts(rows, key: "k")
            #expect(try Array(ids(repeated.rows).prefix(survivors.count)) == survivors.reversed())
            #expect(try fixture.posts(of: 1).count == rows.count)
            #expect(repeated.isReplay == (survivors.count == rows.count))
        }
        // Or the test has shown nothing.
        #expect(cuts > 0)
    }

    /// Together about two segments, so that a crash can leave the first of them.
    private func incompressiblePosts(_ count: Int) -> [NewPost] {
        var random = SeededRandom(seed: 9)
        return (0..<count).map { _ in
            let words = (0..<50).map { _ in String(random.next(), radix: 36) }
            return NewPost(author: UserID(rawValue: 1), text: words.joined())
        }
    }
}
