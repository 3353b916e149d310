import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Timelines hold 50 entries (up to 173); the feeds here are several times as long.
@Suite struct DeepFeedTests {
    static let reader: UInt64 = 1_000
    static let authors: ClosedRange<UInt64> = 1...30

    /// A reader of 30 authors with 600 posts between them. Accounts 5, 10, ... are followed by enough to be pulled.
    struct Scene {
        let fixture: EngineFixture
        var model = FeedModel()
        var random = SeededRandom(seed: 11)

        init(workers: Int = 2) throws {
            fixture = try EngineFixture(EngineFixture.smallConfiguration(workers: workers))
            var edges = DeepFeedTests.authors.map { (DeepFeedTests.reader, $0) }
            for author in stride(from: UInt64(5), through: 30, by: 5) {
                edges += (0..<12).map { (2_000 + UInt64($0), author) }
            }
            _ = try fixture.importFollows(edges)
            for edge in edges { _ = model.follow(edge.0, edge.1) }
            try post(600)
        }

        mutating func post(_ count: Int) throws {
            let rows = (0..<count).map { _ in
                NewPost(author: UserID(rawValue: UInt64.random(in: DeepFeedTests.authors, using: &random)), text: "x")
            }
            for (row, id) in zip(rows, try fixture.importPosts(rows).rows) {
                model.add(try id.get(), by: row.author.rawValue)
            }
        }

        /// Reads page by page with a change before each page; every page must be the model's at its time.
        mutating func pages(
            limit: Int, _ change: (inout Scene) throws -> Void
        ) throws -> [PostID] {
            var read: [PostID] = []
            var position: PagePosition?
            repeat {
                let page = try fixture.feedPage(DeepFeedTests.reader, from: position, limit: limit)
                let last = read.last ?? PostID(rawValue: .max)
                let expected = model.feed(DeepFeedTests.reader).filter { $0 < last }.prefix(limit)
                #expect(page.entries.map(\.post) == Array(expected))
                if page.entries.map(\.post) != Array(expected) { return read }
                read += page.entries.map(\.post)
                position = page.next
                try change(&self)
            } while position != nil
            return read
        }
    }

    @Test(arguments: [1, 7, 50, 200])
    func pagesOfAnySizeLeadToTheFirstPost(limit: Int) throws {
        let scene = try Scene()
        #expect(try scene.fixture.feed(Self.reader, limit: limit) == scene.model.feed(Self.reader))
    }

    @Test func timelineIsNoLongerThanItsCap() throws {
        let scene = try Scene()
        let entries = try scene.fixture.statistics().timelineEntries
        #expect(entries >= 50 && entries < 50 + 124)
    }

    @Test(arguments: [1, 7, 50])
    func postsBetweenPagesSkipAndRepeatNothing(limit: Int) throws {
        var scene = try Scene()
        let before = scene.model.feed(Self.reader)
        var pages = 0
        let read = try scene.pages(limit: limit) { scene in
            pages += 1
            if pages % 7 == 1 { try scene.post(3) }
        }
        #expect(read == before)
    }

    /// Enough posts between two pages to push everything that the cursor stood in out of the timeline.
    @Test func cursorOutlivesTheTimelineItStoodIn() throws {
        var scene = try Scene()
        let before = scene.model.feed(Self.reader)
        let read = try scene.pages(limit: 40) { try $0.post(80) }
        #expect(read == before)
    }

    @Test func changesOfEdgesBetweenPagesShowAtOnce() throws {
        var scene = try Scene()
        _ = try scene.pages(limit: 13) { scene in
            let author = UInt64.random(in: Self.authors, using: &scene.random)
            if scene.model.followees(Self.reader).contains(author) {
                try scene.fixture.unfollow(Self.reader, author)
                _ = scene.model.unfollow(Self.reader, author)
            } else {
                try scene.fixture.follow(Self.reader, author)
                _ = scene.model.follow(Self.reader, author)
            }
        }
    }

    @Test func deletionsBetweenPagesShowAtOnce() throws {
        var scene = try Scene()
        _ = try scene.pages(limit: 13) { scene in
            for _ in 0..<8 {
                let place = Int.random(in: 0..<scene.model.posts.count, using: &scene.random)
                let post = scene.model.posts[place]
                try scene.fixture.delete(post.id, as: post.author)
                _ = scene.model.delete(at: place)
            }
        }
    }

    /// The post that a cursor names may itself be gone.
    @Test func cursorOfADeletedPostGoesOn() throws {
        var scene = try Scene()
        var last: PostID?
        _ = try scene.pages(limit: 29) { scene in
            let feed = scene.model.feed(Self.reader)
            let below = last.map { last in feed.filter { $0 < last } } ?? feed
            guard let shown = below.prefix(29).last else { return }
            last = shown
            guard let author = scene.model.posts.first(where: { $0.id == shown })?.author else { return }
            try scene.fixture.delete(shown, as: author)
            scene.model.delete(shown)
        }
    }

    @Test func cursorIsGoodAfterRestartsWithOtherWorkers() throws {
        var scene = try Scene()
        var workers = 1
        _ = try scene.pages(limit: 150) { scene in
            workers = workers % 4 + 1
            try scene.fixture.restart(crash: .loseUnsynced, workers: workers)
        }
    }

    @Test func followPastTheCapShowsTheWholePast() throws {
        var scene = try Scene()
        let old = (0..<200).map { _ in NewPost(author: UserID(rawValue: 77), text: "old") }
        for id in try scene.fixture.importPosts(old).rows { scene.model.add(try id.get(), by: 77) }
        try scene.post(300)
        try scene.fixture.follow(Self.reader, 77)
        _ = scene.model.follow(Self.reader, 77)
        #expect(try scene.fixture.feed(Self.reader) == scene.model.feed(Self.reader))
    }

    /// Numbers that no page gave out: whatever they lead to, it is a page.
    @Test(arguments: [0, 1, UInt64(UInt32.max), UInt64(UInt32.max) + 1, UInt64.max])
    func anyNumberIsAPosition(number: UInt64) throws {
        let fixture = try EngineFixture()
        try fixture.follow(1, 2)
        let id = try fixture.post(2)
        let position = PagePosition(rawValue: number)
        let expected = number > 1 ? [id] : []
        #expect(try fixture.feedPage(1, from: position).entries.map(\.post) == expected)
        let user = UserID(rawValue: 2)
        let posts = try fixture.read { fixture.engine.posts(of: user, viewer: nil, from: position, completion: $0) }
        #expect(posts.entries.map(\.post) == expected)
        let followers = try fixture.read { fixture.engine.followers(of: user, from: position, completion: $0) }
        #expect(followers.entries.isEmpty)
        let reader = UserID(rawValue: 1)
        let following = try fixture.read { fixture.engine.following(of: reader, from: position, completion: $0) }
        #expect(following.entries.count == (number == 0 ? 1 : 0))
    }

    @Test(arguments: [0, -1, 1_001, Int.max])
    func limitOutOfRangeIsRefused(limit: Int) throws {
        let fixture = try EngineFixture()
        #expect(throws: EngineError.self) { try fixture.feedPage(1, limit: limit) }
    }
}
