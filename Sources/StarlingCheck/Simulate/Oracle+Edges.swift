import StarlingEngine
import StarlingSystem

extension Oracle {
    private func refusal(_ follower: UInt64, _ followee: UInt64) -> Refusal? {
        if follower == 0 { return .invalid("userId") }
        if followee == 0 { return .invalid("targetId") }
        return follower == followee ? .selfFollow : nil
    }

    private func isEdge(_ answer: KeyModel.Answer, _ isWanted: (FollowState) -> Bool) -> Bool {
        if case .follow(let edge) = answer { isWanted(edge.state) } else { false }
    }

    mutating func follow(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { isEdge($0) { $0 != .none } }) {
            return first
        }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        if model.follows(actor, target) {
            acknowledge(AcknowledgedOperation.follow, context, now)
            return done(.follow(EdgeAnswer(follows: true, changed: false)))
        }
        if isBlocked(actor, target) { return .refused(.blocked) }
        if isPrivate(target) { return ask(target, context, now) }
        record(
            .followed(.init(follower: actor, followee: target, sinceMilliseconds: now)), context, now: now)
        let answer = done(.follow(EdgeAnswer(follows: true, changed: true)))
        reconsider(target, now)
        return answer
    }

    mutating func unfollow(_ target: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { isEdge($0) { $0 == .none } }) {
            return first
        }
        let actor = context.actor.rawValue
        if let refusal = refusal(actor, target) { return .refused(refusal) }
        guard model.follows(actor, target) else {
            if isWaiting(actor, target) {
                record(.requestRemoved(user: actor, target: target, isRejected: false), context, now: now)
                return done(.follow(EdgeAnswer(follows: false, changed: true)))
            }
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
        var requests: [ExpectedFact.Edge] = []
        var outcomes: [UInt32] = []
        for row in rows {
            let (follower, followee) = (row.follower.rawValue, row.followee.rawValue)
            let isSame = { (edge: ExpectedFact.Edge) in edge.follower == follower && edge.followee == followee }
            if refusal(follower, followee) != nil {
                outcomes.append(0)
            } else if model.follows(follower, followee) || edges.contains(where: isSame) {
                outcomes.append(2)
            } else if isBlocked(follower, followee) {
                outcomes.append(0)
            } else if isPrivate(followee) {
                let waits = isWaiting(follower, followee) || requests.contains(where: isSame)
                outcomes.append(waits ? 4 : 3)
                if !waits {
                    requests.append(.init(follower: follower, followee: followee, sinceMilliseconds: now))
                }
            } else {
                outcomes.append(1)
                let since = UInt64(row.sinceSeconds ?? UInt32(clamping: now / 1_000)) * 1_000
                edges.append(.init(follower: follower, followee: followee, sinceMilliseconds: since))
            }
        }
        let answers = outcomes.map { EdgeAnswer(row: $0) }
        if edges.isEmpty, requests.isEmpty, context.idempotencyKey == nil { return done(.follows(answers)) }
        let kept = context.idempotencyKey == nil ? [] : outcomes
        record(
            .imported(edges, requests: requests, outcomes: kept, actor: context.actor.rawValue), context, now: now)
        let answer = done(.follows(answers))
        for edge in edges { reconsider(edge.followee, now) }
        return answer
    }
}
