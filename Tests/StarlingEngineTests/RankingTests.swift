import StarlingSimulation
import Testing

@testable import StarlingEngine

/// What brings a post forward in a ranked feed, and what a position keeps.
@Suite struct RankingTests {
    private static let hour: UInt64 = 3_600_000

    /// User 1 follows 2 to 9, with weights of which each test sets those that it is about.
    private static func fixture(
        workers: Int = 2, _ change: (inout RankingSettings) -> Void = { _ in }
    ) throws -> EngineFixture {
        let fixture = try EngineFixture.small {
            $0.workers = workers
            $0.ranking.engagementWeight = 0
            $0.ranking.affinityWeight = 0
            $0.ranking.imageWeight = 0
            $0.ranking.videoWeight = 0
            change(&$0.ranking)
        }
        for author in 2...9 as ClosedRange<UInt64> { try fixture.follow(1, author) }
        return fixture
    }

    @Test func byAgeAloneItIsTheRecentOrder() throws {
        let fixture = try Self.fixture { $0.candidates = 7 }
        for number in 0..<30 as Range<UInt64> {
            _ = try fixture.post(2 + number % 8)
            fixture.time.advance(milliseconds: 1)
        }
        for limit in [1, 3, 7, 8, 30, 1_000] {
            #expect(try fixture.rankedFeed(1, limit: limit) == fixture.feed(1), "pages of \(limit)")
        }
        #expect(try fixture.rankedFeed(77) == [])
        #expect(try fixture.rankedFeed(2) == [])
    }

    @Test func aDoublingOfEngagementIsWorthAHalfLife() throws {
        let fixture = try Self.fixture { $0.engagementWeight = 1 }
        let old = try fixture.post(2)
        // 1 + 1 reaction + 2 for the comment is 4: two half-lives.
        try fixture.react(30, .post(old), .wow)
        _ = try fixture.comment(31, on: old)
        fixture.time.advance(milliseconds: 12 * Self.hour - 60_000)
        let new = try fixture.post(3)
        #expect(try fixture.rankedFeed(1) == [old, new])
        fixture.time.advance(milliseconds: 120_000)
        let newer = try fixture.post(3)
        #expect(try fixture.rankedFeed(1) == [newer, old, new])
        try fixture.react(30, .post(old), nil)
        #expect(try fixture.rankedFeed(1) == [newer, new, old])
    }

    @Test func authorsWhomTheReaderDealsWithComeFirstForThatReaderAlone() throws {
        let fixture = try Self.fixture { $0.affinityWeight = 1 }
        try fixture.follow(10, 2)
        try fixture.follow(10, 3)
        let first = try fixture.post(2)
        _ = try fixture.comment(1, on: first)
        let close = try fixture.post(2)
        let other = try fixture.post(3)
        #expect(try fixture.rankedFeed(1, limit: 2) == [close, first, other])
        #expect(try fixture.rankedFeed(10, limit: 2) == [other, close, first])
        // A comment counts twice, and half as much after each 30 days: log2(1 + 2 / 8) of a point after 90.
        fixture.time.advance(milliseconds: 90 * 24 * Self.hour)
        let late = try fixture.post(2)
        fixture.time.advance(milliseconds: 6 * Self.hour * 3 / 10)
        let later = try fixture.post(3)
        #expect(try fixture.rankedFeed(1).prefix(2) == [late, later])
        fixture.time.advance(milliseconds: 6 * Self.hour * 2 / 10)
        let latest = try fixture.post(3)
        #expect(try fixture.rankedFeed(1).prefix(3) == [latest, late, later])
    }

    /// What the reader does with its own posts brings nobody closer, and who reacts otherwise has not dealt twice.
    @Test func interactionsCountOnce() throws {
        let fixture = try Self.fixture()
        let post = try fixture.post(2)
        let own = try fixture.post(1)
        _ = try fixture.comment(1, on: own)
        try fixture.react(1, .post(post), .like)
        let digest = try fixture.digest()
        try fixture.react(1, .post(post), .love)
        try fixture.react(1, .post(post), .like)
        #expect(try fixture.digest() == digest)
        for workers in [1, 3] {
            try fixture.restart(workers: workers)
            #expect(try fixture.digest() == digest)
        }
    }

    @Test func filmsAndPicturesHavePointsOfTheirOwn() throws {
        let fixture = try Self.fixture {
            $0.imageWeight = 1
            $0.videoWeight = 2
        }
        let film = try fixture.post(2, as: .video)
        let picture = try fixture.post(2, as: .image)
        let words = try fixture.post(2, as: .text)
        #expect(try fixture.rankedFeed(1) == [film, picture, words])
        // It is part of the state, not only of the body.
        for workers in [1, 3] {
            try fixture.restart(crash: .loseUnsynced, workers: workers)
            #expect(try fixture.rankedFeed(1) == [film, picture, words])
        }
        var settings = fixture.engine.ranking
        settings.textWeight = 3
        fixture.engine.ranking = settings
        #expect(try fixture.rankedFeed(1) == [words, film, picture])
        settings.textWeight = -1
        fixture.engine.ranking = settings
        #expect(fixture.engine.ranking.textWeight == 3)
    }

