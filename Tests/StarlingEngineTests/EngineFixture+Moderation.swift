import StarlingEngine

/// Judgements, run to their answers.
extension EngineFixture {
    /// A post and the state in which it was made.
    func heldPost(
        _ author: UInt64, _ text: String = "hello", key: String? = nil
    ) throws -> (id: PostID, state: PostState, isReplay: Bool) {
        let receipt = try run(.createPost(NewPost(author: UserID(rawValue: author), text: text)), as: author, key: key)
        switch receipt.outcome {
        case .post(let id): return (id, .published, receipt.isReplay)
        case .heldPost(let id, let state): return (id, state, receipt.isReplay)
        default: throw UnexpectedOutcome()
        }
    }

    @discardableResult
    func approve(_ post: PostID, version: UInt16? = nil, as moderator: UInt64 = 0) throws -> Bool {
        try change(.approvePost(PostJudgement(post: post, version: version)), as: moderator)
    }

    @discardableResult
    func blockPost(_ post: PostID, _ reason: String = "", as moderator: UInt64 = 0) throws -> Bool {
        try change(.blockPost(PostJudgement(post: post), reason: reason), as: moderator)
    }

    @discardableResult
    func setRules(words: [String] = [], patterns: [String] = []) throws -> Bool {
        try change(.setModerationRules(try ModerationRules(words: words, patterns: patterns)), as: 0)
    }

    func rules() throws -> ModerationRules {
        guard case .moderationRules(let rules) = try run(.readModerationRules, as: 0).outcome else {
            throw UnexpectedOutcome()
        }
        return rules
    }

    /// All posts that wait, page by page.
    func pending(limit: Int = 3) throws -> [PostID] {
        var found: [PostID] = []
        var position: PagePosition?
        repeat {
            let page = try read {
                engine.pendingPosts(from: position, limit: limit, minimumLSN: engine.publishedLSN, completion: $0)
            }
            found += page.entries.map(\.post)
            position = page.next
        } while position != nil
        return found
    }

    /// What the author is told of blocked posts: the post and the reason, newest first.
    func blockNotices(_ user: UInt64) throws -> [(post: PostID?, reason: String)] {
        let entries = try notifications(user).entries.filter { $0.kind == .postBlocked }
        let reasons = try engine.blockReasons(of: entries)
        return entries.map { ($0.post, reasons[$0.number] ?? "") }
    }

    func delivery(_ post: PostID) throws -> DeliveryRecord? {
        try read { engine.delivery(of: post, minimumLSN: engine.publishedLSN, completion: $0) }
    }
}
