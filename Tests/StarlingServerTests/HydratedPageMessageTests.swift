import NIOCore
import StarlingSchema
import StarlingSystem
import SwiftProtobuf
import Testing

@testable import StarlingEngine
@testable import StarlingServer

/// Random hydrated pages, encoded by hand and by SwiftProtobuf from messages that the test makes itself.
@Suite struct HydratedPageMessageTests {
    private static let cursors = CursorSigner(key: Array(0..<32))

    @Test(arguments: 1...40) func bytesAreThoseOfSwiftProtobuf(seed: UInt64) throws {
        var page = RandomPage(seed: seed)
        page.fill(posts: Int.random(in: 0...(seed % 8 == 0 ? 200 : 20), using: &page.random))
        var buffer = ByteBuffer()
        buffer.writeString("before")
        HydratedPageMessage.write(
            page.pages.pages.pages[0], of: page.pages, page.bodies, Self.cursors, into: &buffer)
        let expected = page.expected(Self.cursors)
        #expect(Array(buffer: buffer).dropFirst(6) == MessageCoding.encode(expected)[...])
        #expect(try Starling_V1_FeedResponse(serializedBytes: Array(Array(buffer: buffer).dropFirst(6))) == expected)
    }

    /// The most that there can be still has its room.
    @Test func countsMayBeAnything() throws {
        var page = RandomPage(seed: 9)
        page.fill(posts: 1)
        var counts = PostCounts()
        counts.lanes = SIMD8(repeating: .max)
        page.pages.details = [PostDetail(counts: counts, ownReaction: .angry)]
        var buffer = ByteBuffer()
        HydratedPageMessage.write(
            page.pages.pages.pages[0], of: page.pages, page.bodies, Self.cursors, into: &buffer)
        let answer = try Starling_V1_FeedResponse(serializedBytes: Array(buffer: buffer))
        #expect(answer.items[0].post.counts.reactions.values.allSatisfy { $0 == UInt64(UInt32.max) })
        #expect(answer == page.expected(Self.cursors))
    }

    @Test func profilesAreWhatAnybodyMaySee() throws {
        var random = SeededRandom(seed: 5)
        for _ in 0..<500 {
            let account = Starling_V1_AccountBody.with {
                $0.username = RandomPage.text(40, &random)
                $0.email = RandomPage.text(300, &random)
                $0.passwordHash = RandomPage.text(200, &random)
                $0.displayName = RandomPage.text(300, &random)
                $0.bio = RandomPage.text(20_000, &random)
                $0.pictureURL = RandomPage.text(3_000, &random)
            }
            let expected = Starling_V1_UserProfile.with {
                $0.username = account.username
                $0.displayName = account.displayName
                $0.pictureURL = account.pictureURL
            }
            var bytes: [UInt8] = [1]
            ProfileFields.append(account: MessageCoding.encode(account), to: &bytes)
            #expect(bytes == [1] + MessageCoding.encode(expected))
            // A field that this version does not know, in front: then it goes by way of messages.
            var later: [UInt8] = []
            ProfileFields.append(account: [15 << 3 | 0, 7] + MessageCoding.encode(account), to: &later)
            #expect(later == MessageCoding.encode(expected))
        }
        var nothing: [UInt8] = [1]
        for broken in [[0x0a], [0x0a, 5, 1], [0x0a, 0xff, 0xff, 0xff, 0xff], [0xff]] as [[UInt8]] {
            ProfileFields.append(account: broken, to: &nothing)
        }
        #expect(nothing == [1])
    }
}

/// A page with everything that posts, authors and readers can have.
private struct RandomPage {
    var random: SeededRandom
    var pages = HydratedFeedPages(pages: FeedPages(asOfLSN: 0))
    var bodies: [EncodedPost?] = []
    private var items: [Starling_V1_FeedItem] = []

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    static func text(_ limit: Int, _ random: inout SeededRandom) -> String {
        let count = Int.random(in: 0...3, using: &random) == 0 ? 0 : Int.random(in: 0...limit, using: &random)
        return String((0..<count).map { _ in "aé\u{1F426}\0".randomElement(using: &random) ?? " " })
    }

    mutating func fill(posts count: Int) {
        for number in 0..<count { add(PostOrdinal(number + 1)) }
        let next = Bool.random(using: &random) ? PagePosition(rawValue: random.next() >> 32) : nil
        let query = FeedQuery(user: UserID(rawValue: 7))
        pages.pages.pages = [FeedPages.Page(query: query, range: 0..<count, next: next)]
        pages.pages.asOfLSN = Bool.random(using: &random) ? 0 : random.next() >> (random.next() % 64)
    }

