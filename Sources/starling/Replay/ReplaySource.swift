import StarlingEngine
import StarlingSystem

/// Where a replay's edges and posts come from, in their order.
protocol ReplaySource {
    /// When the activity begins, in milliseconds since 1970; 0 without any.
    var startMilliseconds: UInt64 { get }
    /// Calls `body` with rows of edges until there are none.
    func follows() throws -> any RowSequence<NewFollow>
    /// The posts, with their own times, rising.
    func posts() throws -> any RowSequence<NewPost>
}

/// Rows, one after the other, and how far they have come.
protocol RowSequence<Row> {
    associatedtype Row: Sendable
    mutating func next() throws -> Row?
    /// 0 to 1, or nil when the end is not known.
    var progress: Double? { get }
}

/// Files: a SNAP edge list and perhaps a list of activity.
struct FileSource: ReplaySource {
    let followsPath: String
    let postsPath: String?
    let startMilliseconds: UInt64

    init(follows: String, posts: String?) throws {
        followsPath = follows
        postsPath = posts
        var first: NumberLines.Line?
        if let posts {
            var lines = NumberLines(try InputFile(path: posts))
            first = try lines.next()
        }
        startMilliseconds = first.map { $0.second * 1_000 } ?? 0
    }

    func follows() throws -> any RowSequence<NewFollow> {
        FollowLines(
            lines: NumberLines(try InputFile(path: followsPath)),
            sinceSeconds: postsPath == nil ? nil : UInt32(clamping: startMilliseconds / 1_000))
    }

    func posts() throws -> any RowSequence<NewPost> {
        guard let postsPath else { return NoPosts() }
        return PostLines(lines: NumberLines(try InputFile(path: postsPath)))
    }
}

private struct FollowLines: RowSequence {
    var lines: NumberLines
    /// Nil for now.
    let sinceSeconds: UInt32?

    mutating func next() throws -> NewFollow? {
        try lines.next().map {
            NewFollow(
                follower: UserID(rawValue: $0.first), followee: UserID(rawValue: $0.second), sinceSeconds: sinceSeconds)
        }
    }

    var progress: Double? { lines.totalBytes.map { Double(lines.bytesRead) / Double(max($0, 1)) } }
}

/// A graph without activity.
private struct NoPosts: RowSequence {
    let progress: Double? = 1

    func next() -> NewPost? { nil }
}

private struct PostLines: RowSequence {
    var lines: NumberLines
    private var count = 0

    init(lines: NumberLines) { self.lines = lines }

    mutating func next() throws -> NewPost? {
        guard let line = try lines.next() else { return nil }
        let (milliseconds, overflow) = line.second.multipliedReportingOverflow(by: 1_000)
        if overflow { throw Failure("\(lines.path):\(lines.lineNumber): the time is out of range", code: 65) }
        count += 1
        var post = NewPost(author: UserID(rawValue: line.first), text: Self.text(line.word, count))
        post.createdAt = milliseconds
        return post
    }

    /// The data names only the kind of activity: a retweet, a mention or a reply.
    private static func text(_ word: UInt64, _ count: Int) -> String {
        switch word {
        case 0x5254: "retweet no. \(count)"
        case 0x4d54: "mention no. \(count)"
        case 0x5245: "reply no. \(count)"
        default: "post no. \(count)"
        }
    }

    var progress: Double? { lines.totalBytes.map { Double(lines.bytesRead) / Double(max($0, 1)) } }
}

/// A graph with a power-law tail, and posts whose authors follow another one: the same for equal numbers and seed.
///
/// Followee and author are drawn as `n * u^2`, u uniform, so that the chance of rank r falls as r^(-1/2) and the number of
/// followers has a tail with exponent 3 (the one of preferential attachment; Barabasi and Albert 1999).
struct PowerLawSource: ReplaySource {
    let users: Int
    let meanFollowers: Int
    let postCount: Int
    let seed: UInt64
    /// 2012-07-01 00:00 UTC.
    let startMilliseconds: UInt64 = 1_341_100_800_000

    func follows() -> any RowSequence<NewFollow> { PowerLawFollows(source: self, random: SeededRandom(seed: seed)) }

    func posts() -> any RowSequence<NewPost> { PowerLawPosts(source: self, random: SeededRandom(seed: seed &+ 1)) }

    /// A user by rank in popularity; `shift` makes two orders of popularity independent.
    fileprivate func draw(_ random: inout SeededRandom, shift: Int) -> UInt64 {
        let uniform = Double(random.next() >> 11) * 0x1p-53
        let rank = min(Int(Double(users) * uniform * uniform), users - 1)
        return UInt64((rank + shift) % users) + 1
    }
}

private struct PowerLawFollows: RowSequence {
    let source: PowerLawSource
    var random: SeededRandom
    private var made = 0

    init(source: PowerLawSource, random: SeededRandom) {
        self.source = source
        self.random = random
    }

    mutating func next() -> NewFollow? {
        while made < source.users * source.meanFollowers {
            let follower = UInt64(made / source.meanFollowers) + 1
            let followee = source.draw(&random, shift: 0)
            made += 1
            if follower == followee { continue }
            return NewFollow(
                follower: UserID(rawValue: follower), followee: UserID(rawValue: followee),
                sinceSeconds: UInt32(source.startMilliseconds / 1_000))
        }
        return nil
    }

    var progress: Double? { Double(made) / Double(max(source.users * source.meanFollowers, 1)) }
}

private struct PowerLawPosts: RowSequence {
    let source: PowerLawSource
    var random: SeededRandom
    private var made = 0

    init(source: PowerLawSource, random: SeededRandom) {
        self.source = source
        self.random = random
    }

    mutating func next() -> NewPost? {
        guard made < source.postCount else { return nil }
        let author = source.draw(&random, shift: source.users / 3)
        made += 1
        var post = NewPost(author: UserID(rawValue: author), text: "post no. \(made)")
        post.createdAt = source.startMilliseconds + UInt64(made) * 10
        return post
    }

    var progress: Double? { Double(made) / Double(max(source.postCount, 1)) }
}
