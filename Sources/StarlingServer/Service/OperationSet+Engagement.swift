import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// EngagementService.
    func bindEngagement(_ bindings: inout Bindings) {
        bindings.bind("React", react)
        bindings.bind("Unreact", unreact)
        bindings.bind("Reactions", reactions)
        bindings.bind("CreateComment", createComment)
        bindings.bind("EditComment", editComment)
        bindings.bind("DeleteComment", deleteComment)
        bindings.bind("Comments", comments)
        bindings.bind("GetComment", getComment)
        bindings.bind("ReactToComment", reactToComment)
        bindings.bind("UnreactToComment", unreactToComment)
    }

    @Sendable
    private func react(
        _ request: Starling_V1_ReactRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_ReactResponse>
    ) {
        let target = ReactionTarget.post(PostID(rawValue: request.postID))
        setReaction(request.userID, target, request.kind.engineKind, call, respond)
    }

    @Sendable
    private func unreact(
        _ request: Starling_V1_UnreactRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_ReactResponse>
    ) {
        setReaction(request.userID, .post(PostID(rawValue: request.postID)), nil, call, respond)
    }

    @Sendable
    private func reactToComment(
        _ request: Starling_V1_ReactToCommentRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ReactResponse>
    ) {
        let target = ReactionTarget.comment(PostID(rawValue: request.commentID))
        setReaction(request.userID, target, request.kind.engineKind, call, respond)
    }

    @Sendable
    private func unreactToComment(
        _ request: Starling_V1_UnreactToCommentRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ReactResponse>
    ) {
        setReaction(request.userID, .comment(PostID(rawValue: request.commentID)), nil, call, respond)
    }

    /// Submits a reaction, and reads the counters once the write is visible.
    private func setReaction(
        _ user: UInt64, _ target: ReactionTarget, _ kind: ReactionKind?, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ReactResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: user)
            engine.submit(.react(target, kind), call.write(by: actor)) { [engine] result in
                switch result {
                case .failure(let error): respond(.failure(Problem(error)))
                case .success(let receipt):
                    engine.counts(of: target.id, minimumLSN: receipt.lsn) { counts in
                        respond(Self.reactAnswer(receipt, counts))
                    }
                }
            }
        }
    }

    /// The write is done: when its counters cannot be read, they are left out.
    private static func reactAnswer(
        _ receipt: WriteReceipt, _ counts: Result<PostCounts?, EngineError>
    ) -> Result<Reply<Starling_V1_ReactResponse>, Problem> {
        guard case .changed(let changed) = receipt.outcome else {
            preconditionFailure("a reaction is answered with whether it changed anything")
        }
        let response = Starling_V1_ReactResponse.with {
            $0.changed = changed
            if case .success(let counts?) = counts { $0.counts = PostMessage.make(counts) }
            $0.lsn = receipt.lsn
            $0.durability = receipt.durability.schema
        }
        return .success(Reply(response: response, isReplay: receipt.isReplay))
    }

    @Sendable
    private func reactions(
        _ request: Starling_V1_ReactionsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ReactionsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let post = PostID(rawValue: request.postID)
            let position = try cursors.position(request.cursor, of: .reactions, owner: post)
            engine.reactions(
                to: post, viewer: call.context.actor, from: position,
                limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN,
                completion: reading(respond) { [self] (page: ReactionPage?) throws(Problem) in
                    guard let page else { throw Problem(.postNotFound(post)) }
                    return .with {
                        $0.items = page.entries.map { entry in
                            .with {
                                $0.userID = entry.user.rawValue
                                $0.kind = entry.kind.schema
                            }
                        }
                        if let next = page.next { $0.nextCursor = cursors.cursor(next, of: .reactions, owner: post) }
                    }
                })
        }
    }

    @Sendable
    private func createComment(
        _ request: Starling_V1_CreateCommentRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_CreateCommentResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let author = try call.actor(named: request.authorID)
            let comment = NewComment(post: PostID(rawValue: request.postID), text: request.text)
            submit(.createComment(comment), call.write(by: author), respond) { receipt in
                guard case .comment(let id) = receipt.outcome else {
                    preconditionFailure("a comment is answered with its id")
                }
                return .with {
                    $0.comment = .with {
                        $0.id = id.rawValue
                        $0.postID = comment.post.rawValue
                        $0.authorID = author.rawValue
                        $0.text = comment.text
                        $0.createdAt = Google_Protobuf_Timestamp(milliseconds: id.milliseconds)
                        $0.counts = Starling_V1_PostCounts()
                    }
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func editComment(
        _ request: Starling_V1_EditCommentRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_EditCommentResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let author = try call.actor(named: request.authorID)
            let id = PostID(rawValue: request.commentID)
            changing(.editComment(id, request.text), id, call.write(by: author), respond) {
                [self] (receipt, content) throws(Problem) in
                let bodies = try readBodies([content.entry])
                return .with {
                    $0.comment = CommentMessage.make(content, body: bodies[0])
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func deleteComment(
        _ request: Starling_V1_DeleteCommentRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_DeleteCommentResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: request.userID)
            submit(.deleteComment(PostID(rawValue: request.commentID)), call.write(by: actor), respond) { receipt in
                guard case .changed(let changed) = receipt.outcome else {
                    preconditionFailure("a deletion is answered with whether it changed anything")
                }
                return .with {
                    $0.changed = changed
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func comments(
        _ request: Starling_V1_CommentsRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_CommentsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let post = PostID(rawValue: request.postID)
            let position = try cursors.position(request.cursor, of: .comments, owner: post)
            engine.comments(
                on: post, viewer: call.context.actor, from: position,
                limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN,
                completion: readingBodies(respond) { [self] (page: PostPage?) throws(Problem) in
                    guard let page else { throw Problem(.postNotFound(post)) }
                    let bodies = try readBodies(page.entries)
                    return .with {
                        $0.items = page.entries.indices.map { place in
                            CommentMessage.make(
                                page.entries[place], on: post, page.details[place], body: bodies[place])
                        }
                        if let next = page.next { $0.nextCursor = cursors.cursor(next, of: .comments, owner: post) }
                    }
                })
        }
    }

    @Sendable
    private func getComment(
        _ request: Starling_V1_GetCommentRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_Comment>
    ) {
        let id = PostID(rawValue: request.commentID)
        engine.comment(
            id, viewer: call.context.actor, minimumLSN: call.context.minimumLSN,
            completion: readingBodies(respond) { [self] (comment: CommentEntry?) throws(Problem) in
                guard let comment else { throw Problem(.commentNotFound(id)) }
                let bodies = try readBodies([comment.entry])
                return CommentMessage.make(comment.entry, on: comment.post, comment.detail, body: bodies[0])
            })
    }
}

extension ReactionTarget {
    /// The id of the post or comment.
    fileprivate var id: PostID {
        switch self {
        case .post(let id), .comment(let id): id
        }
    }
}

extension Starling_V1_ReactionKind {
    /// The engine's own; numbers that this version does not know are refused when the request is decoded.
    var engineKind: ReactionKind { ReactionKind(rawValue: UInt8(clamping: rawValue)) ?? .like }
}

extension ReactionKind {
    /// The kind as the schema shows it.
    var schema: Starling_V1_ReactionKind { Starling_V1_ReactionKind(rawValue: Int(rawValue)) ?? .like }
}
