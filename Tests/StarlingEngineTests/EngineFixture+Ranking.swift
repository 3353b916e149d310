@testable import StarlingEngine

/// Ranked feeds, run to their answers.
extension EngineFixture {
    func rankedPage(_ user: UInt64, from position: RankedPosition? = nil, limit: Int = 50) throws -> RankedPage {
        try read {
            engine.rankedFeed(
                of: UserID(rawValue: user), from: position, limit: limit, minimumLSN: engine.publishedLSN,
                detailed: true, completion: $0)
        }
    }

    /// What is left of a ranked feed, page by page.
    func rankedFeed(_ user: UInt64, from start: RankedPosition? = nil, limit: Int = 50) throws -> [PostID] {
        var result: [PostID] = []
        var position = start
        repeat {
            let page = try rankedPage(user, from: position, limit: limit)
            result += page.entries.map(\.post)
            position = page.next
        } while position != nil
        return result
    }

    func post(_ author: UInt64, as kind: PostKind) throws -> PostID {
        var post = NewPost(author: UserID(rawValue: author), text: "\(kind)")
        post.kind = kind
        guard case .post(let id) = try run(.createPost(post), as: author).outcome else { throw UnexpectedOutcome() }
        return id
    }
}
