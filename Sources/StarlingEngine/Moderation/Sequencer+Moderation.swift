import StarlingSchema
import SwiftProtobuf

/// Judgements on posts.
extension Sequencer {
    static let maximumReasonBytes = 1_000

    /// What holds back a new post that says this; nil when others see it at once.
    func holdOfNewPost(_ body: PostBody, _ verdict: ModerationVerdict?) -> Starling_V1_Hold? {
        switch moderation {
        case .off: nil
        case .outside: .with { $0.cause = .pending }
        case .rules: blockingReason(body, verdict).map(Self.holdByRules)
        }
    }

    /// What a changed body means for a post; nil when that stays as it is. What a moderator has blocked, only a moderator frees.
    func holdOfChange(_ body: PostBody, _ verdict: ModerationVerdict?, _ old: HoldCause) -> Starling_V1_Hold? {
        switch moderation {
        case .off: return nil
        case .outside: return old == .pending ? nil : .with { $0.cause = .pending }
        case .rules:
            if old == .moderator { return nil }
            if let reason = blockingReason(body, verdict) { return Self.holdByRules(reason) }
            return old == .rules ? .with { $0.cause = .nothing } : nil
        }
    }

    private static func holdByRules(_ reason: String) -> Starling_V1_Hold {
        .with {
            $0.cause = .rules
            $0.reason = reason
        }
    }

    /// Why the rules block it. Asks them unless those that are in force now were asked before.
    private func blockingReason(_ body: PostBody, _ verdict: ModerationVerdict?) -> String? {
        let rules = state.moderationRules.store.current
        if let verdict, verdict.version == rules.version { return verdict.reason }
        return rules.reason(for: body)
    }

    /// Memory that a post's hold takes, besides its deliveries.
    func needOfHold() -> MemoryNeed { moderation == .off ? MemoryNeed() : .heldPost }

    func approvePost(_ judgement: PostJudgement, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.approvePost)) { return first }
        let ordinal = try judged(judgement)
        guard state.holds[ordinal].cause != .nothing else {
            try acknowledge(.approvePost, context)
            return receipt(.changed(false))
        }
        var need = MemoryNeed.endedHold
        need += needOfRelease(of: ordinal)
        try admit(need)
        let approval = Starling_V1_PostApproved.with {
            $0.postID = judgement.post.rawValue
            $0.moderatorID = context.actor.rawValue
        }
        try record(.postApproved(approval), context)
        return receipt(.changed(true))
    }

    /// What the deliveries of a post take that was not shown before.
    func needOfRelease(of ordinal: PostOrdinal) -> MemoryNeed {
        guard state.holds[ordinal].isUndelivered else { return MemoryNeed() }
        return needOfPosts(1, by: state.users.id(of: state.posts.rows[Int(ordinal)].author))
    }

    func blockPost(
        _ judgement: PostJudgement, reason: String, _ context: WriteContext
    ) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.blockPost)) { return first }
        guard reason.utf8.count <= Self.maximumReasonBytes else {
            let problem = "\(reason.utf8.count) bytes; at most \(Self.maximumReasonBytes) are allowed"
            throw .invalid(field: "reason", reason: problem)
        }
        let ordinal = try judged(judgement)
        guard state.holds[ordinal].cause != .moderator else {
            try acknowledge(.blockPost, context)
            return receipt(.changed(false))
        }
        try admit(.heldPost)
        let block = Starling_V1_PostBlocked.with {
            $0.postID = judgement.post.rawValue
            $0.moderatorID = context.actor.rawValue
            $0.reason = reason
        }
        try record(.postBlocked(block), context)
        return receipt(.changed(true))
    }

    /// The post that is judged, in the version that was read.
    private func judged(_ judgement: PostJudgement) throws(EngineError) -> PostOrdinal {
        guard let ordinal = state.posts.findPost(judgement.post, among: state.posts.count), isThere(ordinal) else {
            throw .postNotFound(judgement.post)
        }
        if let version = judgement.version, version != state.posts.editCount(ordinal) {
            throw .editConflict(judgement.post)
        }
        return ordinal
    }

    func setModerationRules(_ rules: ModerationRules, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.setModerationRules)) { return first }
        guard !rules.isEqual(state.moderationRules.store.current) else {
            try acknowledge(.setModerationRules, context)
            return receipt(.changed(false))
        }
        let fact = Starling_V1_ModerationRulesChanged.with {
            $0.moderatorID = context.actor.rawValue
            $0.words = rules.words
            $0.patterns = rules.patterns
        }
        try record(.moderationRulesChanged(fact), context)
        return receipt(.changed(true))
    }
}
