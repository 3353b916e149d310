import StarlingSchema
import SwiftProtobuf

/// Blocks and mutes.
extension Sequencer {
    /// Throws when one of the two blocks the other: no follow, comment or reaction between them.
    func checkNotBlocked(_ actor: UserID, _ other: UserID) throws(EngineError) {
        guard let first = state.users.index(of: actor), let second = state.users.index(of: other) else { return }
        if state.isBlocked(first, second) { throw .blocked(other) }
    }

    /// Throws unless `actor` may see the post and do something with it: `blocked` between accounts of which one blocks the
    /// other, `postNotFound` for what is not shown to the actor, as when it were not there.
    func checkVisible(_ post: PostOrdinal, to actor: UserID) throws(EngineError) {
        let row = state.posts.rows[Int(post)]
        let author = state.users.id(of: row.author)
        if author == actor { return }
        try checkNotBlocked(actor, author)
        if state.holds[post].cause != .nothing { throw .postNotFound(PostID(rawValue: row.id)) }
        let isForAll = row.visibility == PostVisibility.public.rawValue && !state.graph.isPrivate(row.author)
        if !isForAll, !follows(actor, author) { throw .postNotFound(PostID(rawValue: row.id)) }
    }

    func block(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.block)) { return first }
        try checkPair(context.actor, target, "block")
        try checkNotDeleted(target)
        if value(.blocks, context.actor, target) != nil {
            try acknowledge(.block, context)
            return receipt(.changed(false))
        }
        try checkUserRoom(for: [context.actor, target])
        let edges = [(context.actor, target), (target, context.actor)].filter { follows($0.0, $0.1) }
        var need = MemoryNeed.block
        for (_, followee) in edges { need += needOfSwitch(of: followee) }
        try admit(need)
        let block = Starling_V1_Blocked.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
            $0.sinceMs = now
        }
        try record(.blocked(block), context)
        let answer = receipt(.changed(true))
        for (_, followee) in edges { try reconsiderFanoutMode(of: followee) }
        return answer
    }

    func unblock(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.unblock)) { return first }
        try checkPair(context.actor, target, "unblock")
        guard value(.blocks, context.actor, target) != nil else {
            try acknowledge(.unblock, context)
            return receipt(.changed(false))
        }
        try admitEnd(.endedRelation)
        let block = Starling_V1_Unblocked.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
        }
        try record(.unblocked(block), context)
        return receipt(.changed(true))
    }

    func mute(_ target: UserID, until: UInt32?, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.mute)) { return first }
        try checkPair(context.actor, target, "mute")
        try checkNotDeleted(target)
        if let until, until <= nowSeconds || until == RelationSets.forever {
            throw .invalid(field: "expiresAt", reason: "it must lie in the future, and before 2106")
        }
        if activeMute(context.actor, target) == until ?? RelationSets.forever {
            try acknowledge(.mute, context)
            return receipt(.changed(false))
        }
        try checkUserRoom(for: [context.actor, target])
        try admit(.mute)
        let mute = Starling_V1_Muted.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
            $0.untilSeconds = until ?? 0
        }
        try record(.muted(mute), context)
        return receipt(.changed(true))
    }

    func unmute(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.unmute)) { return first }
        try checkPair(context.actor, target, "unmute")
        guard activeMute(context.actor, target) != nil else {
            try acknowledge(.unmute, context)
            return receipt(.changed(false))
        }
        try admitEnd(.endedRelation)
        let mute = Starling_V1_Unmuted.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
        }
        try record(.unmuted(mute), context)
        return receipt(.changed(true))
    }

    private func checkPair(_ user: UserID, _ target: UserID, _ verb: String) throws(EngineError) {
        if user.rawValue == 0 { throw .invalid(field: "userId", reason: "an account is needed; 0 is not an id") }
        if target.rawValue == 0 { throw .invalid(field: "targetId", reason: "an account is needed; 0 is not an id") }
        if user == target { throw .invalid(field: "targetId", reason: "an account cannot \(verb) itself") }
    }

    /// The end of a mute that has not come yet.
    private func activeMute(_ user: UserID, _ target: UserID) -> UInt32? {
        value(.mutes, user, target).flatMap { $0 > nowSeconds ? $0 : nil }
    }

    private var nowSeconds: UInt32 { SequencerState.seconds(now) }

    private func value(_ kind: RelationSets.Kind, _ user: UserID, _ target: UserID) -> UInt32? {
        guard let first = state.users.index(of: user), let second = state.users.index(of: target) else { return nil }
        return state.relations.find(kind, of: first, second)
    }

    /// Nothing refuses the end of something: in a full arena it takes nothing.
    func admitEnd(_ need: MemoryNeed) throws(EngineError) {
        do throws(EngineError) {
            try admit(need)
        } catch {
            if mustWaitForWorkers { throw error }
            memory.admit(need)
        }
    }
}
