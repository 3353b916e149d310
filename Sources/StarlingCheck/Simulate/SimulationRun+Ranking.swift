import StarlingEngine

/// Ranked feeds: the newest posts of the feed by their scores, the others behind them.
extension SimulationRun {
    /// Draws no random numbers, so that the rest of a run does not depend on it.
    func checkRankedFeed(of reader: UInt64) throws(InvariantViolation) {
        let model = oracle.model
        let recent = model.feedPosts(reader)
        let limit = 5 + Int(reader % 60)
        var found: [UInt64] = []
        var position: RankedPosition?
        repeat {
            let page: RankedPage = try read("a ranked page") {
                self.running().rankedFeed(
                    of: UserID(rawValue: reader), from: position, limit: limit, completion: $0)
            }
            found += page.entries.map(\.post.rawValue)
            // As bytes, as cursors are: they come from anywhere.
            position = page.next.flatMap { RankedPosition(bytes: $0.bytes) }
            if position != nil { totals.reached(.rankedFeedPaged) }
        } while position != nil
        let ranked = min(recent.count, configuration.ranking.candidates)
        let scores = found.prefix(ranked).map { id in
            recent.first { $0.id == id }.map { model.score($0, for: reader) } ?? .infinity
        }
        let isInOrder = zip(scores, scores.dropFirst()).allSatisfy { $0 > $1 - 1e-4 }
        guard isInOrder, Set(found.prefix(ranked)) == Set(recent.prefix(ranked).map(\.id)),
            found.dropFirst(ranked).elementsEqual(recent.dropFirst(ranked).map(\.id))
        else {
            throw InvariantViolation(
                .timelines, "the ranked feed of \(reader) is \(found), with \(scores); the feed \(recent.map(\.id))")
        }
        for id in found { trace.add(id) }
    }
}
