import StarlingEngine
import StarlingSystem

extension Oracle {
    func isBlocked(_ one: UInt64, _ other: UInt64) -> Bool {
        guard let first = model.number(of: one), let second = model.number(of: other) else { return false }
        return model.relations.isBlocked(first, second)
    }

    func isPrivate(_ user: UInt64) -> Bool { model.number(of: user).map { model.isPrivate[$0] } ?? false }

    func isWaiting(_ user: UInt64, _ target: UInt64) -> Bool {
        guard let first = model.number(of: user), let second = model.number(of: target) else { return false }
        return model.relations.isWaiting(first, second)
    }

    static func isChange(_ operation: UInt32) -> (KeyModel.Answer) -> Bool {
        { if case .changed(operation, _) = $0 { true } else { false } }
    }

    private func refusal(_ user: UInt64, _ target: UInt64) -> Refusal? {
        if user == 0 { return .invalid("userId") }
        return target == 0 || user == target ? .invalid("targetId") : nil
    }

    mutating func ask(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        let actor = context.actor.rawValue
        if isWaiting(actor, target) {
            acknowledge(AcknowledgedOperation.follow, context, now, isPending: true)
            return done(.follow(EdgeAnswer(state: .pending, changed: false)))
        }
        record(.requested(.init(follower: actor, followee: target, sinceMilliseconds: now)), context, now: now)
        return done(.follow(EdgeAnswer(state: .pending, changed: true)))
    }

    mutating func block(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.block)) { return first }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        if let first = model.number(of: actor), let second = model.number(of: target),
            model.relations.blocks(first, second)
        {
            acknowledge(AcknowledgedOperation.block, context, now)
            return done(.changed(false))
        }
        let lost = [(actor, target), (target, actor)].filter { model.follows($0.0, $0.1) }.map(\.1)
        record(.blocked(user: actor, target: target, sinceMilliseconds: now), context, now: now)
        let answer = done(.changed(true))
        for followee in lost { reconsider(followee, now) }
        return answer
    }

    mutating func unblock(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.unblock)) { return first }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        guard let first = model.number(of: actor), let second = model.number(of: target),
            model.relations.blocks(first, second)
        else {
            acknowledge(AcknowledgedOperation.unblock, context, now)
            return done(.changed(false))
        }
        record(.unblocked(user: actor, target: target), context, now: now)
        return done(.changed(true))
    }

    private func activeMute(_ user: UInt64, _ target: UInt64, _ now: UInt64) -> UInt32? {
        guard let first = model.number(of: user), let second = model.number(of: target) else { return nil }
        return model.relations.mute(first, second, at: now / 1_000)
    }

    mutating func mute(
        _ target: UInt64, _ until: UInt32?, _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.mute)) { return first }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        if let until, UInt64(until) <= now / 1_000 || until == .max { return .refused(.invalid("expiresAt")) }
        if activeMute(actor, target, now) == until ?? .max {
            acknowledge(AcknowledgedOperation.mute, context, now)
            return done(.changed(false))
        }
        record(.muted(user: actor, target: target, untilSeconds: until ?? 0), context, now: now)
        return done(.changed(true))
    }

    mutating func unmute(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.unmute)) { return first }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        guard activeMute(actor, target, now) != nil else {
            acknowledge(AcknowledgedOperation.unmute, context, now)
            return done(.changed(false))
        }
        record(.unmuted(user: actor, target: target), context, now: now)
        return done(.changed(true))
    }

    /// Going public accepts everybody who waits, in the order of the accounts' first use.
    mutating func setPrivacy(_ isPrivate: Bool, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.setAccountPrivacy)) {
            return first
        }
        let actor = context.actor.rawValue
        if actor == 0 { return .refused(.invalid("userId")) }
        if self.isPrivate(actor) == isPrivate {
            acknowledge(AcknowledgedOperation.setAccountPrivacy, context, now)
            return done(.changed(false))
        }
        record(.privacySet(user: actor, isPrivate), context, now: now)
        if !isPrivate, let number = model.number(of: actor) {
            let waiting = model.relations.requests[number].map(\.requester).sorted().map { model.users[$0] }
            if !waiting.isEmpty { accept(waiting, by: actor, WriteContext(actor: context.actor), now) }
        }
        return done(.changed(true))
    }

    private mutating func accept(_ users: [UInt64], by target: UInt64, _ context: WriteContext, _ now: UInt64) {
        record(.accepted(target: target, users, sinceMilliseconds: now), context, now: now)
        reconsider(target, now)
    }

    mutating func accept(_ requester: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.acceptFollowRequest)) {
            return first
        }
        let actor = context.actor.rawValue
        if requester == 0 { return .refused(.invalid("requesterId")) }
        guard isWaiting(requester, actor) else {
            guard model.follows(requester, actor) else { return .refused(.requestNotFound) }
            acknowledge(AcknowledgedOperation.acceptFollowRequest, context, now)
            return done(.changed(false))
        }
        accept([requester], by: actor, context, now)
        return done(.changed(true))
    }

    mutating func reject(_ requester: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.rejectFollowRequest)) {
            return first
        }
        let actor = context.actor.rawValue
        if requester == 0 { return .refused(.invalid("requesterId")) }
        guard isWaiting(requester, actor) else {
            acknowledge(AcknowledgedOperation.rejectFollowRequest, context, now)
            return done(.changed(false))
        }
        record(.requestRemoved(user: requester, target: actor, isRejected: true), context, now: now)
        return done(.changed(true))
    }
}
