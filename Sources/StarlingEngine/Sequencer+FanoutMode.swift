import StarlingMemory
import StarlingSchema
import SwiftProtobuf

/// Whether authors are pushed or pulled. Only a new write decides: a replay reads the decision in the log.
extension Sequencer {
    /// Takes over what the workers have measured. Between two calls the rule says the same, so that a command is admitted and
    /// carried out by the same rule.
    func readCapacity() { rule.cost = capacity.limit }

    /// Decides whether an author is pushed or pulled, and records a switch. Runs before each post and after each change
    /// of the follower count, so that a new threshold takes effect with the author's next post at the latest.
    ///
    /// Cost: a few comparisons, but for authors whose cost may be too high by all they ever posted: O(log posts).
    func reconsiderFanoutMode(of author: UserID) throws(EngineError) {
        guard let index = state.users.index(of: author) else { return }
        let followers = state.graph.followerCount(index)
        guard let (mode, reason) = decision(index, followers) else { return }
        let change = Starling_V1_FanoutModeChanged.with {
            $0.authorID = author.rawValue
            $0.mode = mode
            $0.followerCount = UInt64(followers)
            $0.threshold = UInt64(rule.threshold)
            guard reason == .cost else { return }
            $0.reason = .cost
            $0.postsPerDay = UInt64(state.posts.postsPerDay(upTo: state.newestPost.rows[Int(index)]))
            if case .perDay(let limit) = rule.cost { $0.deliveriesPerDayLimit = limit }
        }
        try record(.fanoutModeChanged(change), WriteContext(actor: author))
    }

    private func decision(_ author: UserIndex, _ followers: Int) -> (Starling_V1_FanoutMode, FanoutReason)? {
        guard state.graph.isPulled(author) else {
            if followers >= rule.threshold { return (.pull, .followers) }
            return isTooCostly(author, followers: followers) && mayCostSwitch(author) ? (.pull, .cost) : nil
        }
        guard mayBePushedAgain(author, followers: followers) else { return nil }
        let reason = reasonOfPull(author)
        return reason == .followers || mayCostSwitch(author) ? (.push, reason) : nil
    }

    /// Whether pushing the author, with so many followers and `morePosts` posts more within a day, takes more than it may.
    func isTooCostly(_ author: UserIndex, followers: Int, morePosts: Int = 0) -> Bool {
        guard case .perDay(let limit) = rule.cost else { return false }
        return cost(author, followers, morePosts, ifAbove: limit) > limit
    }

    /// Whether an author that is pulled has followers and cost below the hysteresis. Whoever is pulled for its cost stays so while
    /// nothing is measured.
    func mayBePushedAgain(_ author: UserIndex, followers: Int) -> Bool {
        guard rule.isBelowHysteresis(followers: followers) else { return false }
        switch rule.cost {
        case .off: return true
        case .unknown: return reasonOfPull(author) == .followers
        case .perDay(let limit):
            let bound = rule.pushedAgainBelow(limit)
            return cost(author, followers, 0, ifAbove: bound - 1) < bound
        }
    }

    private func reasonOfPull(_ author: UserIndex) -> FanoutReason { state.modeChanges[author]?.reason ?? .followers }

    private func mayCostSwitch(_ author: UserIndex) -> Bool {
        guard let last = state.modeChanges[author]?.milliseconds else { return true }
        let time = now
        return time >= last && time - last >= FanoutRule.costPauseMilliseconds
    }

    /// Followers times posts a day. Where not even all posts that the author ever made come above `bound`, followers times
    /// these: one look tells.
    private func cost(_ author: UserIndex, _ followers: Int, _ morePosts: Int, ifAbove bound: UInt64) -> UInt64 {
        let newest = state.newestPost.rows[Int(author)]
        let posts = newest == 0 ? 0 : Int(state.posts.rows[Int(newest)].height) + 1
        let most = Self.product(followers, posts + morePosts)
        if most <= bound { return most }
        return Self.product(followers, state.posts.postsPerDay(upTo: newest) + morePosts)
    }

    private static func product(_ first: Int, _ second: Int) -> UInt64 {
        let (product, overflow) = UInt64(first).multipliedReportingOverflow(by: UInt64(second))
        return overflow ? .max : product
    }
}
