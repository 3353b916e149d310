import Foundation
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Ranked feeds against the plainest model: the recent feed, whose newest posts are sorted by scores that are computed anew from all
/// that ever happened. With crashes, snapshots, and another number of workers after each restart.
@Suite struct RankingRandomTests {
    @Test(arguments: 1...3)
    func ordersEqualTheirDefinition(seed: Int) throws {
        var run = try Run(seed: UInt64(seed))
        for _ in 0..<400 { try run.operate() }
        for reader in 1...Run.users { try run.check(reader) }
        let live = try run.fixture.digest()
        for workers in [1, 2, 5] {
            try run.fixture.restart(workers: workers)
            #expect(try run.fixture.digest() == live, "with \(workers) workers")
        }
        run.fixture.configuration.snapshots.isEnabled = false
        try run.fixture.restart(workers: 3)
        #expect(try run.fixture.digest() == live)
        for reader in 1...Run.users { try run.check(reader) }
    }

    struct Run {
        struct Content {
            var id: PostID
            var author: UInt64
            var kind: PostKind
            var isDeleted = false
            var reactions: Set<UInt64> = []
            var comments = 0
        }

        struct Interaction {
            var second: Double
            var count: Double
        }

        /// A ranked feed that is read page by page while everything goes on.
        struct Reading {
            var reader: UInt64
            /// What its whole order was when it began.
            var order: [PostID]
            var position: RankedPosition?
            /// Of `order`, what was in the feed at each page.
            var remained: Set<PostID>
            var shown: [PostID]
        }

        let fixture: EngineFixture
        var random: SeededRandom
        var contents: [Content] = []
        /// By reader and author.
        var interactions: [[UInt64]: [Interaction]] = [:]
        var reading: Reading?
        static let users: UInt64 = 14

        init(seed: UInt64) throws {
            random = SeededRandom(seed: seed)
            var configuration = EngineFixture.smallConfiguration(workers: 1 + Int(seed) % 3)
            configuration.timelineCap = 20
            configuration.snapshots.records = 150
            configuration.celebrityThreshold = 9
            configuration.ranking.candidates = [5, 25, 60, 1_000][Int(seed) % 4]
            fixture = try EngineFixture(configuration, seed: seed)
        }

        private mutating func user() -> UInt64 { UInt64.random(in: 1...Self.users, using: &random) }

        private mutating func live() -> Int? {
            contents.indices.filter { !contents[$0].isDeleted }.randomElement(using: &random)
        }

        mutating func operate() throws {
            fixture.time.advance(milliseconds: UInt64.random(in: 0...600_000, using: &random))
            let (actor, other) = (user(), user())
            switch Int.random(in: 0..<1_000, using: &random) {
            case 0..<250: if actor != other { try fixture.follow(actor, other) }
            case 250..<290: if actor != other { try fixture.unfollow(actor, other) }
            case 290..<305: try mute(actor, other)
            case 305..<550: try post(actor)
            case 550..<700: try react(actor)
            case 700..<780: try comment(actor)
            case 780..<800: try delete()
            case 800..<810: fixture.time.advance(milliseconds: 20 * 86_400_000)
            case 810..<840: try check(actor)
            case 840..<980: try readOn()
            default: try restart()
            }
        }

        private mutating func mute(_ actor: UInt64, _ other: UInt64) throws {
            if actor == other { return }
            _ = try Bool.random(using: &random) ? fixture.mute(actor, other) : fixture.unmute(actor, other)
        }

        private mutating func post(_ author: UInt64) throws {
            let kind = PostKind.allCases.randomElement(using: &random) ?? .text
            contents.append(Content(id: try fixture.post(author, as: kind), author: author, kind: kind))
        }

        private mutating func react(_ actor: UInt64) throws {
            guard let place = live() else { return }
            let kind = Bool.random(using: &random) ? ReactionKind.allCases.randomElement(using: &random) : nil
            try fixture.react(actor, .post(contents[place].id), kind)
            if kind == nil {
                contents[place].reactions.remove(actor)
            } else if contents[place].reactions.insert(actor).inserted {
                note(actor, with: contents[place].author, 1)
            }
        }

