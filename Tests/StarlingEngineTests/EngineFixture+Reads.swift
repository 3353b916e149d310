import StarlingEngine

/// Reads and imports, run to their answers.
extension EngineFixture {
    func posts(of author: UInt64, viewer: UInt64? = nil, limit: Int = 200) throws -> [PostID] {
        let (id, viewer) = (UserID(rawValue: author), viewer.map { UserID(rawValue: $0) })
        let page = try read { engine.posts(of: id, viewer: viewer, limit: limit, completion: $0) }
        return page.entries.map(\.post)
    }

    func lookUp(_ ids: [PostID], viewer: UInt64? = nil) throws -> PostLookup {
        try read { engine.posts(ids, viewer: viewer.map { UserID(rawValue: $0) }, completion: $0) }
    }

    func profile(_ user: UInt64) throws -> Profile {
        let found = try read { engine.profile(of: UserID(rawValue: user), completion: $0) }
        guard let found else { throw UnexpectedOutcome() }
        return found
    }

    func following(_ user: UInt64) throws -> Set<UInt64> {
        let page = try read { engine.following(of: UserID(rawValue: user), limit: 1_000, completion: $0) }
        return Set(page.entries.map(\.user.rawValue))
    }

    /// Imports edges; the outcome of each row.
    func importFollows(
        _ rows: [(UInt64, UInt64)], as actor: UInt64 = 1, key: String? = nil, fingerprint: UInt64 = 0
    ) throws -> (rows: [Result<FollowOutcome, EngineError>], isReplay: Bool) {
        let edges = rows.map { NewFollow(follower: UserID(rawValue: $0.0), followee: UserID(rawValue: $0.1)) }
        let receipt = try run(.importFollows(edges), as: actor, key: key, fingerprint: fingerprint)
        guard case .follows(let outcomes) = receipt.outcome else { throw UnexpectedOutcome() }
        return (outcomes, receipt.isReplay)
    }

    /// Imports posts; the id of each row, or why it was refused.
    func importPosts(
        _ rows: [NewPost], as actor: UInt64 = 1, key: String? = nil, fingerprint: UInt64 = 0
    ) throws -> (rows: [Result<PostID, EngineError>], isReplay: Bool) {
        let receipt = try run(.importPosts(rows), as: actor, key: key, fingerprint: fingerprint)
        guard case .posts(let outcomes) = receipt.outcome else { throw UnexpectedOutcome() }
        return (outcomes, receipt.isReplay)
    }
}

extension Result where Failure == EngineError {
    /// The error's name; empty for a success.
    var errorName: String {
        if case .failure(let error) = self { return error.name }
        return ""
    }
}

extension Command {
    /// Edges between two accounts a row of which no other batch has any: as many events as an import can become.
    static func followsOfStrangers(batch: UInt64, rows: UInt64 = 10_000) -> Command {
        let first = batch * 20_000 + 1
        let edges = stride(from: first, to: first + rows * 2, by: 2).map { follower in
            NewFollow(follower: UserID(rawValue: follower), followee: UserID(rawValue: follower + 1))
        }
        return .importFollows(edges)
    }
}
