import StarlingSchema
import SwiftProtobuf

extension Sequencer {
    func createPost(_ post: NewPost, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        guard post.author == context.actor else {
            let reason = "it is \(post.author), but user \(context.actor) posts only for itself"
            throw .invalid(field: "authorId", reason: reason)
        }
        if let first = try firstAnswer(context, Self.isPost) { return first }
        try checkPost(post)
        try admit(needOfPosts(1, by: post.author) + needOfHold())
        return receipt(try append(post, context))
    }

    func importPosts(_ rows: [NewPost], _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        // Each row has a key of its own, so that a repetition after a crash adds only what is missing.
        let contexts = rows.enumerated().map { number, row in
            var rowContext = context
            rowContext.actor = row.author
            rowContext.idempotencyKey = context.idempotencyKey.map { key in
                "\(key)\(Self.importRowMark)\(context.actor)/\(number)"
            }
            return rowContext
        }
        // Before anything is added: another request under the key is refused as a whole.
        var added: [UserID: Int] = [:]
        for (row, rowContext) in zip(rows, contexts) where try firstAnswer(rowContext, Self.isPost) == nil {
            added[row.author, default: 0] += 1
        }
        var need = MemoryNeed()
        for (author, count) in added {
            need += needOfPosts(count, by: author)
            for _ in 0..<count { need += needOfHold() }
        }
        try admit(need)
        var results: [Result<PostID, EngineError>] = []
        results.reserveCapacity(rows.count)
        var replayedLSN: UInt64 = 0
        var addsPosts = false
        for (row, rowContext) in zip(rows, contexts) {
            do throws(EngineError) {
                if let first = try firstAnswer(rowContext, Self.isPost), let id = first.outcome.post {
                    replayedLSN = max(replayedLSN, first.lsn)
                    results.append(.success(id))
                } else {
                    try checkPost(row)
                    if let id = try append(row, rowContext).post { results.append(.success(id)) }
                    addsPosts = true
                }
            } catch {
                if case .unknownOutcome = error { throw error }
                results.append(.failure(error))
            }
        }
        guard replayedLSN > 0, !addsPosts else { return receipt(.posts(results)) }
        return WriteReceipt(lsn: replayedLSN, outcome: .posts(results), isReplay: true)
    }

    private func checkPost(_ post: NewPost) throws(EngineError) {
        try PostRules.check(post, now: now)
        try checkNotDeleted(post.author)
        if let original = post.replyTo { try checkOriginal(original, by: post.author) }
        if let original = post.repostOf { try checkOriginal(original, by: post.author) }
        guard state.posts.hasRoom else { throw .full("posts and comments (limits.posts)") }
        try checkUserRoom(for: [post.author])
    }

    /// Mints the id of a post that was checked and admitted, and records it.
    private func append(_ post: NewPost, _ context: WriteContext) throws(EngineError) -> CommandOutcome {
        try reconsiderFanoutMode(of: post.author)
        let id = state.mint.mint(milliseconds: post.createdAt ?? now, slot: Slot.of(post.author))
        let hold = holdOfNewPost(PostBody(post), post.verdict)
        let fact = Starling_V1_PostCreated.with {
            $0.postID = id.rawValue
            $0.authorID = post.author.rawValue
            $0.kind = Starling_V1_Post.Kind(rawValue: Int(post.kind.rawValue)) ?? .text
            $0.visibility = Starling_V1_Post.Visibility(rawValue: Int(post.visibility.rawValue)) ?? .public
            $0.replyTo = post.replyTo?.rawValue ?? 0
            $0.repostOf = post.repostOf?.rawValue ?? 0
            if let hold { $0.hold = hold }
        }
        let body = Starling_V1_PostBody.with {
            $0.text = post.text
            $0.mediaURL = post.mediaURL
            $0.thumbnailURL = post.thumbnailURL
        }
        try record(.postCreated(fact), context, body: body)
        guard let cause = hold.flatMap({ HoldCause($0) }) else { return .post(id) }
        return .heldPost(id, cause.state)
    }

    /// A post is answered or repeated only by who sees it.
    private func checkOriginal(_ id: PostID, by author: UserID) throws(EngineError) {
        _ = try postShown(id, to: author)
    }

    func deletePost(_ id: PostID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .deleted = $0 { true } else { false } }) { return first }
        guard let ordinal = state.posts.findPost(id, among: state.posts.count) else { throw .postNotFound(id) }
        let author = state.users.id(of: state.posts.rows[Int(ordinal)].author)
        guard author == context.actor else { throw .notAuthor(post: id, actor: context.actor) }
        guard state.posts.deletedLSN(ordinal) == 0 else {
            try acknowledge(.deletePost, context)
            return receipt(.deleted(changed: false))
        }
        if state.holds[ordinal].cause != .nothing { try admitEnd(.endedHold) }
        let fact = Starling_V1_PostDeleted.with {
            $0.postID = id.rawValue
            $0.authorID = author.rawValue
        }
        try record(.postDeleted(fact), context)
        return receipt(.deleted(changed: true))
    }

    private static func isPost(_ answer: IdempotencyTable.Answer) -> Bool {
        switch answer {
        case .post, .heldPost: true
        default: false
        }
    }
}
