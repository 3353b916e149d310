import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// Messages with random content, the same from the same seed. Fields are often left alone, lists are short, and texts
/// hold what JSON has to escape.
struct RandomMessages {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func chance(_ of: UInt64) -> Bool { random.next() % of == 0 }

    mutating func number() -> UInt64 {
        switch random.next() % 4 {
        case 0: 0
        case 1: random.next() % 100
        case 2: UInt64.max - random.next() % 2
        default: random.next()
        }
    }

    mutating func text() -> String {
        let pieces = [
            "", "a", "ä", "😀", "\"", "\\", "\n", "\u{0}", "\u{1f}", "/", "</", "\u{2028}", "{}", "long text ",
        ]
        return (0..<random.next() % 5).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
    }

    mutating func timestamp() -> Google_Protobuf_Timestamp {
        let span = UInt64(253_402_300_799 + 62_135_596_800)
        let fractions: [Int32] = [0, 1, 1_000, 1_000_000, 999_999_999, 120_000_000, 123_456_000]
        return Google_Protobuf_Timestamp(
            seconds: Int64(random.next() % (span + 1)) - 62_135_596_800,
            nanos: fractions[Int(random.next() % UInt64(fractions.count))])
    }

    mutating func list<Element>(_ make: (inout RandomMessages) -> Element) -> [Element] {
        var elements: [Element] = []
        for _ in 0..<random.next() % 4 { elements.append(make(&self)) }
        return elements
    }

    mutating func post() -> Starling_V1_Post {
        var post = Starling_V1_Post()
        post.id = number()
        post.authorID = number()
        post.text = text()
        post.kind = Starling_V1_Post.Kind(rawValue: Int(random.next() % 3)) ?? .text
        if chance(2) { post.mediaURL = text() }
        if chance(2) { post.thumbnailURL = text() }
        post.visibility = chance(2) ? .followers : .public
        if chance(2) { post.replyTo = number() }
        if chance(2) { post.repostOf = number() }
        if chance(2) { post.createdAt = timestamp() }
        if chance(2) { post.editedAt = timestamp() }
        if chance(2) {
            post.counts.likes = number()
            post.counts.comments = number()
            post.counts.reposts = number()
        }
        post.state = Starling_V1_Post.State(rawValue: Int(random.next() % 4)) ?? .published
        return post
    }

    mutating func feed() -> Starling_V1_FeedResponse {
        var feed = Starling_V1_FeedResponse()
        feed.items = list { random in
            var item = Starling_V1_FeedItem()
            if random.chance(2) { item.post = random.post() }
            if random.chance(2) { item.author.id = random.number() }
            if random.chance(2) { item.postID = random.number() }
            if random.chance(2) { item.authorID = random.number() }
            if random.chance(2) { item.createdAt = random.timestamp() }
            return item
        }
        if chance(2) { feed.nextCursor = text() }
        feed.complete = chance(2)
        if chance(2) { feed.completeSince = timestamp() }
        feed.asOfLsn = number()
        return feed
    }

    mutating func batch() -> Starling_V1_BatchPostsRequest {
        var batch = Starling_V1_BatchPostsRequest()
        batch.rows = list { random in
            var row = Starling_V1_PostRow()
            row.authorID = random.number()
            row.text = random.text()
            row.kind = Starling_V1_Post.Kind(rawValue: Int(random.random.next() % 3)) ?? .text
            if random.chance(2) { row.mediaURL = random.text() }
            row.visibility = random.chance(2) ? .followers : .public
            if random.chance(2) { row.replyTo = random.number() }
            if random.chance(2) { row.createdAt = random.timestamp() }
            return row
        }
        return batch
    }

    mutating func config() -> Starling_V1_Config {
        var config = Starling_V1_Config()
        for _ in 0..<random.next() % 5 { config.values[text()] = text() }
        return config
    }
}
