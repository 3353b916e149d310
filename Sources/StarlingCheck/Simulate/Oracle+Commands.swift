import StarlingEngine
import StarlingSystem

extension Oracle {
    /// Does what the command does, and says how it must be answered. `wall` is what the clock shows.
    mutating func run(_ command: Command, _ context: WriteContext, wall: UInt64) -> ExpectedAnswer {
        let now = max(model.milliseconds, wall)
        switch command {
        case .follow(let target): return follow(target.rawValue, context, now)
        case .unfollow(let target): return unfollow(target.rawValue, context, now)
        case .importFollows(let rows): return importFollows(rows, context, now)
        case .createPost(let post): return createPost(post, context, now)
        case .createPosts(let batch): return createPosts(batch, now)
        case .importPosts(let rows): return importPosts(rows, context, now)
        case .deletePost(let post): return deletePost(post.rawValue, context, now)
        case .react(let target, let kind): return react(target, kind, context, now)
        case .createComment(let comment): return createComment(comment, context, now)
        case .editComment(let id, let text): return editComment(id.rawValue, text, context, now)
        case .deleteComment(let id): return deleteComment(id.rawValue, context, now)
        case .editPost(let edit): return editPost(edit, context, now)
        case .markRead(let number): return markRead(upTo: number, context, now)
        case .approvePost(let judgement): return judge(judgement, reason: nil, context, now)
        case .blockPost(let judgement, let reason): return judge(judgement, reason: reason, context, now)
        case .setModerationRules, .readModerationRules:
            preconditionFailure("the workload sets no rules")
        case .setCelebrityThreshold(let value):
            if value < 1 { return .refused(.invalid("celebrityThreshold")) }
            record(.thresholdSet(UInt64(value)), WriteContext(actor: context.actor), now: now)
            threshold = value
            return done(.done)
        case .setReadersAway(let users, let away):
            let changed = users.map(\.rawValue).filter { user in
                model.number(of: user).map { model.isAway[$0] != away } ?? false
            }
            if !changed.isEmpty { record(.awaySet(changed, away), WriteContext(actor: context.actor), now: now) }
            return done(.done)
        case .block(let target): return block(target.rawValue, context, now)
        case .unblock(let target): return unblock(target.rawValue, context, now)
        case .mute(let target, let until): return mute(target.rawValue, until, context, now)
        case .unmute(let target): return unmute(target.rawValue, context, now)
        case .setAccountPrivacy(let isPrivate): return setPrivacy(isPrivate, context, now)
        case .acceptFollowRequest(let requester): return accept(requester.rawValue, context, now)
        case .rejectFollowRequest(let requester): return reject(requester.rawValue, context, now)
        case .passTime:
            if now > model.milliseconds { record(.timePassed, WriteContext(actor: UserID(rawValue: 0)), now: now) }
            return done(.done)
        case .acceptWaitingFollowers, .barrier: return done(.done)
        case .account, .markTime: preconditionFailure("the workload has no commands about accounts, and erases nothing")
        }
    }

    func done(_ outcome: ExpectedOutcome) -> ExpectedAnswer {
        .accepted(lsn: lastLSN, outcome, isReplay: false)
    }

    /// What a key that is in use says; nil for a request that is new.
    func firstAnswer(
        _ context: WriteContext, _ now: UInt64, _ fits: (KeyModel.Answer) -> Bool
    ) -> ExpectedAnswer? {
        guard let text = context.idempotencyKey else { return nil }
        guard let entry = model.keys.entry(KeyModel.Key(actor: context.actor.rawValue, text: text), now: now) else {
            return model.keys.hasRoom(limit: rules.maximumKeys, now: now) ? nil : .refused(.full)
        }
        guard entry.fingerprint == context.fingerprint, fits(entry.answer) else { return .refused(.keyReused) }
        let outcome: ExpectedOutcome =
            switch entry.answer {
            case .follow(let outcome): .follow(outcome)
            case .post(let lsn): .post(lsn: lsn)
            case .deleted(let changed): .deleted(changed: changed)
            case .comment(let lsn): .comment(lsn: lsn)
            case .changed(_, let changed): .changed(changed)
            case .follows(let rows): .follows(rows.map { EdgeAnswer(row: $0) })
            }
        return .accepted(lsn: entry.lsn, outcome, isReplay: true)
    }

    /// Keeps the key of a request that changes nothing.
    mutating func acknowledge(
        _ operation: UInt32, _ context: WriteContext, _ now: UInt64, isPending: Bool = false
    ) {
        guard context.idempotencyKey != nil else { return }
        let actor = context.actor.rawValue
        record(.acknowledged(operation: operation, actor: actor, isPending: isPending), context, now: now)
    }
}
