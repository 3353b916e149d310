import StarlingEngine

/// Why an author is pushed or pulled, for people: the rule and its figures.
struct FanoutModeReason {
    var profile: Profile
    /// Followers from which on authors are pulled now.
    var threshold: Int
    /// Deliveries a day above which authors are pulled now; nil while that rule is off or has nothing to go by.
    var deliveriesPerDayLimit: UInt64?

    var text: String {
        guard let change = profile.lastSwitch else { return neverSwitched }
        let mode = profile.isPulled ? "pulled" : "pushed again"
        switch change.reason {
        case .followers:
            return "\(mode) since it had \(change.followerCount) followers; the threshold is now \(threshold)"
        case .cost:
            let limit = deliveriesPerDayLimit.map { "the limit is now \($0) deliveries a day" }
            let cost = "\(change.followerCount) times \(change.postsPerDay)"
            return "\(mode) since followers times posts a day were \(cost); "
                + (limit ?? "no limit by cost is in force now")
        }
    }

    private var neverSwitched: String {
        let byCost = deliveriesPerDayLimit.map { ", or above \($0) deliveries a day" } ?? ""
        return "never switched: \(profile.followerCount) followers; authors are pulled from \(threshold) on" + byCost
    }
}
