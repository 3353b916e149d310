import StarlingSchema
import StarlingSets
import SwiftProtobuf

/// Blocks, mutes, private accounts and requests to follow them.
extension SequencerState {
    /// Whether either of two accounts blocks the other.
    func isBlocked(_ one: UserIndex, _ other: UserIndex) -> Bool {
        relations.contains(.blocks, of: one, other) || relations.contains(.blocks, of: other, one)
    }

    /// Whether an account waits for the answer of a private one.
    func isWaiting(_ requester: UserIndex, _ target: UserIndex) -> Bool {
        relations.contains(.requests, of: target, requester)
    }

    func addBlock(_ block: Starling_V1_Blocked, lsn: UInt64) throws(FactError) {
        let (user, target) = (try use(block.userID, lsn: lsn), try use(block.targetID, lsn: lsn))
        try checkRoom(lsn)
        for (one, other) in [(user, target), (target, user)] {
            removeEdge(one, other, lsn: lsn)
            removeRequest(one, other, lsn: lsn)
        }
        let since = Self.seconds(block.sinceMs)
        guard relations.put(.blocks, of: user, target, since) == nil else { return }
        emit(.blocked, lsn: lsn, first: user, second: target, third: since)
    }

    func removeBlock(_ block: Starling_V1_Unblocked, lsn: UInt64) {
        guard let (user, target) = known(block.userID, block.targetID),
            relations.remove(.blocks, of: user, target)
        else { return }
        emit(.unblocked, lsn: lsn, first: user, second: target)
    }

    func addMute(_ mute: Starling_V1_Muted, lsn: UInt64) throws(FactError) {
        let (user, target) = (try use(mute.userID, lsn: lsn), try use(mute.targetID, lsn: lsn))
        try checkRoom(lsn)
        let end = mute.untilSeconds == 0 ? RelationSets.forever : mute.untilSeconds
        relations.put(.mutes, of: user, target, end)
        if end != RelationSets.forever { muteEnds.add(end) }
        emit(.muted, lsn: lsn, first: user, second: target, third: end)
    }

    func removeMute(_ mute: Starling_V1_Unmuted, lsn: UInt64) {
        guard let (user, target) = known(mute.userID, mute.targetID), relations.remove(.mutes, of: user, target) else {
            return
        }
        emit(.unmuted, lsn: lsn, first: user, second: target)
    }

    func changePrivacy(_ change: Starling_V1_AccountPrivacyChanged, lsn: UInt64) throws(FactError) {
        let user = try use(change.userID, lsn: lsn)
        guard graph.isPrivate(user) != change.private else { return }
        graph.setPrivate(user, change.private)
        emit(.privacyChanged, lsn: lsn, first: user, second: change.private ? 1 : 0)
    }

    /// `notice` says who hears of it.
    func addRequest(
        _ requester: UInt64, _ target: UInt64, sinceMilliseconds: UInt64, notice: FollowEventValue.Notice, lsn: UInt64
    ) throws(FactError) {
        let (user, target) = (try use(requester, lsn: lsn), try use(target, lsn: lsn))
        try checkRoom(lsn)
        guard !isWaiting(user, target), !graph.follows(user, target) else { return }
        guard relations.hasRequestNumber(of: target) else {
            throw FactError(lsn: lsn, reason: "the account was asked too often")
        }
        let number = relations.takeRequestNumber(of: target)
        relations.put(.requests, of: target, user, number)
        let value = FollowEventValue(request: number, notice: notice, sinceMilliseconds: sinceMilliseconds)
        emit(
            .followRequested, lsn: lsn, first: user, second: target, third: Self.seconds(sinceMilliseconds),
            value: value.rawValue)
    }

    func acceptRequests(_ requests: Starling_V1_FollowRequestsAccepted, lsn: UInt64) throws(FactError) {
        for user in requests.users {
            // A salvaged log may have lost the request.
            guard let (requester, target) = known(user, requests.targetID), isWaiting(requester, target) else {
                continue
            }
            try addEdge(
                user, requests.targetID, sinceMilliseconds: requests.sinceMs, notice: .follower, lsn: lsn)
        }
    }

    func removeRequest(_ requester: UInt64, _ target: UInt64, lsn: UInt64) {
        if let (user, target) = known(requester, target) { removeRequest(user, target, lsn: lsn) }
    }

    /// Whether `user` follows, asked to follow, blocks or mutes `target`.
    func hasTie(_ user: UserIndex, _ target: UserIndex) -> Bool {
        graph.follows(user, target) || isWaiting(user, target) || relations.contains(.blocks, of: user, target)
            || relations.contains(.mutes, of: user, target)
    }

    /// Ends all of that, where there is any.
    func removeTies(_ user: UInt64, _ target: UInt64, lsn: UInt64) {
        guard let (first, second) = known(user, target) else { return }
        removeEdge(first, second, lsn: lsn)
        removeRequest(first, second, lsn: lsn)
        if relations.remove(.blocks, of: first, second) { emit(.unblocked, lsn: lsn, first: first, second: second) }
        if relations.remove(.mutes, of: first, second) { emit(.unmuted, lsn: lsn, first: first, second: second) }
    }

    private func removeRequest(_ requester: UserIndex, _ target: UserIndex, lsn: UInt64) {
        guard let number = takeRequest(requester, target) else { return }
        emit(.followRequestRemoved, lsn: lsn, first: requester, second: target, value: UInt64(number))
    }

    /// Takes a request out. Returns its number, nil when there is none.
    func takeRequest(_ requester: UserIndex, _ target: UserIndex) -> UInt32? {
        guard let number = relations.find(.requests, of: target, requester) else { return nil }
        relations.remove(.requests, of: target, requester)
        return number
    }

    private func known(_ user: UInt64, _ target: UInt64) -> (UserIndex, UserIndex)? {
        guard let first = users.index(of: UserID(rawValue: user)),
            let second = users.index(of: UserID(rawValue: target))
        else { return nil }
        return (first, second)
    }

    private func checkRoom(_ lsn: UInt64) throws(FactError) {
        guard relations.allocationsLeft >= RelationSets.Sets.allocationsPerInsert else {
            let reason = "the sequencer's blocks, mutes and requests do not fit into memory.arenaBytes; raise it"
            throw FactError(lsn: lsn, reason: reason, isLimit: true)
        }
    }
}
