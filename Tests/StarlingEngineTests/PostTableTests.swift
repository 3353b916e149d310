import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct PostTableTests {
    /// A table with posts of random authors, and what it should hold.
    struct Filled {
        let table: PostTable
        /// Each author's ordinals, ascending.
        var chains: [[PostOrdinal]]
        var ids: [PostID] = []

        init(posts count: Int, authors: Int, seed: UInt64) throws {
            var random = SeededRandom(seed: seed)
            table = try PostTable(maximumPosts: 1 << 17, hugePages: false)
            chains = Array(repeating: [], count: authors)
            var mint = PostIDMint()
            for number in 0..<count {
                // Low numbers post much more often, so that chains of all lengths arise.
                let author = min(
                    Int.random(in: 0..<authors, using: &random), Int.random(in: 0..<authors, using: &random))
                let id = mint.mint(milliseconds: 1_700_000_000_000 + UInt64(number / 3), slot: author)
                let ordinal = table.append(
                    id: id, lsn: UInt64(number) * 2 + 1, author: UserIndex(author),
                    previous: chains[author].last ?? 0, visibility: .public)
                chains[author].append(ordinal)
                ids.append(id)
            }
        }
    }

    @Test(arguments: [(3_000, 40), (500, 1), (2_000, 1_500)])
    func newestBelowEqualsALinearWalk(size: (posts: Int, authors: Int)) throws {
        let filled = try Filled(posts: size.posts, authors: size.authors, seed: 3)
        var random = SeededRandom(seed: 4)
        for chain in filled.chains where !chain.isEmpty {
            for _ in 0..<40 {
                let bound = PostOrdinal.random(in: 0...PostOrdinal(size.posts + 2), using: &random)
                // From any post of the chain, not only from the newest.
                let start = chain[Int.random(in: 0..<chain.count, using: &random)]
                let expected = chain.last { $0 < bound && $0 <= start } ?? 0
                #expect(filled.table.newest(below: bound, from: start) == expected)
            }
        }
    }

    @Test func noBoundGivesTheNewest() throws {
        let filled = try Filled(posts: 10, authors: 1, seed: 5)
        #expect(filled.table.newest(below: .max, from: 10) == 10)
        #expect(filled.table.newest(below: 1, from: 10) == 0)
        #expect(filled.table.newest(below: 5, from: 0) == 0)
    }

    /// Jumps are far enough, and never past what is looked for.
    @Test func searchTakesLogarithmicSteps() throws {
        let length = 30_000
        let table = try PostTable(maximumPosts: length, hugePages: false)
        for number in 1...length {
            _ = table.append(
                id: PostID(rawValue: UInt64(number)), lsn: 1, author: 0, previous: PostOrdinal(number - 1),
                visibility: .public)
        }
        var most = 0
        for bound in stride(from: 1, through: length, by: 37) {
            var ordinal = PostOrdinal(length)
            var steps = 0
            while ordinal >= PostOrdinal(bound), ordinal != 0 {
                let row = table.rows[Int(ordinal)]
                ordinal = row.jump >= PostOrdinal(bound) && row.jump != ordinal ? row.jump : row.previous
                steps += 1
            }
            most = max(most, steps)
        }
        // Myers: at most 3 log2(n) + 1.
        #expect(most <= 3 * 15 + 1)
    }

    @Test func findsEachPostAndNoOther() throws {
        let filled = try Filled(posts: 2_000, authors: 30, seed: 6)
        #expect(filled.ids.map { filled.table.find($0, among: 2_000) } == Array(1...2_000))
        let others = filled.ids.map { PostID(rawValue: $0.rawValue + 1) }
        #expect(others.allSatisfy { filled.table.find($0, among: 2_000) == nil })
        #expect(filled.table.find(PostID(rawValue: 0), among: 2_000) == nil)
        #expect(filled.table.find(PostID(rawValue: .max), among: 2_000) == nil)
    }

    @Test func postsAboveTheLimitAreNotFound() throws {
        let filled = try Filled(posts: 100, authors: 3, seed: 7)
        #expect(filled.table.find(filled.ids[50], among: 51) == 51)
        #expect(filled.table.find(filled.ids[51], among: 51) == nil)
        #expect(filled.table.find(filled.ids[0], among: 0) == nil)
    }

    @Test func firstOrdinalIsTheLowestNotBelow() throws {
        let filled = try Filled(posts: 300, authors: 9, seed: 8)
        let above = filled.ids.map { PostID(rawValue: $0.rawValue + 1) }
        #expect(filled.ids.map { filled.table.firstOrdinal(notBefore: $0, among: 300) } == Array(1...300))
        #expect(above.map { filled.table.firstOrdinal(notBefore: $0, among: 300) } == Array(2...301))
        #expect(filled.table.firstOrdinal(notBefore: PostID(rawValue: 0), among: 300) == 1)
    }

    @Test func deletionIsSeenByItsRecord() throws {
        let filled = try Filled(posts: 5, authors: 2, seed: 9)
        filled.table.delete(3, lsn: 77)
        #expect((1...5).map { filled.table.deletedLSN(PostOrdinal($0)) } == [0, 0, 77, 0, 0])
    }

    @Test func onlyPublishedPostsAreCounted() throws {
        let filled = try Filled(posts: 5, authors: 2, seed: 10)
        #expect(filled.table.publishedCount == 0)
        filled.table.publish(filled.table.count)
        #expect(filled.table.publishedCount == 5)
    }
}
