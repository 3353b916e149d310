import StarlingSchema
import StarlingSets
import SwiftProtobuf

/// Private accounts, and requests to follow them.
extension Sequencer {
    /// Whether the account is private, so that a follow has to ask.
    func isPrivate(_ user: UserID) -> Bool { state.users.index(of: user).map(state.graph.isPrivate) ?? false }

    /// Whether a request to follow has no answer yet.
    func isWaiting(_ requester: UserID, _ target: UserID) -> Bool {
        guard let first = state.users.index(of: requester), let second = state.users.index(of: target) else {
            return false
        }
        return state.isWaiting(first, second)
    }

    func checkRequestNumber(of target: UserID) throws(EngineError) {
        if let index = state.users.index(of: target), !state.relations.hasRequestNumber(of: index) {
            throw .full("requests to follow user \(target)")
        }
    }

    /// Asks a private account. Everything but memory was checked.
    func requestFollow(of target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if isWaiting(context.actor, target) {
            try acknowledge(.follow, context, isPending: true)
            return receipt(.follow(FollowOutcome(state: .pending, changed: false)))
        }
        try checkUserRoom(for: [context.actor, target])
        try checkRequestNumber(of: target)
        try admit(.request)
        let request = Starling_V1_FollowRequested.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
            $0.sinceMs = now
        }
        try record(.followRequested(request), context)
        return receipt(.follow(FollowOutcome(state: .pending, changed: true)))
    }

    /// Takes back a request that waits.
    func cancelRequest(to target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        try admitEnd(.endedRequest)
        let request = Starling_V1_FollowRequestRemoved.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
        }
        try record(.followRequestRemoved(request), context)
        return receipt(.follow(FollowOutcome(follows: false, changed: true)))
    }

    func acceptFollowRequest(_ requester: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.acceptFollowRequest)) { return first }
        try checkRequest(of: requester, by: context.actor)
        // Of an account that is gone, nothing waits.
        if isDeleted(requester) { throw .requestNotFound(requester: requester) }
        guard isWaiting(requester, context.actor) else {
            guard follows(requester, context.actor) else { throw .requestNotFound(requester: requester) }
            try acknowledge(.acceptFollowRequest, context)
            return receipt(.changed(false))
        }
        try admitAcceptance(by: context.actor, of: 1)
        try accept([requester], by: context.actor, context)
        return receipt(.changed(true))
    }

    func rejectFollowRequest(_ requester: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.rejectFollowRequest)) { return first }
        try checkRequest(of: requester, by: context.actor)
        guard isWaiting(requester, context.actor) else {
            try acknowledge(.rejectFollowRequest, context)
            return receipt(.changed(false))
        }
        try admitEnd(.endedRequest)
        let request = Starling_V1_FollowRequestRemoved.with {
            $0.userID = requester.rawValue
            $0.targetID = context.actor.rawValue
            $0.rejected = true
        }
        try record(.followRequestRemoved(request), context)
        return receipt(.changed(true))
    }

    private func checkRequest(of requester: UserID, by account: UserID) throws(EngineError) {
        if account.rawValue == 0 { throw .invalid(field: "userId", reason: "an account is needed; 0 is not an id") }
        if requester.rawValue == 0 {
            throw .invalid(field: "requesterId", reason: "an account is needed; 0 is not an id")
        }
    }

    func setAccountPrivacy(_ isPrivate: Bool, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.setAccountPrivacy)) { return first }
        let changed = try changePrivacy(isPrivate, by: context.actor, context)
        if !changed { try acknowledge(.setAccountPrivacy, context) }
        return receipt(.changed(changed))
    }

    /// Makes an account private or public. Returns whether it was not so already.
    func changePrivacy(
        _ isPrivate: Bool, by account: UserID, _ context: WriteContext
    ) throws(EngineError) -> Bool {
        if account.rawValue == 0 { throw .invalid(field: "userId", reason: "an account is needed; 0 is not an id") }
        guard self.isPrivate(account) != isPrivate else { return false }
        try checkUserRoom(for: [account])
        let waiting = isPrivate ? [] : state.users.index(of: account).map(requesters) ?? []
        let accepts = try hasRoomToAccept(waiting.count, by: account)
        let change = Starling_V1_AccountPrivacyChanged.with {
            $0.userID = account.rawValue
            $0.private = isPrivate
        }
        try record(.accountPrivacyChanged(change), context)
        if accepts { try accept(waiting, by: account, WriteContext(actor: account)) }
        if let index = state.users.index(of: account) { noteOpening(index) }
        return true
    }

    /// Whether there is something to accept and room for it; throws only when there may be room later.
    private func hasRoomToAccept(_ count: Int, by account: UserID) throws(EngineError) -> Bool {
        if count == 0 { return false }
        do throws(EngineError) {
            try admitAcceptance(by: account, of: count)
            return true
        } catch {
            if mustWaitForWorkers { throw error }
            return false
        }
    }

    /// Those who wait for the account, as many as one command accepts.
    func requesters(of account: UserIndex) -> [UserID] {
        var waiting: [UserID] = []
        state.relations.forEach(.requests, of: account) { request in
            waiting.append(state.users.id(of: request.key))
            return waiting.count < acceptedAtOnce
        }
        return waiting
    }

    func admitAcceptance(by account: UserID, of count: Int) throws(EngineError) {
        var need = needOfSwitch(of: account, gained: count)
        for _ in 0..<count {
            need += needOfEdge(to: account)
            need += .endedRequest
            need += .notification
        }
        try admit(need)
    }

    /// Makes follows of requests that wait.
    func accept(_ requesters: [UserID], by account: UserID, _ context: WriteContext) throws(EngineError) {
        let requests = Starling_V1_FollowRequestsAccepted.with {
            $0.targetID = account.rawValue
            $0.users = requesters.map(\.rawValue)
            $0.sinceMs = now
        }
        try record(.followRequestsAccepted(requests), context)
        try reconsiderFanoutMode(of: account)
    }
}
