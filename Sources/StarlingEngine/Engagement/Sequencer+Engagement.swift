import StarlingMemory
import StarlingSchema
import SwiftProtobuf

/// Reactions, comments, changed posts and read marks: checked, recorded, folded.
extension Sequencer {
    func react(
        _ target: ReactionTarget, _ kind: ReactionKind?, _ context: WriteContext
    ) throws(EngineError) -> WriteReceipt {
        let operation: FactAnswer.Operation = kind == nil ? .unreact : .react
        if let first = try firstAnswer(context, Self.isChange(operation)) { return first }
        try checkActor(context)
        let ordinal: PostOrdinal =
            switch target {
            case .post(let id): try postShown(id, to: context.actor)
            case .comment(let id): try commentShown(id, to: context.actor)
            }
        let user = state.users.index(of: context.actor)
        guard user.flatMap({ state.reactions.kind(of: $0, on: ordinal) }) != kind else {
            try acknowledge(operation, context)
            return receipt(.changed(false))
        }
        let id = state.posts.rows[Int(ordinal)].id
        if let kind {
            try checkUserRoom(for: [context.actor])
            try admit(.reaction)
            let reaction = Starling_V1_Reacted.with {
                $0.userID = context.actor.rawValue
                $0.targetID = id
                $0.kind = Starling_V1_ReactionKind(rawValue: Int(kind.rawValue)) ?? .like
            }
            try record(.reacted(reaction), context)
        } else {
            try admitAlways(.reactionRemoval)
            let reaction = Starling_V1_Unreacted.with {
                $0.userID = context.actor.rawValue
                $0.targetID = id
            }
            try record(.unreacted(reaction), context)
        }
        return receipt(.changed(true))
    }

