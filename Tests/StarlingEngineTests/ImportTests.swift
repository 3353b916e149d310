import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct ImportTests {
    private func user(_ number: UInt64) -> UserID { UserID(rawValue: number) }

    private func post(_ author: UInt64, createdAt: UInt64? = nil) -> NewPost {
        var post = NewPost(author: user(author), text: "row")
        post.createdAt = createdAt
        return post
    }

    // MARK: Follows

    @Test func tenThousandRowsAreOneRecord() throws {
        let fixture = try EngineFixture()
        var rows: [(UInt64, UInt64)] = []
        for follower in UInt64(1)...100 { rows += (UInt64(1_000)..<1_100).map { (follower, $0) } }
        let outcomes = try fixture.importFollows(rows).rows
        #expect(outcomes.count == 10_000)
        #expect(outcomes.allSatisfy { (try? $0.get())?.changed == true })
        #expect(fixture.engine.publishedLSN == 101, "the import, and a switch of mode for each followee")
        #expect(try fixture.statistics().edges == 10_000)
        #expect(try fixture.following(100).count == 100)
        #expect(try fixture.profile(1_099).followerCount == 100)
    }

    @Test func secondOfTwoEqualRowsChangesNothing() throws {
        let fixture = try EngineFixture()
        let rows = try fixture.importFollows([(1, 2), (1, 3), (1, 2)]).rows.map { try $0.get().changed }
        #expect(rows == [true, true, false])
        #expect(try fixture.profile(2).followerCount == 1)
    }

    @Test func edgeThatWasThereChangesNothing() throws {
        let fixture = try EngineFixture()
        try fixture.follow(1, 2)
        let rows = try fixture.importFollows([(1, 2), (2, 1)]).rows.map { try $0.get() }
        #expect(rows == [FollowOutcome(follows: true, changed: false), FollowOutcome(follows: true, changed: true)])
    }

    @Test func badRowsAreRefusedAndTheOthersMade() throws {
        let fixture = try EngineFixture()
        let rows = try fixture.importFollows([(1, 1), (1, 2), (0, 2), (2, 0)]).rows
        #expect(rows.map(\.errorName) == ["selfFollow", "", "invalid(userId)", "invalid(targetId)"])
        #expect(try fixture.following(1) == [2])
    }

    @Test(arguments: [10_001, 40_000])
    func moreRowsThanAllowedAreRefusedAndHoldNothingUp(count: Int) throws {
        let fixture = try EngineFixture()
        let rows = (0..<count).map { NewFollow(follower: user(1), followee: user(UInt64($0) + 2)) }
        #expect(try fixture.refusal(.importFollows(rows), as: 1) == "invalid(rows)")
        #expect(try fixture.refusal(.importPosts(Array(repeating: post(1), count: count)), as: 1) == "invalid(rows)")
        #expect(try fixture.follow(1, 2))
    }

    @Test func emptyImportIsDone() throws {
        let fixture = try EngineFixture()
        #expect(try fixture.importFollows([]).rows.isEmpty)
        #expect(try fixture.importPosts([]).rows.isEmpty)
        #expect(fixture.engine.publishedLSN == 0)
    }

    @Test(arguments: [[100, 100, 100], [100, 200, .max]] as [[UInt32]])
    func edgesKeepTheirTime(times: [UInt32]) throws {
        let fixture = try EngineFixture()
        let rows = times.enumerated().map {
            NewFollow(follower: user(1), followee: user(UInt64($0) + 2), sinceSeconds: $1)
        }
        try fixture.run(.importFollows(rows), as: 1)
        try fixture.restart(workers: 3)
        let page = try fixture.read { fixture.engine.following(of: user(1), completion: $0) }
        #expect(page.entries.map(\.sinceSeconds) == times)
    }

    @Test func edgeWithoutATimeBeginsNow() throws {
        let fixture = try EngineFixture()
        let rows = [NewFollow(follower: user(1), followee: user(2))]
        try fixture.run(.importFollows(rows), as: 1)
        let page = try fixture.read { fixture.engine.followers(of: user(2), completion: $0) }
        #expect(page.entries.map(\.sinceSeconds) == [1_700_000_000])
    }

    // MARK: Posts

    @Test func postsKeepTheirTimeAndOrder() throws {
        let fixture = try EngineFixture()
        let times: [UInt64] = [1_500_000_000_000, 1_500_000_000_001, 1_600_000_000_000]
        let ids = try fixture.importPosts(times.map { post(1, createdAt: $0) }).rows.map { try $0.get() }
        #expect(ids.map(\.milliseconds) == times)
        #expect(try fixture.posts(of: 1) == ids.reversed())
    }

    @Test func timeThatGoesBackIsRaisedToTheNewestPosts() throws {
        let fixture = try EngineFixture()
        let times: [UInt64] = [1_600_000_000_000, 1_500_000_000_000]
        let ids = try fixture.importPosts(times.map { post(1, createdAt: $0) }).rows.map { try $0.get() }
        #expect(ids[1].milliseconds == 1_600_000_000_000)
        #expect(ids[1] > ids[0])
    }

    @Test func timesOutOfRangeAreRefused() throws {
        let fixture = try EngineFixture()
        let times: [UInt64] = [1_700_000_000_000, 1_700_000_000_001, PostIDMint.epoch, PostIDMint.epoch - 1, 0, .max]
        let rows = try fixture.importPosts(times.map { post(1, createdAt: $0) }).rows
        let refused = "invalid(createdAt)"
        #expect(rows.map(\.errorName) == ["", refused, "", refused, refused, refused])
    }

    @Test func badPostIsRefusedAndTheOthersMade() throws {
        let fixture = try EngineFixture()
        var answer = post(1)
        answer.replyTo = PostID(rawValue: 12_345)
        let rows = try fixture.importPosts([post(1), answer, post(0), post(2)]).rows
        #expect(rows.map(\.errorName) == ["", "postNotFound", "invalid(authorId)", ""])
        #expect(try fixture.statistics().posts == 2)
    }

    /// A row may answer the row before it: each is a fact of its own.
    @Test func rowMayAnswerAnEarlierPost() throws {
        let fixture = try EngineFixture()
        let first = try fixture.post(1)
        var answer = post(2)
        answer.replyTo = first
        #expect(try fixture.importPosts([answer]).rows.map(\.errorName) == [""])
    }
}
