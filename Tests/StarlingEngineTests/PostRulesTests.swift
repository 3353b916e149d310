import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct PostRulesTests {
    /// Creates a post by account 1; the name of the error, or nil.
    private func refusal(_ change: (inout NewPost) -> Void) throws -> String? {
        let fixture = try EngineFixture()
        var post = NewPost(author: UserID(rawValue: 1), text: "hello")
        change(&post)
        return try fixture.refusal(.createPost(post), as: post.author.rawValue)
    }

    @Test func textIsLimitedInBytes() throws {
        #expect(try refusal { $0.text = String(repeating: "x", count: 65_536) } == nil)
        #expect(try refusal { $0.text = String(repeating: "x", count: 65_537) } == "invalid(text)")
        #expect(try refusal { $0.text = String(repeating: "é", count: 32_769) } == "invalid(text)")
    }

    @Test func postNeedsTextOrMediaOrAnOriginal() throws {
        #expect(try refusal { $0.text = "" } == "invalid(text)")
        #expect(
            try refusal {
                $0.text = ""
                $0.mediaURL = "https://example.org/a.png"
            } == nil)
    }

    @Test func addressesAreLimited() throws {
        let longest = String(repeating: "u", count: 2_048)
        #expect(try refusal { $0.mediaURL = longest } == nil)
        #expect(try refusal { $0.mediaURL = longest + "u" } == "invalid(mediaUrl)")
        #expect(try refusal { $0.thumbnailURL = longest + "u" } == "invalid(thumbnailUrl)")
    }

    @Test func authorMustBeAnAccount() throws {
        #expect(try refusal { $0.author = UserID(rawValue: 0) } == "invalid(authorId)")
    }

    @Test func originalsMustExist() throws {
        #expect(try refusal { $0.replyTo = PostID(rawValue: 5) } == "postNotFound")
        #expect(try refusal { $0.repostOf = PostID(rawValue: 5) } == "postNotFound")
    }

    @Test func deletedPostCannotBeAnswered() throws {
        let fixture = try EngineFixture()
        let original = try fixture.post(1)
        try fixture.delete(original, as: 1)
        var post = NewPost(author: UserID(rawValue: 2), text: "answer")
        post.replyTo = original
        #expect(try fixture.refusal(.createPost(post), as: 2) == "postNotFound")
    }

    @Test func onlyTheAuthorDeletes() throws {
        let fixture = try EngineFixture()
        let post = try fixture.post(1)
        #expect(try fixture.refusal(.deletePost(post), as: 2) == "notAuthor")
        #expect(try fixture.refusal(.deletePost(PostID(rawValue: 9)), as: 1) == "postNotFound")
        #expect(try fixture.posts(of: 1) == [post])
    }

    @Test func edgesNeedTwoAccounts() throws {
        let fixture = try EngineFixture()
        #expect(try fixture.refusal(.follow(UserID(rawValue: 1)), as: 1) == "selfFollow")
        #expect(try fixture.refusal(.follow(UserID(rawValue: 0)), as: 1) == "invalid(targetId)")
        #expect(try fixture.refusal(.unfollow(UserID(rawValue: 1)), as: 0) == "invalid(userId)")
        #expect(fixture.engine.publishedLSN == 0)
    }

    /// A full table of accounts refuses new accounts, and nothing else.
    @Test func knownAccountsGoOnWhenThereIsNoRoomForMore() throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.maximumUsers = 3
        let fixture = try EngineFixture(configuration)
        try fixture.follow(1, 2)
        try fixture.follow(1, 3)
        #expect(try fixture.refusal(.follow(UserID(rawValue: 4)), as: 1) == "full")
        #expect(try fixture.refusal(.createPost(NewPost(author: UserID(rawValue: 4), text: "x")), as: 4) == "full")
        #expect(try fixture.follow(3, 2))
        #expect(try fixture.importFollows([(2, 1), (2, 3)]).rows.count == 2)
        _ = try fixture.post(3)
        #expect(try fixture.feed(1).count == 1)
    }

    @Test func fullPostTableRefusesPostsOnly() throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.maximumPosts = 2
        let fixture = try EngineFixture(configuration)
        for _ in 0..<2 { _ = try fixture.post(1) }
        #expect(try fixture.refusal(.createPost(NewPost(author: UserID(rawValue: 1), text: "x")), as: 1) == "full")
        #expect(try fixture.follow(2, 1))
        #expect(try fixture.feed(2).count == 2)
    }
}
