import StarlingEngine

/// An account that is muted, and until when.
struct MuteOf: Equatable {
    var account: UInt64
    var until: UInt32?
}

extension FeedModel {
    typealias Pair = (user: UInt64, target: UInt64)

    private func pairs(_ isWanted: (Int, Int) -> Bool) -> [Pair] {
        users.indices.flatMap { user in
            users.indices.filter { isWanted(user, $0) }.map { (users[user], users[$0]) }
        }
    }

    /// Who blocks whom.
    var blockedPairs: [Pair] { pairs(relations.blocks) }

    /// Who mutes whom, also when the time is over.
    var mutedPairs: [Pair] { pairs { relations.mute($0, $1, at: 0) != nil } }

    /// Whom each account lets wait.
    var waitingPairs: [Pair] { pairs { relations.isWaiting($1, $0) } }

    /// In the order of the accounts' first use.
    func blockedAccounts(of user: UInt64) -> [UInt64] {
        guard let number = number(of: user) else { return [] }
        return users.indices.filter { relations.blocks(number, $0) }.map { users[$0] }
    }

    /// Those that have not ended, in the order of the accounts' first use.
    func mutes(of user: UInt64) -> [MuteOf] {
        guard let number = number(of: user) else { return [] }
        return users.indices.compactMap { target in
            relations.mute(number, target, at: seconds).map {
                MuteOf(account: users[target], until: $0 == .max ? nil : $0)
            }
        }
    }

    /// The newest first.
    func requests(to user: UInt64) -> [RelationModel.Request] {
        number(of: user).map { relations.requests[$0].reversed() } ?? []
    }

    func relationship(of user: UInt64, to target: UInt64) -> Relationship {
        var result = Relationship(
            isFollowing: follows(user, target), isFollowedBy: follows(target, user), isPending: false,
            isBlocking: false, isBlockedBy: false, isMuting: false)
        guard let first = number(of: user), let second = number(of: target) else { return result }
        result.isPending = relations.isWaiting(first, second)
        result.isBlocking = relations.blocks(first, second)
        result.isBlockedBy = relations.blocks(second, first)
        let end = relations.mute(first, second, at: seconds)
        result.isMuting = end != nil
        result.mutedUntilSeconds = end == .max ? nil : end
        return result
    }
}
