import StarlingEngine
import StarlingSystem

extension Oracle {
    private static func isPost(_ answer: KeyModel.Answer) -> Bool { if case .post = answer { true } else { false } }

    mutating func createPost(_ post: NewPost, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        guard post.author == context.actor else { return .refused(.invalid("authorId")) }
        if let first = firstAnswer(context, now, Self.isPost) { return first }
        if let refusal = append(post, context, now) { return .refused(refusal) }
        return done(.post(lsn: lastLSN))
    }

    /// Records a post, or says why it may not be.
    private mutating func append(_ post: NewPost, _ context: WriteContext, _ now: UInt64) -> Refusal? {
        if post.author.rawValue == 0 { return .invalid("authorId") }
        if post.text.isEmpty, post.mediaURL.isEmpty, post.repostOf == nil { return .invalid("text") }
        if let createdAt = post.createdAt, createdAt > now { return .invalid("createdAt") }
        for original in [post.replyTo, post.repostOf] {
            guard let original else { continue }
            guard let place = model.place(of: original.rawValue), !model.posts[place].isComment,
                !model.posts[place].isDeleted
            else {
                return .postNotFound
            }
            let author = post.author.rawValue
            if isBlocked(author, model.posts[place].fact.author) { return .blocked }
            if !model.sees(model.posts[place], author) { return .postNotFound }
        }
        reconsider(post.author.rawValue, now)
        let fact = ExpectedFact.Post(
            milliseconds: timeOfID(for: post.createdAt ?? now), author: post.author.rawValue, text: post.text,
            kind: post.kind, mediaURL: post.mediaURL,
            isPublic: post.visibility == .public, replyTo: post.replyTo?.rawValue ?? 0,
            repostOf: post.repostOf?.rawValue ?? 0, waits: rules.moderation == .outside)
        record(.posted(fact), context, now: now)
        return nil
    }

    mutating func createPosts(_ batch: PostBatch, _ now: UInt64) -> ExpectedAnswer {
        if rules.moderation != .off { return .refused(.invalid("rows")) }
        let results = batch.posts.map { post in
            append(post, WriteContext(actor: post.author), now) == nil ? lastLSN : nil
        }
        return done(.posts(results))
    }

    mutating func importPosts(_ rows: [NewPost], _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        let contexts = rows.enumerated().map { number, row in
            var own = context
            own.actor = row.author
            own.idempotencyKey = context.idempotencyKey.map { "\($0)\u{1f}\(context.actor)/\(number)" }
            return own
        }
        for own in contexts {
            if case .refused(let refusal)? = firstAnswer(own, now, Self.isPost) { return .refused(refusal) }
        }
        var results: [UInt64?] = []
        var replayed: UInt64 = 0
        var addsPosts = false
        for (row, own) in zip(rows, contexts) {
            switch firstAnswer(own, now, Self.isPost) {
            case .accepted(let lsn, .post(let post), _)?:
                replayed = lsn
                results.append(post)
            case .refused?: results.append(nil)
            default:
                let refusal = append(row, own, now)
                if refusal == nil { addsPosts = true }
                results.append(refusal == nil ? lastLSN : nil)
            }
        }
        if replayed > 0, !addsPosts { return .accepted(lsn: replayed, .posts(results), isReplay: true) }
        return done(.posts(results))
    }

    mutating func deletePost(_ id: UInt64, _ context: WriteContext, _ now: UInt64) -> ExpectedAnswer {
        if let first = firstAnswer(context, now, { if case .deleted = $0 { true } else { false } }) { return first }
        guard let place = model.place(of: id), !model.posts[place].isComment else { return .refused(.postNotFound) }
        let post = model.posts[place]
        guard post.fact.author == context.actor.rawValue else { return .refused(.notAuthor) }
        if post.isDeleted {
            acknowledge(AcknowledgedOperation.deletePost, context, now)
            return done(.deleted(changed: false))
        }
        record(.deleted(post: id, author: post.fact.author), context, now: now)
        return done(.deleted(changed: true))
    }

    /// Approves a post, or with a reason blocks it.
    mutating func judge(
        _ judgement: PostJudgement, reason: String?, _ context: WriteContext, _ now: UInt64
    ) -> ExpectedAnswer {
        let operation = reason == nil ? AcknowledgedOperation.approvePost : AcknowledgedOperation.blockPost
        if let first = firstAnswer(context, now, Self.isChange(operation)) { return first }
        let id = judgement.post.rawValue
        guard let place = model.place(of: id), !model.posts[place].isComment, !model.posts[place].isDeleted else {
            return .refused(.postNotFound)
        }
        if let version = judgement.version, version != model.posts[place].edits { return .refused(.editConflict) }
        guard model.posts[place].state != (reason == nil ? .published : .blocked) else {
            acknowledge(operation, context, now)
            return done(.changed(false))
        }
        let moderator = context.actor.rawValue
        record(
            .judged(post: id, isShown: reason == nil, reason: reason ?? "", moderator: moderator), context, now: now)
        return done(.changed(true))
    }
}
