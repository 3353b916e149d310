import StarlingEngine

/// A graph for reads: a third of the readers follows no celebrity, a third 20, a third 200. Celebrities are beside the
/// authors of the graph; the first 20 are followed by both of those thirds.
struct CelebrityGraph {
    let graph: FanOutGraph

    /// From this many followers on an author is merged at read: above the others' followers, below a third of the readers.
    static let threshold = 1_000
    /// Posts of each celebrity, spread over the newest of all posts: more than a page.
    static let posts = 60
    static let largest = 200

    /// Celebrities that the readers of a third follow.
    enum Third: Int, CaseIterable {
        case none
        case twenty
        case all

        var celebrities: Int { [0, 20, CelebrityGraph.largest][rawValue] }
    }

    /// The readers of a third.
    func readers(_ third: Third) -> Range<Int> {
        (third.rawValue * graph.timelines / 3)..<((third.rawValue + 1) * graph.timelines / 3)
    }

    func user(ofCelebrity number: Int) -> UInt64 { graph.user(ofAuthor: graph.authors + number) }

    /// Accounts that a reader follows.
    func followees(of reader: Int, _ third: Third) -> [UInt64] {
        graph.authors(of: reader).map(graph.user(ofAuthor:)) + (0..<third.celebrities).map(user(ofCelebrity:))
    }

    /// The edges from a third to celebrities, in batches.
    func eachBatch(_ third: Third, _ body: ([NewFollow]) throws -> Void) rethrows {
        for number in 0..<third.celebrities {
            let celebrity = UserID(rawValue: user(ofCelebrity: number))
            var rows: [NewFollow] = []
            for reader in readers(third) {
                rows.append(NewFollow(follower: UserID(rawValue: graph.user(ofReader: reader)), followee: celebrity))
                if rows.count == 5_000 {
                    try body(rows)
                    rows.removeAll(keepingCapacity: true)
                }
            }
            if !rows.isEmpty { try body(rows) }
        }
    }

    /// Posts of others between two rounds of the celebrities' posts: one for each reader.
    var postsBetween: Int { graph.timelines / graph.followersPerPost }
}
