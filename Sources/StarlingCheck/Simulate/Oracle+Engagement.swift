import StarlingEngine

extension Oracle {
    private static func isChange(_ operation: UInt32) -> (KeyModel.Answer) -> Bool {
        { if case .changed(operation, _) = $0 { true } else { false } }
    }

    mutating func react(
        _ target: ReactionTarget, _ kind: ReactionKind?, _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        let operation = kind == nil ? AcknowledgedOperation.unreact : AcknowledgedOperation.react
        if let first = firstAnswer(context, now, Self.isChange(operation)) { return first }
        let actor = context.actor.rawValue
        let found: Int?
        switch target {
        case .post(let id):
            found = model.shownPost(id.rawValue, to: actor)
            if found == nil { return .refused(.postNotFound) }
        case .comment(let id):
            found = model.shownComment(id.rawValue, to: actor)
            if found == nil { return .refused(.commentNotFound) }
        }
        guard let place = found else { return .refused(.postNotFound) }
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
        guard model.shownPost(comment.post.rawValue, to: context.actor.rawValue) != nil else {
            return .refused(.postNotFound)
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
        guard let place = model.shownComment(id, to: actor) else { return .refused(.commentNotFound) }
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
        guard let place = model.shownPost(edit.post.rawValue, to: actor) else { return .refused(.postNotFound) }
        guard model.posts[place].fact.author == actor else { return .refused(.notAuthor) }
        guard model.posts[place].edits == edit.edits else { return .refused(.editConflict) }
        if edit.body.text.isEmpty, edit.body.mediaURL.isEmpty, edit.body.repostOf == nil {
            return .refused(.invalid("text"))
        }
        var fact = model.posts[place].fact
        fact.id = edit.post.rawValue
        fact.text = edit.body.text
        fact.mediaURL = edit.body.mediaURL
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