        private mutating func comment(_ actor: UInt64) throws {
            guard let place = live() else { return }
            _ = try fixture.comment(actor, on: contents[place].id)
            contents[place].comments += 1
            note(actor, with: contents[place].author, 2)
        }

        private mutating func note(_ actor: UInt64, with author: UInt64, _ count: Double) {
            interactions[[actor, author], default: []].append(
                Interaction(second: Double(fixture.second), count: count))
        }

        private mutating func delete() throws {
            guard let place = live() else { return }
            try fixture.delete(contents[place].id, as: contents[place].author)
            contents[place].isDeleted = true
        }

        private mutating func restart() throws {
            let crash: CrashMode? = [nil, .loseUnsynced, .randomSectors].randomElement(using: &random) ?? nil
            try fixture.restart(crash: crash, workers: Int.random(in: 1...4, using: &random))
        }

        /// Another page of the order at hand, or a new one.
        private mutating func readOn() throws {
            let limit = Int.random(in: 1...12, using: &random)
            guard var now = reading, now.position != nil else {
                let reader = user()
                let order = try fixture.rankedFeed(reader, limit: 1_000)
                let page = try fixture.rankedPage(reader, limit: limit)
                let shown = page.entries.map(\.post)
                #expect(shown == Array(order.prefix(limit)))
                reading = Reading(
                    reader: reader, order: order, position: page.next, remained: Set(order), shown: shown)
                return
            }
            let page = try fixture.rankedPage(now.reader, from: now.position, limit: limit)
            let feed = Set(try fixture.feed(now.reader))
            let posts = page.entries.map(\.post)
            #expect(posts.allSatisfy(feed.contains), "what left the feed is not shown")
            #expect(posts.count == limit || page.next == nil)
            now.remained.formIntersection(feed)
            now.shown += posts
            now.position = page.next
            reading = now
            if now.position == nil { checkWhole(now) }
        }

        /// Each post once, in the order that there was, and none that was in the feed all the time is missing. Posts of an account
        /// that was followed meanwhile may have come in below the ranked ones.
        private func checkWhole(_ reading: Reading) {
            let shown = Set(reading.shown)
            #expect(shown.count == reading.shown.count && reading.remained.isSubset(of: shown))
            let known = Set(reading.order)
            let wasThere = reading.shown.filter(known.contains)
            #expect(wasThere == reading.order.filter(shown.contains))
            let ranked = min(reading.order.count, fixture.configuration.ranking.candidates)
            let bound = reading.order.prefix(ranked).min()
            for post in shown.subtracting(known) { #expect(post < bound ?? PostID(rawValue: 0)) }
        }

        /// The newest posts of the feed by their scores, the others behind them as they are.
        mutating func check(_ reader: UInt64) throws {
            // Log time is the clock's after it.
            try fixture.follow(1_000 + UInt64(contents.count), 2_000 + UInt64.random(in: 0...1 << 40, using: &random))
            let recent = try fixture.feed(reader)
            let count = min(recent.count, fixture.configuration.ranking.candidates)
            let order = try fixture.rankedFeed(reader, limit: Int.random(in: 1...40, using: &random))
            #expect(Array(order.dropFirst(count)) == Array(recent.dropFirst(count)))
            #expect(Set(order.prefix(count)) == Set(recent.prefix(count)))
            let scores = order.prefix(count).map { score($0, for: reader) }
            for (better, worse) in zip(scores, scores.dropFirst()) { #expect(better > worse - 1e-5) }
        }

        private func score(_ id: PostID, for reader: UInt64) -> Double {
            guard let content = contents.first(where: { $0.id == id }) else { return .nan }
            let now = Double(fixture.second)
            let affinity = interactions[[reader, content.author], default: []].reduce(0.0) { sum, past in
                reader == content.author ? 0 : sum + past.count * exp2((past.second - now) / (30 * 86_400))
            }
            let points: Double = content.kind == .video ? 0.5 : content.kind == .image ? 0.25 : 0
            // From some day on, or the sum has no room for small differences.
            let age = (Double(id.milliseconds) - 1_700_000_000_000) / (6 * 3_600 * 1_000)
            return age + log2(1 + Double(content.reactions.count) + 2 * Double(content.comments))
                + log2(1 + affinity) + points
        }
    }
}
