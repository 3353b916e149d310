/// Blocks, mutes and requests by definition, between accounts by their numbers.
struct RelationModel {
    struct Request: Equatable {
        var requester: Int
        var sinceSeconds: UInt64
    }

    private let population: Int
    /// Since when the first blocks the second, in seconds.
    private(set) var blocks: [Int: UInt64] = [:]
    /// Until when the first mutes the second, in seconds of log time.
    private(set) var mutes: [Int: UInt32] = [:]
    /// Who asked each account, the oldest first.
    private(set) var requests: [[Request]]

    init(population: Int) {
        self.population = population
        requests = Array(repeating: [], count: population)
    }

    private func place(_ user: Int, _ target: Int) -> Int { user * population + target }

    mutating func block(_ user: Int, _ target: Int, since: UInt64) {
        removeRequest(user, target)
        removeRequest(target, user)
        blocks[place(user, target)] = since
    }

    mutating func unblock(_ user: Int, _ target: Int) { blocks[place(user, target)] = nil }

    func blocks(_ user: Int, _ target: Int) -> Bool { blocks[place(user, target)] != nil }

    func isBlocked(_ one: Int, _ other: Int) -> Bool { blocks(one, other) || blocks(other, one) }

    mutating func mute(_ user: Int, _ target: Int, until: UInt32) { mutes[place(user, target)] = until }

    mutating func unmute(_ user: Int, _ target: Int) { mutes[place(user, target)] = nil }

    /// The end of a mute that has not come at log time `seconds`.
    func mute(_ user: Int, _ target: Int, at seconds: UInt64) -> UInt32? {
        mutes[place(user, target)].flatMap { UInt64($0) > seconds ? $0 : nil }
    }

    mutating func ask(_ user: Int, _ target: Int, since: UInt64) {
        if !isWaiting(user, target) { requests[target].append(Request(requester: user, sinceSeconds: since)) }
    }

    func isWaiting(_ user: Int, _ target: Int) -> Bool { requests[target].contains { $0.requester == user } }

    mutating func removeRequest(_ user: Int, _ target: Int) { requests[target].removeAll { $0.requester == user } }
}
