import StarlingSystem
import Testing

@testable import StarlingEngine

/// Account 1 is the author, 2 follows it, 3 does not.
@Suite struct VisibilityTests {
    static let follower: UInt64 = 2
    static let stranger: UInt64 = 3

    private func fixture() throws -> EngineFixture {
        let fixture = try EngineFixture()
        try fixture.follow(Self.follower, 1)
        try fixture.follow(Self.stranger, 4)
        return fixture
    }

    private func postForFollowers(_ fixture: EngineFixture) throws -> PostID {
        var post = NewPost(author: UserID(rawValue: 1), text: "for followers")
        post.visibility = .followers
        guard let id = try fixture.run(.createPost(post), as: 1).outcome.post else { throw UnexpectedOutcome() }
        return id
    }

    @Test(arguments: [(1, true), (follower, true), (stranger, false), (99, false), (nil, false)] as [(UInt64?, Bool)])
    func lookUpShowsItToFollowersAndTheAuthor(viewer: (id: UInt64?, sees: Bool)) throws {
        let fixture = try fixture()
        let id = try postForFollowers(fixture)
        let lookup = try fixture.lookUp([id], viewer: viewer.id)
        #expect(lookup.found.map(\.post) == (viewer.sees ? [id] : []))
        #expect(lookup.missing == (viewer.sees ? [] : [id]))
    }

    @Test(arguments: [(1, true), (follower, true), (stranger, false), (99, false), (nil, false)] as [(UInt64?, Bool)])
    func authorPageShowsItToFollowersAndTheAuthor(viewer: (id: UInt64?, sees: Bool)) throws {
        let fixture = try fixture()
        let open = try fixture.post(1)
        let id = try postForFollowers(fixture)
        #expect(try fixture.posts(of: 1, viewer: viewer.id) == (viewer.sees ? [id, open] : [open]))
    }

    @Test func followerWhoLeavesSeesItNoMore() throws {
        let fixture = try fixture()
        let id = try postForFollowers(fixture)
        try fixture.unfollow(Self.follower, 1)
        #expect(try fixture.lookUp([id], viewer: Self.follower).missing == [id])
        #expect(try fixture.posts(of: 1, viewer: Self.follower) == [])
    }

    @Test func feedShowsItToFollowers() throws {
        let fixture = try fixture()
        let id = try postForFollowers(fixture)
        #expect(try fixture.feed(Self.follower) == [id])
    }

    @Test func visibilityOutlivesTheProcess() throws {
        let fixture = try fixture()
        let id = try postForFollowers(fixture)
        try fixture.restart(workers: 4)
        #expect(try fixture.lookUp([id], viewer: Self.stranger).missing == [id])
        #expect(try fixture.lookUp([id], viewer: Self.follower).missing == [])
    }

    /// A stranger's pages pass over what is hidden, and neither end early nor repeat.
    @Test(arguments: 1...5)
    func pagesPassOverHiddenPosts(limit: Int) throws {
        let fixture = try fixture()
        var open: [PostID] = []
        for _ in 0..<6 {
            open.insert(try fixture.post(1), at: 0)
            for _ in 0..<3 { _ = try postForFollowers(fixture) }
        }
        var read: [PostID] = []
        var position: PagePosition?
        repeat {
            let page = try fixture.read {
                fixture.engine.posts(
                    of: UserID(rawValue: 1), viewer: UserID(rawValue: Self.stranger), from: position, limit: limit,
                    completion: $0)
            }
            #expect(!page.entries.isEmpty)
            read += page.entries.map(\.post)
            position = page.next
        } while position != nil
        #expect(read == open)
    }

    @Test func lookUpKeepsTheOrderAndNamesWhatIsMissing() throws {
        let fixture = try fixture()
        let first = try fixture.post(1)
        let second = try fixture.post(4)
        let deleted = try fixture.post(1)
        try fixture.delete(deleted, as: 1)
        let unknown = [PostID(rawValue: 0), PostID(rawValue: 17), PostID(rawValue: .max)]
        let lookup = try fixture.lookUp([second, unknown[0], first, deleted, unknown[1], second, unknown[2]])
        #expect(lookup.found.map(\.post) == [second, first, second])
        #expect(lookup.found.map(\.author.rawValue) == [4, 1, 4])
        #expect(lookup.missing == [unknown[0], deleted, unknown[1], unknown[2]])
    }

    @Test func thousandIDsAreTheMost() throws {
        let fixture = try fixture()
        let ids = (0..<1_001).map { PostID(rawValue: $0) }
        #expect(try fixture.lookUp(Array(ids.dropLast())).missing.count == 1_000)
        #expect(throws: EngineError.self) { try fixture.lookUp(ids) }
    }

    @Test func accountThatNobodyUsedHasNothing() throws {
        let fixture = try fixture()
        #expect(try fixture.read { fixture.engine.profile(of: UserID(rawValue: 99), completion: $0) } == nil)
        #expect(try fixture.feed(99) == [])
        #expect(try fixture.posts(of: 99) == [])
        #expect(try fixture.following(99) == [])
    }
}
