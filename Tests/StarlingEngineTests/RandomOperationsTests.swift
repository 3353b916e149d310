import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Ten thousand random operations a seed against the definition of a feed, with restarts and crashes in between.
@Suite struct RandomOperationsTests {
    static let users: UInt64 = 40

    @Test(arguments: 1...6)
    func feedsEqualTheirDefinition(seed: Int) throws {
        var run = try RandomRun(seed: UInt64(seed), workers: 1 + seed % 4)
        for _ in 0..<10_000 { try run.operate() }
        try run.checkEverything()
    }

    /// The same log gives the same digest for every number of workers, live and after recovery.
    @Test func digestDoesNotDependOnWorkers() throws {
        var run = try RandomRun(seed: 99, workers: 2)
        for _ in 0..<2_000 { try run.operate() }
        let live = try run.fixture.digest()
        for workers in [1, 2, 3, 4, 7] {
            try run.fixture.restart(workers: workers)
            #expect(try run.fixture.digest() == live, "with \(workers) workers")
        }
    }

    struct RandomRun {
        let fixture: EngineFixture
        var model = FeedModel()
        var random: SeededRandom

        init(seed: UInt64, workers: Int, change: (inout EngineConfiguration) -> Void = { _ in }) throws {
            random = SeededRandom(seed: seed)
            var configuration = EngineFixture.smallConfiguration(workers: workers)
            change(&configuration)
            fixture = try EngineFixture(configuration, seed: seed)
        }

        private mutating func user() -> UInt64 {
            // Low numbers are followed and post more often, so that some become celebrities.
            let first = UInt64.random(in: 1...RandomOperationsTests.users, using: &random)
            let second = UInt64.random(in: 1...RandomOperationsTests.users, using: &random)
            return min(first, second)
        }

        mutating func operate() throws {
            if Int.random(in: 0..<4, using: &random) == 0 {
                fixture.time.advance(milliseconds: UInt64.random(in: 0...3, using: &random))
            }
            switch Int.random(in: 0..<1_000, using: &random) {
            case 0..<420: try post()
            case 420..<500: try delete()
            case 500..<680: try follow()
            case 680..<800: try unfollow()
            case 800..<980: try readSome()
            case 980..<992: try changeAway()
            case 992..<996: try changeThreshold()
            case 996..<998: fixture.time.setWall(milliseconds: 1_600_000_000_000)
            default: try restart()
            }
        }

        private mutating func post() throws {
            let author = user()
            let id = try fixture.post(author, "by \(author)")
            if let last = model.posts.last { #expect(id > last.id) }
            model.add(id, by: author)
        }

        private mutating func delete() throws {
            guard !model.posts.isEmpty else { return }
            // Often a recent post, so that timelines hold it.
            let span = Bool.random(using: &random) ? min(60, model.posts.count) : model.posts.count
            let place = model.posts.count - 1 - Int.random(in: 0..<span, using: &random)
            let post = model.posts[place]
            let changed = try fixture.delete(post.id, as: post.author)
            #expect(changed == model.delete(at: place))
        }

        private mutating func follow() throws {
            let follower = UInt64.random(in: 1...RandomOperationsTests.users, using: &random)
            let followee = user()
            if follower == followee { return }
            #expect(try fixture.follow(follower, followee) == model.follow(follower, followee))
        }

        private mutating func unfollow() throws {
            let edge: FeedModel.Edge
            if Bool.random(using: &random), !model.edges.isEmpty {
                edge = model.edges[Int.random(in: 0..<model.edges.count, using: &random)]
            } else {
                edge = FeedModel.Edge(follower: user(), followee: user())
                if edge.follower == edge.followee { return }
            }
            #expect(
                try fixture.unfollow(edge.follower, edge.followee) == model.unfollow(edge.follower, edge.followee))
        }

        /// Whether a reader is away is seen in no feed.
        private mutating func changeAway() throws {
            let readers = (0..<4).map { _ in UserID(rawValue: user()) }
            _ = try fixture.run(.setReadersAway(readers, Bool.random(using: &random)), as: 1)
        }

        private mutating func changeThreshold() throws {
            _ = try fixture.run(.setCelebrityThreshold(Int.random(in: 2...30, using: &random)), as: 1)
        }

