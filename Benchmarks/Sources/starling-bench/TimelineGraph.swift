import Foundation

/// A made graph in which every timeline gets full: each of `timelines` users follows about 200 others, has about 200
/// followers, and posts once in each round, until every timeline has more posts than its cap.
///
/// Followees and the order of posting are permutations (`i -> c * i + d mod n`), so the harness can say without any database
/// which posts a page must show.
struct TimelineGraph: Codable, Equatable {
    /// Users; each has a timeline.
    let timelines: Int
    /// Entries that a timeline must hold at least.
    let entries: Int
    /// Accounts that each user follows, but for the few that are drawn twice.
    let followees: Int
    /// Times that each user posts.
    let rounds: Int

    init(timelines: Int, entries: Int) {
        self.timelines = timelines
        self.entries = entries
        followees = min(200, timelines / 4)
        // One more than needed: a followee that is drawn twice counts once.
        rounds = (entries + followees - 1) / followees + 1
    }

    /// Posts of all rounds.
    var posts: Int { timelines * rounds }
    /// 2014-05-13; a hundred posts a second from there on.
    private static let startSeconds = 1_400_000_000
    private static let postsPerSecond = 100

    private var followPermutations: [Permutation] {
        var random = SplitMix(state: 1)
        return (0..<followees).map { _ in Permutation(count: timelines, &random) }
    }

    private var postPermutations: [Permutation] {
        var random = SplitMix(state: 2)
        return (0..<rounds).map { _ in Permutation(count: timelines, &random) }
    }

    /// Writes the two files that `starling replay` takes. Users are 1 to `timelines`, posts are numbered from 1 on.
    func write(follows: String, posts: String) throws {
        var lines = try LineFile(path: follows)
        let permutations = followPermutations
        for reader in 0..<timelines {
            for permutation in permutations {
                let followee = permutation.image(of: reader)
                if followee != reader { try lines.add(reader + 1, followee + 1) }
            }
        }
        try lines.close()
        lines = try LineFile(path: posts)
        var number = 0
        for permutation in postPermutations {
            for place in 0..<timelines {
                try lines.add(permutation.image(of: place) + 1, Self.startSeconds + number / Self.postsPerSecond)
                number += 1
            }
        }
        try lines.close()
    }

    /// The text that `starling replay` gives to a post.
    static func text(ofPost number: Int) -> String { "post no. \(number)" }

    /// The numbers of the newest posts that `user` must see, newest first.
    func page(of user: Int, count: Int) -> [Int] {
        let authors = Set(followPermutations.map { $0.image(of: user - 1) }).subtracting([user - 1])
        var page: [Int] = []
        for (round, permutation) in postPermutations.enumerated().reversed() {
            page += authors.map { round * timelines + permutation.place(of: $0) + 1 }.sorted(by: >)
            if page.count >= count { break }
        }
        return Array(page.prefix(count))
    }
}

/// Lines of two numbers, written in large pieces.
private struct LineFile {
    private let handle: FileHandle
    private var bytes: [UInt8] = []

    private static let pieceBytes = 1 << 20

    init(path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw ProgramError(text: "\(path) cannot be created") }
        self.handle = handle
        bytes.reserveCapacity(Self.pieceBytes + 64)
    }

    mutating func add(_ first: Int, _ second: Int) throws {
        bytes += Array(String(first).utf8)
        bytes.append(UInt8(ascii: " "))
        bytes += Array(String(second).utf8)
        bytes.append(UInt8(ascii: "\n"))
        if bytes.count >= Self.pieceBytes { try flush() }
    }

    private mutating func flush() throws {
        try handle.write(contentsOf: bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func close() throws {
        try flush()
        try handle.close()
    }
}
