import StarlingSchema

/// A post as a moderator reads it.
public struct ModeratedPostEntry: Sendable {
    /// The post. Its body is read by `Engine.bodies(of:)`.
    public let entry: PostEntry
    /// What others did with it, and whether they see it.
    public let detail: PostDetail
}

/// Moderation. As with other reads, `minimumLSN` waits for a record, at most a second.
extension Engine {
    /// A page of the posts that wait for a moderator, oldest first.
    public func pendingPosts(
        from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<PostPage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { PostOrdinal(clamping: $0.rawValue) } ?? 0
        onWorker(0, minimumLSN: minimumLSN, completion) { worker in worker.pendingPage(after: bound, limit: limit) }
    }

    /// A post, deleted or not, whoever may see it, for a moderator; nil when there is none.
    public func moderatedPost(
        _ id: PostID, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<ModeratedPostEntry?, EngineError>) -> Void
    ) {
        onWorker(0, minimumLSN: minimumLSN, completion) { worker in worker.moderatedPost(id) }
    }

    /// Why posts were blocked, by the numbers of the notifications that say so; none for a record that retention has removed. Reads
    /// the log, so it may block for the disk.
    public func blockReasons(of entries: [NotificationEntry]) throws(EngineError) -> [UInt64: String] {
        let numbers = entries.filter { $0.kind == .postBlocked }.map(\.number)
        if numbers.isEmpty { return [:] }
        do {
            return try bodies.blockReasons(in: numbers)
        } catch {
            throw .unreadableBody("\(error)")
        }
    }

    /// The command with what the rules say of its posts, so that the sequencer need not ask them.
    func judged(_ command: Command) -> Command {
        guard configuration.moderation == .rules else { return command }
        let rules = moderationRules.current
        func verdict(_ body: PostBody) -> ModerationVerdict {
            ModerationVerdict(version: rules.version, reason: rules.reason(for: body))
        }
        switch command {
        case .createPost(var post):
            post.verdict = verdict(PostBody(post))
            return .createPost(post)
        case .importPosts(var posts):
            for place in posts.indices { posts[place].verdict = verdict(PostBody(posts[place])) }
            return .importPosts(posts)
        case .editPost(var edit):
            edit.verdict = verdict(edit.body)
            return .editPost(edit)
        default: return command
        }
    }
}