    private mutating func add(_ ordinal: PostOrdinal) {
        let id = random.next() >> 1
        let author = random.next() | 1
        var item = Starling_V1_FeedItem()
        item.post.id = id
        item.post.authorID = author
        item.post.createdAt = .init(milliseconds: PostID(rawValue: id).milliseconds)
        let entry = PostEntry(
            ordinal: ordinal, post: PostID(rawValue: id), author: UserID(rawValue: author), bodyLSN: UInt64(ordinal))
        pages.pages.entries.append(entry)
        addBody(to: &item.post)
        addCounts(to: &item)
        item.author.id = author
        var fields: [UInt8] = []
        if Bool.random(using: &random) {
            var profile = Starling_V1_UserProfile()
            profile.username = Self.text(30, &random)
            profile.displayName = Self.text(200, &random)
            profile.pictureURL = Self.text(300, &random)
            fields = MessageCoding.encode(profile)
            (item.author.username, item.author.displayName) = (profile.username, profile.displayName)
            item.author.pictureURL = profile.pictureURL
        }
        let start = pages.authorBytes.count
        pages.authorBytes += fields
        pages.authors.append(start..<pages.authorBytes.count)
        items.append(item)
    }

    private mutating func addBody(to post: inout Starling_V1_Post) {
        guard Int.random(in: 0..<8, using: &random) > 0 else {
            post.state = .deleted
            return bodies.append(nil)
        }
        let isEdited = Bool.random(using: &random)
        let time = UInt64.random(in: 0...4_000_000_000_000, using: &random)
        post.text = Self.text(Bool.random(using: &random) ? 100 : 20_000, &random)
        post.kind = Starling_V1_Post.Kind(rawValue: Int.random(in: 0...2, using: &random)) ?? .text
        post.visibility = Bool.random(using: &random) ? .followers : .public
        if Bool.random(using: &random) { post.replyTo = random.next() | 1 }
        if Bool.random(using: &random) { post.repostOf = random.next() | 1 }
        if Bool.random(using: &random) { post.mediaURL = "https://example.org/" + Self.text(300, &random) }
        if Bool.random(using: &random) { post.thumbnailURL = "https://example.org/" + Self.text(30, &random) }
        if isEdited { post.editedAt = .init(milliseconds: time) }
        let made = post
        let fact = Starling_V1_Fact.with {
            if isEdited {
                $0.postEdited = .with {
                    ($0.postID, $0.authorID) = (made.id, made.authorID)
                    ($0.kind, $0.visibility) = (made.kind, made.visibility)
                    ($0.replyTo, $0.repostOf) = (made.replyTo, made.repostOf)
                }
            } else {
                $0.postCreated = .with {
                    ($0.postID, $0.authorID) = (made.id, made.authorID)
                    ($0.kind, $0.visibility) = (made.kind, made.visibility)
                    ($0.replyTo, $0.repostOf) = (made.replyTo, made.repostOf)
                }
            }
        }
        let words = Starling_V1_PostBody.with {
            ($0.text, $0.mediaURL, $0.thumbnailURL) = (made.text, made.mediaURL, made.thumbnailURL)
        }
        bodies.append(EncodedPost(fact, words, milliseconds: time))
    }

    private mutating func addCounts(to item: inout Starling_V1_FeedItem) {
        var detail = PostDetail()
        item.post.counts = .init()
        if Bool.random(using: &random) {
            for lane in 0..<8 where Bool.random(using: &random) {
                detail.counts.lanes[lane] = UInt32.random(in: 0...(1 << 28), using: &random)
            }
            if Bool.random(using: &random) { detail.ownReaction = ReactionKind.allCases.randomElement(using: &random) }
        }
        pages.details.append(detail)
    }

    func expected(_ cursors: CursorSigner) -> Starling_V1_FeedResponse {
        let names = ["LIKE", "LOVE", "HAHA", "WOW", "SAD", "ANGRY"]
        return .with {
            $0.items = zip(items, pages.details).map { item, detail in
                var item = item
                let lanes = detail.counts.lanes
                for (lane, name) in names.enumerated() where lanes[lane] > 0 {
                    item.post.counts.reactions[name] = UInt64(lanes[lane])
                }
                item.post.counts.likes = (0..<6).reduce(0) { $0 + UInt64(lanes[$1]) }
                item.post.counts.comments = UInt64(lanes[6])
                item.post.counts.reposts = UInt64(lanes[7])
                if let own = detail.ownReaction { item.myReaction = own.schema }
                return item
            }
            if let next = pages.pages.pages[0].next {
                $0.nextCursor = cursors.cursor(next, of: .feed, owner: UserID(rawValue: 7))
            }
            $0.complete = true
            $0.asOfLsn = pages.pages.asOfLSN
        }
    }
}
