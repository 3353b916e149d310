import StarlingSchema
import SwiftProtobuf

extension Sequencer {
    func follow(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { Self.isEdge($0) { $0 != .none } }) {
            return first
        }
        try checkEdge(context.actor, target)
        try checkNotDeleted(target)
        if follows(context.actor, target) {
            try acknowledge(.follow, context)
            return receipt(.follow(FollowOutcome(follows: true, changed: false)))
        }
        try checkNotBlocked(context.actor, target)
        if isPrivate(target) { return try requestFollow(of: target, context) }
        try checkUserRoom(for: [context.actor, target])
        var need = needOfEdge(to: target)
        need += needOfSwitch(of: target, gained: 1)
        if isWaiting(context.actor, target) { need += .endedRequest }
        need += .notification
        try admit(need)
        let edge = Starling_V1_Followed.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
            $0.sinceMs = now
        }
        try record(.followed(edge), context)
        let answer = receipt(.follow(FollowOutcome(follows: true, changed: true)))
        try reconsiderFanoutMode(of: target)
        return answer
    }

    func unfollow(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { Self.isEdge($0) { $0 == .none } }) {
            return first
        }
        try checkEdge(context.actor, target)
        guard follows(context.actor, target) else {
            if isWaiting(context.actor, target) { return try cancelRequest(to: target, context) }
            try acknowledge(.unfollow, context)
            return receipt(.follow(FollowOutcome(follows: false, changed: false)))
        }
        let mayReconsider = try admitRemoval(of: target)
        let edge = Starling_V1_Unfollowed.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
        }
        try record(.unfollowed(edge), context)
        let answer = receipt(.follow(FollowOutcome(follows: false, changed: true)))
        if mayReconsider { try reconsiderFanoutMode(of: target) }
        return answer
    }

    private static func isEdge(_ answer: IdempotencyTable.Answer, _ isWanted: (FollowState) -> Bool) -> Bool {
        if case .follow(let edge) = answer { isWanted(edge.state) } else { false }
    }

    /// Nothing refuses an unfollow: in a full arena it takes nothing. Returns whether there is room for a switch to pull as well,
    /// which is due when the threshold was lowered since the author's last post; else that waits for another occasion.
    private func admitRemoval(of followee: UserID) throws(EngineError) -> Bool {
        var removal = MemoryNeed.removal
        removal += .notificationRemoval
        var need = removal
        need += needOfSwitch(of: followee)
        do throws(EngineError) {
            try admit(need)
            return true
        } catch {
            if mustWaitForWorkers { throw error }
            memory.admit(removal)
            return needOfSwitch(of: followee) == MemoryNeed()
        }
    }

    private func checkEdge(_ follower: UserID, _ followee: UserID) throws(EngineError) {
        if follower.rawValue == 0 { throw .invalid(field: "userId", reason: "a follower is needed; 0 is not an id") }
        if followee.rawValue == 0 { throw .invalid(field: "targetId", reason: "an account is needed; 0 is not an id") }
        if follower == followee { throw .selfFollow(follower) }
    }

    func follows(_ follower: UserID, _ followee: UserID) -> Bool {
        guard let first = state.users.index(of: follower), let second = state.users.index(of: followee) else {
            return false
        }
        return state.graph.follows(first, second)
    }

    func importFollows(_ rows: [NewFollow], _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(
            context, { if case .follows(let outcomes) = $0 { outcomes.count == rows.count } else { false } })
        {
            return namingRefusals(first, rows)
        }
        if !state.users.hasRoom(for: rows.count * 2) {
            try checkUserRoom(for: rows.flatMap { [$0.follower, $0.followee] })
        }
        var results: [Result<FollowOutcome, EngineError>] = []
        results.reserveCapacity(rows.count)
        var edges = Starling_V1_FollowsImported()
        var rowOutcomes: [UInt32] = []
        var batch = Set<NewEdge>(minimumCapacity: rows.count)
        let nowSeconds = UInt32(clamping: now / 1_000)
        var need = MemoryNeed()
        var gained: [UserID: Int] = [:]
        for row in rows {
            do throws(EngineError) {
                try checkEdge(row.follower, row.followee)
                try checkNotDeleted(row.follower)
                try checkNotDeleted(row.followee)
                let outcome = try self.outcome(of: row, &batch)
                switch outcome {
                case .added:
                    need += needOfEdge(to: row.followee)
                    if isWaiting(row.follower, row.followee) { need += .endedRequest }
                    gained[row.followee, default: 0] += 1
                    edges.users.append(row.follower.rawValue)
                    edges.targets.append(row.followee.rawValue)
                    edges.sinceEach.append(UInt64(row.sinceSeconds ?? nowSeconds) * 1_000)
                case .requested:
                    need += .request
                    edges.requestingUsers.append(row.follower.rawValue)
                    edges.requestedTargets.append(row.followee.rawValue)
                    edges.requestedMs = now
                case .present, .waiting, .refused: break
                }
                rowOutcomes.append(outcome.rawValue)
                results.append(Self.result(outcome))
            } catch {
                rowOutcomes.append(FactAnswer.Row.refused.rawValue)
                results.append(.failure(error))
            }
        }
        let changesNothing = edges.users.isEmpty && edges.requestingUsers.isEmpty
        guard !changesNothing || context.idempotencyKey != nil else { return receipt(.follows(results)) }
        for (followee, count) in gained { need += needOfSwitch(of: followee, gained: count) }
        try admit(need)
        if let since = edges.sinceEach.first, edges.sinceEach.allSatisfy({ $0 == since }) {
            edges.sinceMs = since
            edges.sinceEach = []
        }
        edges.actorID = context.actor.rawValue
        if context.idempotencyKey != nil { edges.rowOutcomes = rowOutcomes }
        try record(.followsImported(edges), context)
        let answer = receipt(.follows(results))
        for target in edges.targets { try reconsiderFanoutMode(of: UserID(rawValue: target)) }
        return answer
    }

    /// What becomes of a row, after those before it: `batch` are the edges and requests that they add.
    private func outcome(of row: NewFollow, _ batch: inout Set<NewEdge>) throws(EngineError) -> FactAnswer.Row {
        if follows(row.follower, row.followee) { return .present }
        try checkNotBlocked(row.follower, row.followee)
        let isPrivate = isPrivate(row.followee)
        if isPrivate {
            if isWaiting(row.follower, row.followee) { return .waiting }
            try checkRequestNumber(of: row.followee)
        }
        if batch.insert(NewEdge(follower: row.follower, followee: row.followee)).inserted {
            return isPrivate ? .requested : .added
        }
        return isPrivate ? .waiting : .present
    }

    private struct NewEdge: Hashable {
        var follower: UserID
        var followee: UserID
    }

    /// The first answer with the reasons of refused rows, as far as they lie in the rows: those are the same again.
    private func namingRefusals(_ first: WriteReceipt, _ rows: [NewFollow]) -> WriteReceipt {
        guard case .follows(var outcomes) = first.outcome else { return first }
        for (place, row) in rows.enumerated() {
            guard case .failure = outcomes[place] else { continue }
            do throws(EngineError) {
                try checkEdge(row.follower, row.followee)
            } catch {
                outcomes[place] = .failure(error)
            }
        }
        return WriteReceipt(lsn: first.lsn, outcome: .follows(outcomes), isReplay: true)
    }
}
