import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// PostService.
    func bindPosts(_ bindings: inout Bindings) {
        bindings.bind("CreatePost", createPost)
        bindings.bind("GetPost", getPost)
        bindings.bind("GetPosts", getPosts)
        bindings.bind("EditPost", editPost)
        bindings.bind("DeletePost", deletePost)
        bindings.bind("UserPosts", userPosts)
        bindings.bind("BatchPosts", batchPosts)
        bindings.bind("Delivery", delivery)
    }

    @Sendable
    private func createPost(
        _ request: Starling_V1_CreatePostRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_CreatePostResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let author = try call.actor(named: request.authorID)
            var post = NewPost(author: author, text: request.text)
            post.kind = request.kind.engineKind
            post.mediaURL = request.mediaURL
            post.thumbnailURL = request.thumbnailURL
            post.visibility = request.visibility == .followers ? .followers : .public
            post.replyTo = request.hasReplyTo ? PostID(rawValue: request.replyTo) : nil
            post.repostOf = request.hasRepostOf ? PostID(rawValue: request.repostOf) : nil
            submit(.createPost(post), call.write(by: author), respond) { [post] receipt in
                let (id, state): (PostID, PostState) =
                    switch receipt.outcome {
                    case .post(let id): (id, .published)
                    case .heldPost(let id, let state): (id, state)
                    default: preconditionFailure("a post is answered with its id")
                    }
                return .with {
                    $0.post = PostMessage.make(id: id, author: author, state: state, body: PostBody(post))
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    @Sendable
    private func delivery(
        _ request: Starling_V1_DeliveryRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_DeliveryResponse>
    ) {
        let id = PostID(rawValue: request.postID)
        engine.delivery(
            of: id, minimumLSN: call.context.minimumLSN,
            completion: reading(respond) { (record: DeliveryRecord?) throws(Problem) in
                guard let record else { throw Problem(.postNotFound(id)) }
                return .with {
                    $0.targeted = UInt64(record.targeted)
                    $0.pushed = UInt64(record.pushed)
                    $0.pull = UInt64(record.pulled)
                    $0.skippedAway = UInt64(record.skippedAway)
                    $0.state = record.isComplete ? .delivered : .delivering
                    if let median = record.medianMicroseconds { $0.p50Ms = Double(median) / 1_000 }
                    if let late = record.lateMicroseconds { $0.p99Ms = Double(late) / 1_000 }
                }
            })
    }

    @Sendable
    private func batchPosts(
        _ request: Starling_V1_BatchPostsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_BatchPostsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            var posts: [NewPost] = []
            posts.reserveCapacity(request.rows.count)
            for (number, row) in request.rows.enumerated() {
                let author = try rowActor(row.authorID, call, field: "rows[\(number)].authorId")
                var post = NewPost(author: author, text: row.text)
                post.kind = row.kind.engineKind
                post.mediaURL = row.mediaURL
                post.thumbnailURL = row.thumbnailURL
                post.visibility = row.visibility == .followers ? .followers : .public
                post.replyTo = row.hasReplyTo ? PostID(rawValue: row.replyTo) : nil
                post.repostOf = row.hasRepostOf ? PostID(rawValue: row.repostOf) : nil
                if row.hasCreatedAt {
                    guard let time = row.createdAt.milliseconds else {
                        throw .invalid("rows[\(number)].createdAt", "it must lie between 1970 and 9999")
                    }
                    post.createdAt = time
                }
                posts.append(post)
            }
            let context = call.write(by: call.context.actor ?? UserID(rawValue: 0))
            submit(.importPosts(posts), context, respond) { receipt in
                guard case .posts(let outcomes) = receipt.outcome else {
                    preconditionFailure("imported posts are answered row by row")
                }
                return .with {
                    $0.results = outcomes.map(Self.postResult)
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }

    private static func postResult(_ row: Result<PostID, EngineError>) -> Starling_V1_PostResult {
        .with {
            switch row {
            case .success(let id): $0.postID = id.rawValue
            case .failure(let error): $0.error = Problem(error).message
            }
        }
    }

    @Sendable
    private func deletePost(
        _ request: Starling_V1_DeletePostRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_DeletePostResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let actor = try call.actor(named: 0)
            submit(.deletePost(PostID(rawValue: request.postID)), call.write(by: actor), respond) { receipt in
                guard case .deleted(let changed) = receipt.outcome else {
                    preconditionFailure("a deletion is answered as one")
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
    private func getPost(
        _ request: Starling_V1_GetPostRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_Post>
    ) {
        let id = PostID(rawValue: request.postID)
        engine.posts(
            [id], viewer: call.context.actor, withAuthors: true, minimumLSN: call.context.minimumLSN,
            completion: readingBodies(respond) { [self] (lookup: PostLookup) throws(Problem) in
                guard let post = try hydrate(lookup.found, lookup.details, lookup.authors).first else {
                    throw Problem(.postNotFound(id))
                }
                return post
            })
    }

    @Sendable
    private func getPosts(
        _ request: Starling_V1_GetPostsRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_GetPostsResponse>
    ) {
        engine.posts(
            request.ids.map { PostID(rawValue: $0) }, viewer: call.context.actor, withAuthors: true,
            minimumLSN: call.context.minimumLSN,
            completion: readingBodies(respond) { [self] (lookup: PostLookup) throws(Problem) in
                let posts = try hydrate(lookup.found, lookup.details, lookup.authors)
                return .with {
                    $0.items = posts
                    $0.missing = lookup.missing.map(\.rawValue)
                }
            })
    }

    @Sendable
    private func userPosts(
        _ request: Starling_V1_UserPostsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_UserPostsResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let author = UserID(rawValue: request.userID)
            let position = try cursors.position(request.cursor, of: .userPosts, owner: author)
            engine.posts(
                of: author, viewer: call.context.actor, from: position,
                limit: request.hasLimit ? Int(request.limit) : Self.defaultLimit,
                withAuthors: true, minimumLSN: call.context.minimumLSN,
                completion: readingBodies(respond) { [self] (page: PostPage) throws(Problem) in
                    let posts = try hydrate(page.entries, page.details, page.authors)
                    return .with {
                        $0.items = posts
                        if let next = page.next {
                            $0.nextCursor = cursors.cursor(next, of: .userPosts, owner: author)
                        }
                    }
                })
        }
    }

    /// The posts with their bodies, their counters and, unless `authors` is nil, what is shown of their authors, in the same order.
    func hydrate(
        _ entries: [PostEntry], _ details: [PostDetail], _ authors: [UserID: PublicProfile]?
    ) throws(Problem) -> [Starling_V1_Post] {
        let bodies = try readEncodedBodies(entries)
        return entries.indices.map { place in
            var post = PostMessage.make(entries[place], details[place], body: bodies[place])
            let author = entries[place].author
            if let authors { post.author = AccountMessage.profile(author, authors[author]) }
            return post
        }
    }
}

extension Starling_V1_Post.Kind {
    /// The engine's own; numbers that this version does not know are refused when the request is decoded.
    var engineKind: PostKind { PostKind(rawValue: UInt8(clamping: rawValue)) ?? .text }
}
