import StarlingEngine
import StarlingSystem

extension Oracle {
    private func refusal(_ follower: UInt64, _ followee: UInt64) -> Refusal? {
        if follower == 0 { return .invalid("userId") }
        if followee == 0 { return .invalid("targetId") }
        return follower == followee ? .selfFollow : nil
    }

    mutating func follow(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { if case .follow(let edge) = $0 { edge.follows } else { false } }) {
            return first
        }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        if model.follows(actor, target) {
            acknowledge(AcknowledgedOperation.follow, context, now)
            return done(.follow(EdgeAnswer(follows: true, changed: false)))
        }
        record(
            .followed(.init(follower: actor, followee: target, sinceMilliseconds: now)), context, now: now)
        let answer = done(.follow(EdgeAnswer(follows: true, changed: true)))
        reconsider(target, now)
        return answer
    }

    mutating func unfollow(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { if case .follow(let edge) = $0 { !edge.follows } else { false } }) {
            return first
        }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        guard model.follows(actor, target) else {
            acknowledge(AcknowledgedOperation.unfollow, context, now)
            return done(.follow(EdgeAnswer(follows: false, changed: false)))
        }
        record(.unfollowed(follower: actor, followee: target), context, now: now)
        let answer = done(.follow(EdgeAnswer(follows: false, changed: true)))
        reconsider(target, now)
        return answer
    }

    mutating func importFollows(
        _ rows: [NewFollow], _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        if let first = firstAnswer(
            context, now, { if case .follows(let outcomes) = $0 { outcomes.count == rows.count } else { false } })
        {
            return first
        }
        var edges: [ExpectedFact.Edge] = []
        var outcomes: [UInt32] = []
        for row in rows {
            let (follower, followee) = (row.follower.rawValue, row.followee.rawValue)
            if refusal(follower, followee) != nil {
                outcomes.append(0)
            } else if model.follows(follower, followee)
                || edges.contains(where: { $0.follower == follower && $0.followee == followee })
            {
                outcomes.append(2)
            } else {
                outcomes.append(1)
                let since = UInt64(row.sinceSeconds ?? UInt32(clamping: now / 1_000)) * 1_000
                edges.append(.init(follower: follower, followee: followee, sinceMilliseconds: since))
            }
        }
        let answers = outcomes.map { $0 == 0 ? nil : EdgeAnswer(follows: true, changed: $0 == 1) }
        if edges.isEmpty, context.idempotencyKey == nil { return done(.follows(answers)) }
        let kept = context.idempotencyKey == nil ? [] : outcomes
        record(.imported(edges, outcomes: kept, actor: context.actor.rawValue), context, now: now)
        let answer = done(.follows(answers))
        for edge in edges { reconsider(edge.followee, now) }
        return answer
    }
}