    func createComment(_ comment: NewComment, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .comment = $0 { true } else { false } }) { return first }
        try checkActor(context)
        try PostRules.checkComment(comment.text)
        _ = try postShown(comment.post, to: context.actor)
        guard state.posts.hasRoom else { throw .full("posts and comments (limits.posts)") }
        try checkUserRoom(for: [context.actor])
        try admit(.comment)
        let id = state.mint.mint(milliseconds: now, slot: Slot.of(context.actor))
        let fact = Starling_V1_CommentCreated.with {
            $0.commentID = id.rawValue
            $0.postID = comment.post.rawValue
            $0.authorID = context.actor.rawValue
        }
        try record(.commentCreated(fact), context, body: Starling_V1_PostBody.with { $0.text = comment.text })
        return receipt(.comment(id))
    }

    func editComment(_ id: PostID, _ text: String, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.editComment)) { return first }
        try PostRules.checkComment(text)
        let ordinal = try commentShown(id, to: context.actor)
        guard state.users.id(of: state.posts.rows[Int(ordinal)].author) == context.actor else {
            throw .notCommentAuthor(comment: id, actor: context.actor)
        }
        let fact = Starling_V1_CommentEdited.with {
            $0.commentID = id.rawValue
            $0.authorID = context.actor.rawValue
        }
        try record(.commentEdited(fact), context, body: Starling_V1_PostBody.with { $0.text = text })
        return receipt(.changed(true))
    }

    func deleteComment(_ id: PostID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.deleteComment)) { return first }
        guard let ordinal = state.posts.findComment(id, among: state.posts.count) else { throw .commentNotFound(id) }
        let comment = state.posts.rows[Int(ordinal)]
        let post = state.posts.rows[Int(comment.parent)]
        guard [comment.author, post.author].contains(where: { state.users.id(of: $0) == context.actor }) else {
            throw .notCommentAuthor(comment: id, actor: context.actor)
        }
        guard state.posts.deletedLSN(ordinal) == 0 else {
            try acknowledge(.deleteComment, context)
            return receipt(.changed(false))
        }
        try admitAlways(.notificationRemoval)
        let fact = Starling_V1_CommentDeleted.with {
            $0.commentID = id.rawValue
            $0.userID = context.actor.rawValue
        }
        try record(.commentDeleted(fact), context)
        return receipt(.changed(true))
    }

    func editPost(_ edit: PostEdit, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.editPost)) { return first }
        let ordinal = try postShown(edit.post, to: context.actor)
        guard state.users.id(of: state.posts.rows[Int(ordinal)].author) == context.actor else {
            throw .notAuthor(post: edit.post, actor: context.actor)
        }
        guard state.posts.editCount(ordinal) == edit.edits else { throw .editConflict(edit.post) }
        try PostRules.check(edit.body)
        let hold = holdOfChange(edit.body, edit.verdict, state.holds[ordinal].cause)
        if let hold {
            var need = MemoryNeed.heldPost
            if hold.cause == .nothing { need += needOfRelease(of: ordinal) }
            try admit(need)
        }
        let fact = Starling_V1_PostEdited.with {
            $0.postID = edit.post.rawValue
            $0.authorID = context.actor.rawValue
            $0.kind = Starling_V1_Post.Kind(rawValue: Int(edit.body.kind.rawValue)) ?? .text
            $0.visibility = Starling_V1_Post.Visibility(rawValue: Int(edit.body.visibility.rawValue)) ?? .public
            $0.replyTo = edit.body.replyTo?.rawValue ?? 0
            $0.repostOf = edit.body.repostOf?.rawValue ?? 0
            if let hold { $0.hold = hold }
        }
        let words = Starling_V1_PostBody.with {
            $0.text = edit.body.text
            $0.mediaURL = edit.body.mediaURL
            $0.thumbnailURL = edit.body.thumbnailURL
        }
        try record(.postEdited(fact), context, body: words)
        return receipt(.changed(true))
    }

    /// `number` nil marks all that there are. The mark stops at the newest record, so nothing is read before it has happened.
    func markRead(upTo number: UInt64?, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isChange(.markRead)) { return first }
        try checkActor(context)
        let mark = min(number ?? .max, state.lastLSN)
        guard let user = state.users.index(of: context.actor), state.readMarks.rows[Int(user)] < mark else {
            try acknowledge(.markRead, context)
            return receipt(.changed(false))
        }
        let fact = Starling_V1_NotificationsRead.with {
            $0.userID = context.actor.rawValue
            $0.upTo = mark
        }
        try record(.notificationsRead(fact), context)
        return receipt(.changed(true))
    }

    /// The post, if it is there and the user may see it.
    func postShown(_ id: PostID, to user: UserID) throws(EngineError) -> PostOrdinal {
        guard let ordinal = state.posts.findPost(id, among: state.posts.count), isThere(ordinal) else {
            throw .postNotFound(id)
        }
        try checkVisible(ordinal, to: user)
        return ordinal
    }

    /// Whether neither the post or comment nor its author was deleted.
    func isThere(_ ordinal: PostOrdinal) -> Bool {
        state.posts.deletedLSN(ordinal) == 0 && !state.accounts.isDeleted(state.posts.rows[Int(ordinal)].author)
    }

    /// The comment, if it and its post are there and the user may see both.
    private func commentShown(_ id: PostID, to user: UserID) throws(EngineError) -> PostOrdinal {
        guard let ordinal = state.posts.findComment(id, among: state.posts.count), isThere(ordinal) else {
            throw .commentNotFound(id)
        }
        let row = state.posts.rows[Int(ordinal)]
        guard isThere(row.parent) else { throw .commentNotFound(id) }
        do throws(EngineError) {
            try checkVisible(row.parent, to: user)
        } catch {
            if case .postNotFound = error { throw .commentNotFound(id) }
            throw error
        }
        try checkNotBlocked(user, state.users.id(of: row.author))
        return ordinal
    }

    private func checkActor(_ context: WriteContext) throws(EngineError) {
        if context.actor.rawValue == 0 {
            throw .invalid(field: "userId", reason: "somebody has to act; 0 is not an id")
        }
    }

    /// What only takes away is refused by no full arena: there it takes nothing.
    private func admitAlways(_ need: MemoryNeed) throws(EngineError) {
        do throws(EngineError) {
            try admit(need)
        } catch {
            if mustWaitForWorkers { throw error }
            memory.admit(need)
        }
    }

    static func isChange(_ operation: FactAnswer.Operation) -> (IdempotencyTable.Answer) -> Bool {
        { if case .changed(operation, _) = $0 { true } else { false } }
    }
}
