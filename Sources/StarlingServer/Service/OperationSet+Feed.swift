import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// FeedService.
    func bindFeed(_ bindings: inout Bindings) { bindings.bind("Feed", feed) }

    /// What a page says of each post.
    private enum FeedForm {
        case hydrated, bare, ids
    }

    /// The posts of a page, in whatever order, and what is known of them.
    private struct FeedItems {
        var entries: [PostEntry]
        var details: [PostDetail]
        var authors: [UserID: PublicProfile]
    }

    @Sendable
    private func feed(
        _ request: Starling_V1_FeedRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_FeedResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try reader(request.userID, call)
            if request.idsOnly, request.hydrate { throw .invalid("idsOnly", "it cannot be combined with hydrate") }
            let isHydrated = !request.idsOnly && (request.hasHydrate ? request.hydrate : true)
            let form: FeedForm = request.idsOnly ? .ids : isHydrated ? .hydrated : .bare
            switch request.order {
            case .recent: try recentFeed(of: user, form, request, call, respond)
            case .ranked: try rankedFeed(of: user, form, request, call, respond)
            case .UNRECOGNIZED: throw .invalid("order", "it must be RECENT or RANKED")
            }
        }
    }

    private func recentFeed(
        of user: UserID, _ form: FeedForm, _ request: Starling_V1_FeedRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FeedResponse>
    ) throws(Problem) {
        let position = try cursors.position(request.cursor, of: .feed, owner: user)
        let make: @Sendable (PostPage) throws(Problem) -> Starling_V1_FeedResponse = {
            [self] page throws(Problem) in
            let next = page.next.map { cursors.cursor($0, of: .feed, owner: user) }
            let items = FeedItems(entries: page.entries, details: page.details, authors: page.authors)
            return try response(items, form, next: next, asOfLSN: page.asOfLSN)
        }
        engine.feed(
            of: user, from: position, limit: Self.limit(request), minimumLSN: call.context.minimumLSN,
            detailed: form == .hydrated,
            completion: form == .hydrated ? readingBodies(respond, make) : reading(respond, make))
    }

    private func rankedFeed(
        of user: UserID, _ form: FeedForm, _ request: Starling_V1_FeedRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_FeedResponse>
    ) throws(Problem) {
        let position = try cursors.rankedPosition(request.cursor, owner: user)
        let make: @Sendable (RankedPage) throws(Problem) -> Starling_V1_FeedResponse = {
            [self] page throws(Problem) in
            let next = page.next.map { cursors.rankedCursor($0, owner: user) }
            let items = FeedItems(entries: page.entries, details: page.details, authors: page.authors)
            return try response(items, form, next: next, asOfLSN: page.asOfLSN)
        }
        engine.rankedFeed(
            of: user, from: position, limit: Self.limit(request), minimumLSN: call.context.minimumLSN,
            detailed: form == .hydrated,
            completion: form == .hydrated ? readingBodies(respond, make) : reading(respond, make))
    }

    private static func limit(_ request: Starling_V1_FeedRequest) -> Int {
        request.hasLimit ? Int(request.limit) : defaultLimit
    }

    /// Whose feed or list: without authentication anybody's, otherwise the actor's own.
    func reader(_ named: UInt64, _ call: Call) throws(Problem) -> UserID {
        if settings.isAuthenticated { return try call.actor(named: named) }
        if named != 0 { return UserID(rawValue: named) }
        guard let actor = call.context.actor else { throw .actorRequired }
        return actor
    }

    private func response(
        _ items: FeedItems, _ form: FeedForm, next: String?, asOfLSN: UInt64
    ) throws(Problem) -> Starling_V1_FeedResponse {
        var response = Starling_V1_FeedResponse()
        switch form {
        case .hydrated: response.items = try hydratedItems(items)
        case .bare: response.items = items.entries.map(Self.bareItem)
        case .ids: response.ids = .with { $0.postIds = items.entries.map(\.post.rawValue) }
        }
        if let next { response.nextCursor = next }
        // Nothing is ever left out: what is in no timeline is merged from the authors' posts.
        response.complete = true
        response.asOfLsn = asOfLSN
        return response
    }

    private func hydratedItems(_ items: FeedItems) throws(Problem) -> [Starling_V1_FeedItem] {
        zip(try hydrate(items.entries, items.details, nil), items.details).map { post, detail in
            let author = UserID(rawValue: post.authorID)
            return .with {
                $0.post = post
                $0.author = AccountMessage.profile(author, items.authors[author])
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
