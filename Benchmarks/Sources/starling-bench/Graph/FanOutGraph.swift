/// A made graph for fan-out: every author has exactly `followersPerPost` followers, every reader follows exactly `followees`
/// authors, and who follows whom looks like chance.
///
/// Readers are 0..<`timelines`. They are shuffled `followees` times, and each time dealt out in hands of `followersPerPost`:
/// a hand is an author's followers. So both directions can be computed, and nobody follows an author twice.
struct FanOutGraph: Sendable {
    let timelines: Int
    let followersPerPost: Int
    let followees: Int
    /// The followers of all authors, ascending within each: author a's lie at a * `followersPerPost`.
    let followers: [UInt32]
    private let shuffles: [Permutation]

    /// `timelines` must be a multiple of `followersPerPost`.
    init(timelines: Int, followersPerPost: Int, followees: Int = 20) {
        precondition(timelines.isMultiple(of: followersPerPost), "every reader is in a whole hand")
        self.timelines = timelines
        self.followersPerPost = followersPerPost
        self.followees = followees
        var random = SplitMix(state: 11)
        let shuffles = (0..<followees).map { _ in Permutation(count: timelines, &random) }
        self.shuffles = shuffles
        var all: [UInt32] = []
        all.reserveCapacity(timelines * followees)
        for shuffle in shuffles {
            for first in stride(from: 0, to: timelines, by: followersPerPost) {
                all += (first..<(first + followersPerPost)).map { UInt32(shuffle.image(of: $0)) }.sorted()
            }
        }
        followers = all
    }

    /// Authors; they are numbered from 0.
    var authors: Int { timelines / followersPerPost * followees }

    /// Its sizes in words.
    var name: String {
        let readers =
            timelines.isMultiple(of: 1_000_000)
            ? "\(timelines / 1_000_000) M" : timelines.isMultiple(of: 1_000) ? "\(timelines / 1_000) k" : "\(timelines)"
        return "\(readers) timelines, \(followersPerPost) followers a post"
    }

    /// The followers of an author, ascending.
    func followers(of author: Int) -> ArraySlice<UInt32> {
        followers[(author * followersPerPost)..<((author + 1) * followersPerPost)]
    }

    /// The authors that a reader follows.
    func authors(of reader: Int) -> [Int] {
        let hands = timelines / followersPerPost
        return shuffles.enumerated().map { $0.offset * hands + $0.element.place(of: reader) / followersPerPost }
    }

    /// The number of posts after which timelines are full and beyond: each then has had `entries` and four standard
    /// deviations more of them.
    func posts(filling entries: Int) -> Int {
        let wanted = Double(entries) + 4 * Double(entries).squareRoot() + 16
        return Int((wanted * Double(timelines) / Double(followersPerPost)).rounded(.up))
    }

    /// Account of a reader.
    func user(ofReader reader: Int) -> UInt64 { UInt64(reader + 1) }
    /// Account of an author: behind the readers.
    func user(ofAuthor author: Int) -> UInt64 { UInt64(timelines + 1 + author) }
    /// The author whose account it is.
    func author(ofUser user: UInt64) -> Int { Int(user) - timelines - 1 }
}

/// Who posted, in order: with the graph, it says what every timeline must show.
struct PostHistory: Sendable {
    private(set) var authors: [UInt32] = []
    private var random: SplitMix

    /// The same seed draws the same authors.
    init(seed: UInt64) { random = SplitMix(state: seed) }

    /// The number of the next post; they count from 0.
    var count: Int { authors.count }

    /// Draws the author of the next post.
    mutating func next(_ graph: FanOutGraph) -> Int {
        let author = random.below(graph.authors)
        authors.append(UInt32(author))
        return author
    }

    /// A post by somebody who is not in the graph.
    mutating func noteOther() { authors.append(.max) }

    /// The numbers of the newest posts that a reader must see, newest first.
    func page(of reader: Int, _ graph: FanOutGraph, count: Int) -> [Int] {
        let followed = Set(graph.authors(of: reader).map(UInt32.init))
        var page: [Int] = []
        for post in authors.indices.reversed() where followed.contains(authors[post]) {
            page.append(post)
            if page.count == count { break }
        }
        return page
    }

    /// Readers whose pages are compared with what they must be.
    static func samples(_ graph: FanOutGraph) -> [Int] {
        var random = SplitMix(state: 12)
        return (0..<8).map { _ in random.below(graph.timelines) }
    }
    /// Entries that are compared.
    static let sampleSize = 50
}