        mutating func restart() throws {
            let workers = Int.random(in: 1...4, using: &random)
            let crash: CrashMode? = [nil, .loseUnsynced, .keepUnsynced, .randomSectors][
                Int.random(in: 0..<4, using: &random)]
            try fixture.restart(crash: crash, workers: workers)
        }

        /// A page or two of one feed, from the start or from somewhere inside.
        private mutating func readSome() throws {
            let reader = UInt64.random(in: 1...RandomOperationsTests.users, using: &random)
            let limit = Int.random(in: 1...60, using: &random)
            let expected = model.feed(reader, limit: limit * 2 + 1)
            let first = try fixture.feedPage(reader, limit: limit)
            #expect(first.entries.map(\.post) == Array(expected.prefix(limit)))
            #expect((first.next != nil) == (expected.count > limit))
            guard let next = first.next else { return }
            let second = try fixture.feedPage(reader, from: next, limit: limit)
            #expect(second.entries.map(\.post) == Array(expected.dropFirst(limit).prefix(limit)))
        }

        /// Pages that are read together are those that are read alone.
        private mutating func readTogether() throws {
            let starts = try (1...RandomOperationsTests.users).map { reader in
                try fixture.feedPage(reader, limit: 3).next
            }
            var queries: [FeedQuery] = []
            for (place, start) in starts.enumerated() {
                let reader = UserID(rawValue: UInt64(place + 1))
                let limit = Int.random(in: 1...80, using: &random)
                queries.append(FeedQuery(user: reader, limit: limit, tag: UInt64(queries.count)))
                queries.append(FeedQuery(user: reader, position: start, limit: limit, tag: UInt64(queries.count)))
            }
            queries.append(FeedQuery(user: UserID(rawValue: 987_654), tag: UInt64(queries.count)))
            queries.shuffle(using: &random)
            var seen = Set<UInt64>()
            for pages in try fixture.feeds(queries) {
                for page in pages.pages {
                    let query = page.query
                    #expect(seen.insert(query.tag).inserted)
                    let alone = try fixture.feedPage(
                        query.user.rawValue, from: query.position, limit: query.limit)
                    #expect(pages.entries(of: page).map(\.post) == alone.entries.map(\.post))
                    #expect(pages.entries(of: page).map(\.author) == alone.entries.map(\.author))
                    #expect(page.next?.rawValue == alone.next?.rawValue)
                }
            }
            #expect(seen.count == queries.count)
        }

        mutating func checkEverything() throws {
            try readTogether()
            for reader in 1...RandomOperationsTests.users {
                let limit = Int.random(in: 1...200, using: &random)
                #expect(try fixture.feed(reader, limit: limit) == model.feed(reader))
            }
            for user in 1...RandomOperationsTests.users { try checkLists(of: user) }
            let live = try fixture.digest()
            try fixture.restart()
            #expect(try fixture.digest() == live)
        }

        private func checkLists(of user: UInt64) throws {
            let id = UserID(rawValue: user)
            let following = try fixture.read {
                fixture.engine.following(of: id, limit: 200, minimumLSN: fixture.engine.publishedLSN, completion: $0)
            }
            #expect(Set(following.entries.map(\.user.rawValue)) == model.followees(user))
            let followers = try fixture.read {
                fixture.engine.followers(of: id, limit: 200, minimumLSN: fixture.engine.publishedLSN, completion: $0)
            }
            #expect(Set(followers.entries.map(\.user.rawValue)) == model.followers(user))
            let posts = try fixture.read {
                fixture.engine.posts(
                    of: id, viewer: nil, limit: 1_000, minimumLSN: fixture.engine.publishedLSN, completion: $0)
            }
            #expect(posts.entries.map(\.post) == model.posts(of: user).prefix(1_000).map { $0 })
            guard
                let profile = try fixture.read({
                    fixture.engine.profile(of: id, minimumLSN: fixture.engine.publishedLSN, completion: $0)
                })
            else { return }
            #expect(profile.followerCount == model.followers(user).count)
            #expect(profile.followingCount == model.followees(user).count)
            #expect(profile.postCount == model.posts(of: user).count)
        }
    }
}
