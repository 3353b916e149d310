import StarlingSystem
import Testing

@testable import StarlingEngine

/// Accounts 1 and 2 follow each other.
@Suite struct BlockTests {
    private func fixture() throws -> EngineFixture {
        let fixture = try EngineFixture()
        try fixture.follow(1, 2)
        try fixture.follow(2, 1)
        return fixture
    }

    @Test func bothFollowsEnd() throws {
        let fixture = try fixture()
        _ = try fixture.post(1)
        _ = try fixture.post(2)
        #expect(try fixture.block(1, 2))
        for (user, other) in [(1, 2), (2, 1)] as [(UInt64, UInt64)] {
            #expect(try fixture.feed(user) == [])
            #expect(try fixture.following(user) == [])
            #expect(try fixture.profile(user).followerCount == 0)
            #expect(try fixture.refusal(.follow(UserID(rawValue: other)), as: user) == "blocked")
        }
        #expect(try !fixture.block(1, 2))
        #expect(try fixture.statistics().edges == 0)
    }

    @Test func neitherSeesThePostsOfTheOther() throws {
        let fixture = try fixture()
        let posts = [try fixture.post(1), try fixture.post(2)]
        try fixture.block(1, 2)
        for (viewer, author) in [(1, 2), (2, 1)] as [(UInt64, UInt64)] {
            let hidden = posts[Int(author) - 1]
            #expect(try fixture.lookUp(posts, viewer: viewer).missing == [hidden])
            #expect(try fixture.posts(of: author, viewer: viewer) == [])
            #expect(try fixture.posts(of: viewer, viewer: viewer) == [posts[Int(viewer) - 1]])
        }
        #expect(try fixture.lookUp(posts, viewer: 3).found.map(\.post) == posts)
        #expect(try fixture.lookUp(posts).found.map(\.post) == posts)
    }

    @Test(arguments: [1, 2] as [UInt64]) func itIsRefusedToAnswerOrRepeatAPost(of author: UInt64) throws {
        let fixture = try fixture()
        let original = try fixture.post(author)
        try fixture.block(1, 2)
        let actor = 3 - author
        for isReply in [true, false] {
            var post = NewPost(author: UserID(rawValue: actor), text: "about it")
            if isReply { post.replyTo = original } else { post.repostOf = original }
            #expect(try fixture.refusal(.createPost(post), as: actor) == "blocked")
            post.author = UserID(rawValue: 3)
            #expect(try fixture.refusal(.createPost(post), as: 3) == nil)
        }
    }

    @Test func requestsEndInBothDirections() throws {
        let fixture = try fixture()
        for user in [3, 4] as [UInt64] { try fixture.setPrivate(user) }
        #expect(try fixture.followOutcome(3, 4).state == .pending)
        #expect(try fixture.followOutcome(4, 3).state == .pending)
        try fixture.block(3, 4)
        #expect(try fixture.requests(to: 3) == [])
        #expect(try fixture.requests(to: 4) == [])
        #expect(try !fixture.relationship(3, 4).isPending)
        #expect(try fixture.refusal(.acceptFollowRequest(UserID(rawValue: 4)), as: 3) == "requestNotFound")
    }

    @Test func unblockingBringsNothingBackButAllowsIt() throws {
        let fixture = try fixture()
        let post = try fixture.post(2)
        try fixture.block(1, 2)
        #expect(try fixture.unblock(1, 2))
        #expect(try !fixture.unblock(1, 2))
        #expect(try fixture.feed(1) == [])
        #expect(try fixture.lookUp([post], viewer: 1).missing == [])
        #expect(try fixture.follow(1, 2))
        #expect(try fixture.feed(1) == [post])
    }

    /// Each has to unblock the other.
    @Test func bothMayBlock() throws {
        let fixture = try fixture()
        try fixture.block(1, 2)
        try fixture.block(2, 1)
        try fixture.unblock(1, 2)
        #expect(try fixture.refusal(.follow(UserID(rawValue: 2)), as: 1) == "blocked")
        let seen = try fixture.relationship(1, 2)
        #expect(!seen.isBlocking && seen.isBlockedBy)
        try fixture.unblock(2, 1)
        #expect(try fixture.follow(1, 2))
    }

    @Test func rowsOfAnImportAreRefusedOneByOne() throws {
        let fixture = try fixture()
        try fixture.block(1, 2)
        let import_ = try fixture.importFollows([(1, 3), (1, 2), (2, 1), (3, 2)], key: "k", fingerprint: 5)
        #expect(import_.rows.map(\.errorName) == ["", "blocked", "blocked", ""])
        let again = try fixture.importFollows([(1, 3), (1, 2), (2, 1), (3, 2)], key: "k", fingerprint: 5)
        #expect(again.isReplay)
        #expect(again.rows.map { (try? $0.get()) == nil } == [false, true, true, false])
    }

    @Test func listsAreComplete() throws {
        let fixture = try EngineFixture()
        let targets = Array(2...160 as ClosedRange<UInt64>)
        for target in targets { try fixture.block(1, target) }
        for limit in [1, 7, 200] { #expect(try fixture.blocks(of: 1, limit: limit) == targets) }
        for target in targets where target % 2 == 0 { try fixture.unblock(1, target) }
        try fixture.restart(workers: 3)
        #expect(try fixture.blocks(of: 1) == targets.filter { $0 % 2 == 1 })
        #expect(try fixture.blocks(of: 3) == [])
    }

    @Test(arguments: [0, 1] as [UInt64]) func blockOfNobodyIsRefused(target: UInt64) throws {
        let fixture = try fixture()
        #expect(try fixture.refusal(.block(UserID(rawValue: target)), as: 1) == "invalid(targetId)")
        #expect(try fixture.refusal(.mute(UserID(rawValue: target), until: nil), as: 1) == "invalid(targetId)")
    }

    /// An author who loses followers by blocks is pushed again.
    @Test func countOfFollowersDecidesTheMode() throws {
        let fixture = try EngineFixture.small { $0.celebrityThreshold = 4 }
        for follower in 10...14 as ClosedRange<UInt64> { try fixture.follow(follower, 1) }
        #expect(try fixture.profile(1).isPulled)
        for follower in 10...12 as ClosedRange<UInt64> { try fixture.block(1, follower) }
        #expect(try fixture.profile(1).followerCount == 2)
        #expect(try !fixture.profile(1).isPulled)
    }
}