    @Test func aPositionKeepsItsOrder() throws {
        let fixture = try Self.fixture {
            $0.engagementWeight = 1
            $0.candidates = 8
        }
        var posts: [PostID] = []
        for number in 0..<12 as Range<UInt64> { posts.append(try fixture.post(2 + number % 8)) }
        let order = try fixture.rankedFeed(1)
        #expect(order == posts.reversed())
        let page = try fixture.rankedPage(1, limit: 3)
        #expect(page.entries.map(\.post) == Array(order.prefix(3)))
        // The last comes first now, and there is a newer one, but not in this order.
        for user in 20..<30 as Range<UInt64> { try fixture.react(user, .post(posts[4]), .like) }
        let new = try fixture.post(2)
        try fixture.restart(crash: .loseUnsynced, workers: 5)
        let next = try #require(page.next)
        let stored = try #require(RankedPosition(bytes: next.bytes))
        #expect(try fixture.rankedFeed(1, from: stored, limit: 2) == Array(order.dropFirst(3)))
        // The newest eight are ranked: the one with the reactions is not among them any more.
        #expect(try fixture.rankedFeed(1) == [new] + order)
    }

    @Test func whatLeavesTheFeedLeavesTheOrder() throws {
        let fixture = try Self.fixture()
        var posts: [UInt64: PostID] = [:]
        for author in 2...9 as ClosedRange<UInt64> { posts[author] = try fixture.post(author) }
        let page = try fixture.rankedPage(1, limit: 2)
        #expect(page.entries.map(\.author.rawValue) == [9, 8])
        try fixture.delete(try #require(posts[7]), as: 7)
        try fixture.block(6, 1)
        try fixture.mute(1, 5)
        try fixture.unfollow(1, 4)
        try fixture.setPrivate(3)
        let rest = try fixture.rankedPage(1, from: page.next, limit: 2)
        #expect(rest.entries.map(\.author.rawValue) == [3, 2] && rest.next == nil)
        try fixture.unmute(1, 5)
        try fixture.follow(1, 4)
        #expect(
            try fixture.rankedPage(1, from: page.next, limit: 10).entries.map(\.author.rawValue) == [5, 4, 3, 2])
    }

    @Test func pagesSayWhatTheReaderDid() throws {
        let fixture = try Self.fixture()
        let post = try fixture.post(2)
        try fixture.react(1, .post(post), .sad)
        let page = try fixture.rankedPage(1)
        #expect(page.details.map(\.ownReaction) == [.sad] && page.details.map(\.counts.reactions) == [1])
        #expect(page.asOfLSN == fixture.engine.publishedLSN)
    }

    @Test(arguments: [0, -1, 1_001]) func limitsAreChecked(limit: Int) throws {
        let fixture = try Self.fixture()
        #expect(throws: EngineError.self) { try fixture.rankedPage(1, limit: limit) }
    }

    /// Of more authors than are kept, those whom the reader deals with most stay.
    @Test(arguments: [1, 4]) func onlySoManyAuthorsAreKept(workers: Int) throws {
        let fixture = try EngineFixture.small { $0.workers = workers }
        let authors = UInt64(Worker.affinitiesKept) + 20
        for author in 0..<authors { try fixture.follow(1, 100 + author) }
        var posts: [PostID] = []
        for author in 0..<authors { posts.append(try fixture.post(100 + author)) }
        for author in 0..<5 { _ = try fixture.comment(1, on: posts[author]) }
        for post in posts {
            try fixture.react(1, .post(post), .like)
            fixture.time.advance(milliseconds: 10_000)
        }
        let live = try fixture.digest()
        try fixture.restart(workers: 5 - workers)
        #expect(try fixture.digest() == live)
        var settings = RankingSettings()
        settings.recencyWeight = 0
        settings.engagementWeight = 0
        fixture.engine.ranking = settings
        let order = try fixture.rankedFeed(1)
        // The five whom it dealt with most, the later the closer; then the last ones; those that were pushed out come
        // last, newest first.
        let kept = Worker.affinitiesKept
        #expect(Array(order.prefix(5)) == posts.prefix(5).reversed())
        #expect(Array(order[5..<kept]) == posts.suffix(kept - 5).reversed())
        #expect(Array(order[kept...]) == posts.dropFirst(5).dropLast(kept - 5).reversed())
    }
}
