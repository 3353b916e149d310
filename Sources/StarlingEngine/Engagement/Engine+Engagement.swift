/// Reading reactions, comments and notifications. As with other reads, `minimumLSN` waits for a record, at most a second.
extension Engine {
    /// A page of the comments on a post, newest first: entries are comments, with their ids as `PostEntry.post`. Nil when there is
    /// no such post, or none that `viewer` may see.
    public func comments(
        on post: PostID, viewer: UserID?, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<PostPage?, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { PostOrdinal(clamping: $0.rawValue) } ?? .max
        onWorker(of: viewer ?? UserID(rawValue: 0), minimumLSN: minimumLSN, completion) { worker in
            worker.commentPage(of: post, viewer: viewer, below: bound, limit: limit)
        }
    }

    /// One comment; nil when it or its post is gone, or when `viewer` may not see the post.
    public func comment(
        _ id: PostID, viewer: UserID?, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<CommentEntry?, EngineError>) -> Void
    ) {
        onWorker(of: viewer ?? UserID(rawValue: 0), minimumLSN: minimumLSN, completion) { worker in
            worker.comment(id, viewer: viewer)
        }
    }

    /// A page of those who reacted to a post; nil when there is no such post, or none that `viewer` may see. Asks the worker of
    /// the viewer and that of the author.
    public func reactions(
        to post: PostID, viewer: UserID?, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<ReactionPage?, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UserIndex(clamping: $0.rawValue) }
        let readPage: @Sendable (UserID?) -> Void = { [self] author in
            guard let author else { return completion(.success(nil)) }
            onWorker(of: author, minimumLSN: minimumLSN, completion) { worker in
                worker.reactorPage(of: post, after: bound, limit: limit)
            }
        }
        let findAuthor: @Sendable (Result<UserID?, EngineError>) -> Void = { result in
            switch result {
            case .success(let author): readPage(author)
            case .failure(let error): completion(.failure(error))
            }
        }
        onWorker(of: viewer ?? UserID(rawValue: 0), minimumLSN: minimumLSN, findAuthor) { worker in
            worker.lookUp([post], viewer: viewer).found.first?.author
        }
    }

    /// Counters of a post or comment, deleted or not; nil when there is none.
    public func counts(
        of id: PostID, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<PostCounts?, EngineError>) -> Void
    ) {
        onWorker(of: UserID(rawValue: 0), minimumLSN: minimumLSN, completion) { worker in worker.counts(of: id) }
    }

    /// A page of a user's notifications, newest first. One that no record has used yet has none.
    public func notifications(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<NotificationPage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        onWorker(of: user, minimumLSN: minimumLSN, completion) { worker in
            worker.notificationPage(of: user, below: position?.rawValue ?? .max, limit: limit)
        }
    }

    /// What a change of a post begins with: the post with its newest committed body; nil when there is none that `author` may see.
    public func changeablePost(
        _ id: PostID, by author: UserID,
        completion: @escaping @Sendable (Result<ChangeablePost?, EngineError>) -> Void
    ) {
        // A client may change what it has just created.
        onWorker(of: author, minimumLSN: publishedLSN, completion) { worker in worker.changeable(id, by: author) }
    }

    /// A post or comment as the record `lsn` has changed it, for the answer to that write.
    public func changedContent(
        _ id: PostID, at lsn: UInt64, viewer: UserID,
        completion: @escaping @Sendable (Result<ChangedContent?, EngineError>) -> Void
    ) {
        onWorker(of: viewer, minimumLSN: lsn, completion) { worker in worker.changed(id, at: lsn, viewer: viewer) }
    }
}
