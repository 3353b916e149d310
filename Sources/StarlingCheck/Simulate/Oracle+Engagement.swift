import StarlingEngine

extension Oracle {
    /// The place of a post, or why there is nothing to be done with it.
    private func post(_ id: UInt64, shownTo viewer: UInt64) -> (place: Int, refusal: Refusal?) {
        guard let place = model.place(of: id), !model.posts[place].isComment, !model.posts[place].isDeleted else {
            return (0, .postNotFound)
        }
        if model.isBlocked(viewer, fromAuthorOf: place) { return (place, .blocked) }
        return (place, model.sees(model.posts[place], viewer) ? nil : .postNotFound)
    }

    /// The place of a comment, or why there is nothing to be done with it.
    private func comment(_ id: UInt64, shownTo viewer: UInt64) -> (place: Int, refusal: Refusal?) {
        guard let place = model.place(of: id), !model.posts[place].isDeleted,
            let post = model.postPlace(ofCommentAt: place), !model.posts[post].isDeleted
        else { return (0, .commentNotFound) }
        if model.isBlocked(viewer, fromAuthorOf: post) || model.isBlocked(viewer, fromAuthorOf: place) {
            return (place, .blocked)
        }
        return (place, model.sees(model.posts[post], viewer) ? nil : .commentNotFound)
    }

    mutating func react(
        _ target: ReactionTarget, _ kind: ReactionKind?, _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        let operation = kind == nil ? AcknowledgedOperation.unreact : AcknowledgedOperation.react
        if let first = firstAnswer(context, now, Self.isChange(operation)) { return first }
        let actor = context.actor.rawValue
        let (place, refusal) =
            switch target {
            case .post(let id): post(id.rawValue, shownTo: actor)
            case .comment(let id): comment(id.rawValue, shownTo: actor)
            }
        if let refusal { return .refused(refusal) }
        guard model.number(of: actor).flatMap({ model.posts[place].reactions[$0] }) != kind else {
            acknowledge(operation, context, now)
            return done(.changed(false))
        }
        record(.reacted(user: actor, target: model.posts[place].id, kind: kind), context, now: now)
        return done(.changed(true))
    }

    mutating func createComment(_ comment: NewComment, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { if case .comment = $0 { true } else { false } }) { return first }
        if comment.text.isEmpty { return .refused(.invalid("text")) }
        if let refusal = post(comment.post.rawValue, shownTo: context.actor.rawValue).refusal {
            return .refused(refusal)
        }
        let fact = ExpectedFact.Comment(
            milliseconds: timeOfID(for: now), author: context.actor.rawValue, post: comment.post.rawValue,
            text: comment.text)
        record(.commented(fact), context, now: now)
        return done(.comment(lsn: lastLSN))
    }

    mutating func editComment(
        _ id: UInt64, _ text: String, _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.editComment)) { return first }
        if text.isEmpty { return .refused(.invalid("text")) }
        let actor = context.actor.rawValue
        let (place, refusal) = comment(id, shownTo: actor)
        if let refusal { return .refused(refusal) }
        guard model.posts[place].fact.author == actor else { return .refused(.notCommentAuthor) }
        record(.commentEdited(comment: id, author: actor, text: text), context, now: now)
        return done(.changed(true))
    }

    mutating func deleteComment(_ id: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.deleteComment)) { return first }
        guard let place = model.place(of: id), let post = model.postPlace(ofCommentAt: place) else {
            return .refused(.commentNotFound)
        }
        let actor = context.actor.rawValue
        guard [place, post].contains(where: { model.posts[$0].fact.author == actor }) else {
            return .refused(.notCommentAuthor)
        }
        if model.posts[place].isDeleted {
            acknowledge(AcknowledgedOperation.deleteComment, context, now)
            return done(.changed(false))
        }
        record(.commentDeleted(comment: id, user: actor), context, now: now)
        return done(.changed(true))
    }

    mutating func editPost(_ edit: PostEdit, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.editPost)) { return first }
        let actor = context.actor.rawValue
        let (place, refusal) = post(edit.post.rawValue, shownTo: actor)
        if let refusal { return .refused(refusal) }
        guard model.posts[place].fact.author == actor else { return .refused(.notAuthor) }
        guard model.posts[place].edits == edit.edits else { return .refused(.editConflict) }
        if edit.body.text.isEmpty, edit.body.mediaURL.isEmpty, edit.body.repostOf == nil {
            return .refused(.invalid("text"))
        }
        var fact = model.posts[place].fact
        fact.id = edit.post.rawValue
        fact.text = edit.body.text
        fact.mediaURL = edit.body.mediaURL
        fact.waits = rules.moderation == .outside && model.posts[place].state != .pending
        record(.edited(fact), context, now: now)
        return done(.changed(true))
    }

    mutating func markRead(upTo number: UInt64?, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, Self.isChange(AcknowledgedOperation.markRead)) { return first }
        let actor = context.actor.rawValue
        let mark = min(number ?? .max, lastLSN)
        guard model.number(of: actor) != nil, model.notifications.marks[actor] ?? 0 < mark else {
            acknowledge(AcknowledgedOperation.markRead, context, now)
            return done(.changed(false))
        }
        record(.marked(user: actor, upTo: mark), context, now: now)
        return done(.changed(true))
    }
}
