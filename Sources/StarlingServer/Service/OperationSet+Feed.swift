import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// FeedService.
    func bindFeed(_ bindings: inout Bindings) { bindings.bind("Feed", feed) }

    @Sendable
    private func feed(
        _ request: Starling_V1_FeedRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_FeedResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try reader(request.userID, call)
            guard request.order == .recent else {
                throw .invalid("order", "only RECENT is offered by this version")
            }
            let position = try cursors.position(request.cursor, of: .feed, owner: user)
            if request.idsOnly, request.hydrate { throw .invalid("idsOnly", "it cannot be combined with hydrate") }
            let isHydrated = !request.idsOnly && (request.hasHydrate ? request.hydrate : true)
            let make: @Sendable (PostPage) throws(Problem) -> Starling_V1_FeedResponse = {
                [self] page throws(Problem) in
                let items =
                    request.idsOnly
                    ? [] : isHydrated ? try hydratedItems(page) : page.entries.map(Self.bareItem)
                return .with {
                    $0.items = items
                    if request.idsOnly { $0.ids = .with { $0.postIds = page.entries.map(\.post.rawValue) } }
                    if let next = page.next { $0.nextCursor = cursors.cursor(next, of: .feed, owner: user) }
                    // Nothing is ever left out: what is in no timeline is merged from the authors' posts.
                    $0.complete = true
                    $0.asOfLsn = page.asOfLSN
                }
            }
            engine.feed(
                of: user, from: position, limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                minimumLSN: call.context.minimumLSN, detailed: isHydrated,
                completion: isHydrated ? readingBodies(respond, make) : reading(respond, make))
        }
    }

    /// Whose feed or list: without authentication anybody's, otherwise the actor's own.
    func reader(_ named: UInt64, _ call: Call) throws(Problem) -> UserID {
        if settings.isAuthenticated { return try call.actor(named: named) }
        if named != 0 { return UserID(rawValue: named) }
        guard let actor = call.context.actor else { throw .actorRequired }
        return actor
    }

    private func hydratedItems(_ page: PostPage) throws(Problem) -> [Starling_V1_FeedItem] {
        zip(try hydrate(page.entries, page.details, nil), page.details).map { post, detail in
            let author = UserID(rawValue: post.authorID)
            return .with {
                $0.post = post
                $0.author = AccountMessage.profile(author, page.authors[author])
                if let reaction = detail.ownReaction { $0.myReaction = reaction.schema }
            }
        }
    }

    private static func bareItem(_ entry: PostEntry) -> Starling_V1_FeedItem {
        .with {
            $0.postID = entry.post.rawValue
            $0.authorID = entry.author.rawValue
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: entry.post.milliseconds)
        }
    }
}
