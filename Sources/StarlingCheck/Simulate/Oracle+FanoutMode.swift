import StarlingEngine
import StarlingSystem

extension Oracle {
    private static let hour: UInt64 = 3_600_000

    /// An author is pulled from the threshold on, or when followers times posts a day are above the limit; and pushed again when
    /// both are below their share. Cost switches nobody within an hour of the last switch.
    mutating func reconsider(_ author: UInt64, _ now: UInt64) {
        guard let number = model.number(of: author) else { return }
        let followers = model.followerCounts[number]
        let last = model.lastSwitches[number]
        let mayCostSwitch = last.map { now >= $0.milliseconds + Self.hour } ?? true
        let postsPerDay = UInt64(model.postsPerDay(number))
        let takes = UInt64(followers) * postsPerDay
        let isPulled = model.isPulled[number]
        let isForCost: Bool
        if isPulled {
            isForCost = last?.fact.cost != nil
            guard followers * 100 < threshold * rules.hysteresisPercent, isCheap(takes, isPulledForCost: isForCost),
                !isForCost || mayCostSwitch
            else { return }
        } else {
            isForCost = followers < threshold
            let isTooMuch = cost.limit.map { takes > $0 } ?? false
            guard !isForCost || (isTooMuch && mayCostSwitch) else { return }
        }
        let change = ExpectedFact.Switch(
            author: author, isPulled: !isPulled, followers: UInt64(followers), threshold: UInt64(threshold),
            cost: isForCost ? .init(postsPerDay: postsPerDay, limit: cost.limit ?? 0) : nil)
        record(.switched(change), WriteContext(actor: UserID(rawValue: author)), now: now)
    }

    /// Whether cost lets an author be pushed again.
    private func isCheap(_ takes: UInt64, isPulledForCost: Bool) -> Bool {
        if cost.share == 0 { return true }
        guard let limit = cost.limit else { return !isPulledForCost }
        return takes == 0 || takes * 100 < limit * UInt64(rules.hysteresisPercent)
    }

    /// The time that the next post's id tells: the post's own, but not before the newest id's, and behind all that may have been
    /// given away before the start.
    func timeOfID(for wanted: UInt64) -> UInt64 {
        let newest = model.posts.last?.milliseconds ?? 0
        if wanted > max(newest, reservedIDs) { return wanted }
        return reservedIDs >= newest ? reservedIDs + 1 : newest
    }
}
