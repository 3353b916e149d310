@testable import StarlingEngine

/// Reactions, comments and notifications, run to their answers.
extension EngineFixture {
    @discardableResult
    func react(_ user: UInt64, _ target: ReactionTarget, _ kind: ReactionKind?) throws -> Bool {
        try changed(.react(target, kind), as: user)
    }

    /// Runs a command that answers with whether it changed anything.
    @discardableResult
    func changed(_ command: Command, as actor: UInt64) throws -> Bool {
        guard case .changed(let changed) = try run(command, as: actor).outcome else { throw UnexpectedOutcome() }
        return changed
    }

    func comment(_ author: UInt64, on post: PostID, _ text: String = "words", key: String? = nil) throws -> PostID {
        let receipt = try run(.createComment(NewComment(post: post, text: text)), as: author, key: key)
        guard case .comment(let id) = receipt.outcome else { throw UnexpectedOutcome() }
        return id
    }

    func edit(_ post: PostID, as author: UInt64, _ text: String) throws -> WriteReceipt {
        let user = UserID(rawValue: author)
        guard let found = try read({ engine.changeablePost(post, by: user, completion: $0) }),
            var body = try engine.bodies(of: [found.entry])[0]
        else { throw UnexpectedOutcome() }
        body.text = text
        return try run(.editPost(PostEdit(post: post, body: body, edits: found.edits)), as: author)
    }

    func counts(_ id: PostID) throws -> PostCounts {
        guard let counts = try read({ engine.counts(of: id, minimumLSN: engine.publishedLSN, completion: $0) }) else {
            throw UnexpectedOutcome()
        }
        return counts
    }

    func text(_ post: PostID, viewer: UInt64? = nil) throws -> String? {
        try engine.bodies(of: lookUp([post], viewer: viewer).found).first??.text
    }

    func comments(_ post: PostID, viewer: UInt64? = nil, limit: Int = 50) throws -> [PostID]? {
        let viewer = viewer.map { UserID(rawValue: $0) }
        let page = try read { engine.comments(on: post, viewer: viewer, limit: limit, completion: $0) }
        return page?.entries.map(\.post)
    }

    /// All of those who reacted, page by page.
    func reactors(_ post: PostID, limit: Int = 3) throws -> [ReactionEntry] {
        var found: [ReactionEntry] = []
        var position: PagePosition?
        repeat {
            let page = try read {
                engine.reactions(to: post, viewer: nil, from: position, limit: limit, completion: $0)
            }
            found += page?.entries ?? []
            position = page?.next
        } while position != nil
        return found
    }

    /// All notifications of a user, page by page, and how many are unread.
    func notifications(_ user: UInt64, limit: Int = 3) throws -> (entries: [NotificationEntry], unread: Int) {
        var found: [NotificationEntry] = []
        var position: PagePosition?
        var unread = 0
        repeat {
            let page = try read {
                engine.notifications(of: UserID(rawValue: user), from: position, limit: limit, completion: $0)
            }
            found += page.entries
            position = page.next
            unread = page.unreadCount
        } while position != nil
        return (found, unread)
    }
}
