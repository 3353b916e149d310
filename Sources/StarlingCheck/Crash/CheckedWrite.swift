import StarlingSchema
import SwiftProtobuf

/// A write that the check sends, and by which it knows it again in the log.
struct CheckedWrite: Sendable {
    enum Kind: Sendable {
        case follow(UInt64)
        case unfollow(UInt64)
        /// The text is like no other.
        case post(text: String, followersOnly: Bool)
        case delete(UInt64)
        case importFollows([Edge])
        case importPosts([PostRow])
    }

    struct Edge: Hashable, Sendable {
        var follower: UInt64
        var followee: UInt64
    }

    struct PostRow: Sendable {
        var author: UInt64
        var text: String
    }

    /// What an answer said beside the position in the log.
    enum Outcome: Equatable, Sendable {
        case edge(changed: Bool)
        case post(UInt64)
        case deleted(changed: Bool)
        /// Nil for a row that was refused.
        case edges([Bool?])
        case posts([UInt64?])
    }

    /// An answer that says that it was done.
    struct Acknowledgement: Sendable {
        var lsn: UInt64
        var durability: Starling_V1_Durability
        var outcome: Outcome
    }

    var actor: UInt64
    var kind: Kind
    var key: String?
    /// The level that it asks for; unspecified for the server's own.
    var durability = Starling_V1_Durability.unspecified

    /// The texts of the posts that it creates.
    var texts: [String] {
        switch kind {
        case .post(let text, _): [text]
        case .importPosts(let rows): rows.map(\.text)
        case .follow, .unfollow, .delete, .importFollows: []
        }
    }
}

extension CheckedWrite {
    /// Sends it. The answer comes on an event loop.
    func send(
        to door: some Door, completion: @escaping @Sendable (Result<Acknowledgement, DoorFailure>) -> Void
    ) {
        switch kind {
        case .follow(let target):
            door.call(followCall(target)) { completion($0.map { Acknowledgement($0) }) }
        case .unfollow(let target):
            door.call(unfollowCall(target)) { completion($0.map { Acknowledgement($0) }) }
        case .post(let text, let followersOnly):
            door.call(postCall(text, followersOnly)) { completion($0.map { Acknowledgement($0) }) }
        case .delete(let post):
            door.call(deleteCall(post)) { completion($0.map { Acknowledgement($0) }) }
        case .importFollows(let edges):
            door.call(importCall(edges)) { completion($0.map { Acknowledgement($0) }) }
        case .importPosts(let rows):
            door.call(importCall(rows)) { completion($0.map { Acknowledgement($0) }) }
        }
    }

    /// Sends it and waits for the answer.
    func send(to door: some Door) async throws(DoorFailure) -> Acknowledgement {
        let result: Result<Acknowledgement, DoorFailure> = await withCheckedContinuation { continuation in
            send(to: door) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func followCall(
        _ target: UInt64
    ) -> DoorCall<Starling_V1_FollowRequest, Starling_V1_FollowResponse> {
        let request = Starling_V1_FollowRequest.with {
            $0.userID = actor
            $0.targetID = target
        }
        return DoorCall(
            operation: "Follow", request: request, method: "PUT", target: "/v1/users/\(actor)/following/\(target)",
            actor: actor, key: key, durability: durability)
    }

    private func unfollowCall(
        _ target: UInt64
    ) -> DoorCall<Starling_V1_UnfollowRequest, Starling_V1_UnfollowResponse> {
        let request = Starling_V1_UnfollowRequest.with {
            $0.userID = actor
            $0.targetID = target
        }
        return DoorCall(
            operation: "Unfollow", request: request, method: "DELETE",
            target: "/v1/users/\(actor)/following/\(target)", actor: actor, key: key, durability: durability)
    }

    private func postCall(
        _ text: String, _ followersOnly: Bool
    ) -> DoorCall<Starling_V1_CreatePostRequest, Starling_V1_CreatePostResponse> {
        let request = Starling_V1_CreatePostRequest.with {
            $0.text = text
            $0.visibility = followersOnly ? .followers : .public
        }
        return DoorCall(
            operation: "CreatePost", request: request, method: "POST", target: "/v1/posts", hasBody: true,
            actor: actor, key: key, durability: durability)
    }

    private func deleteCall(
        _ post: UInt64
    ) -> DoorCall<Starling_V1_DeletePostRequest, Starling_V1_DeletePostResponse> {
        DoorCall(
            operation: "DeletePost", request: .with { $0.postID = post }, method: "DELETE",
            target: "/v1/posts/\(post)", actor: actor, key: key, durability: durability)
    }

    private func importCall(
        _ edges: [Edge]
    ) -> DoorCall<Starling_V1_BatchFollowsRequest, Starling_V1_BatchFollowsResponse> {
        let request = Starling_V1_BatchFollowsRequest.with {
            $0.rows = edges.map { edge in
                .with {
                    $0.userID = edge.follower
                    $0.targetID = edge.followee
                }
            }
        }
        return DoorCall(
            operation: "BatchFollows", request: request, method: "POST", target: "/v1/batch/follows", hasBody: true,
            actor: actor, key: key, durability: durability)
    }

    private func importCall(
        _ rows: [PostRow]
    ) -> DoorCall<Starling_V1_BatchPostsRequest, Starling_V1_BatchPostsResponse> {
        let request = Starling_V1_BatchPostsRequest.with {
            $0.rows = rows.map { row in
                .with {
                    $0.authorID = row.author
                    $0.text = row.text
                }
            }
        }
        return DoorCall(
            operation: "BatchPosts", request: request, method: "POST", target: "/v1/batch/posts", hasBody: true,
            actor: actor, key: key, durability: durability)
    }
}

extension CheckedWrite.Acknowledgement {
    fileprivate init(_ answer: Starling_V1_FollowResponse) {
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .edge(changed: answer.changed))
    }

    fileprivate init(_ answer: Starling_V1_UnfollowResponse) {
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .edge(changed: answer.changed))
    }

    fileprivate init(_ answer: Starling_V1_CreatePostResponse) {
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .post(answer.post.id))
    }

    fileprivate init(_ answer: Starling_V1_DeletePostResponse) {
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .deleted(changed: answer.changed))
    }

    fileprivate init(_ answer: Starling_V1_BatchFollowsResponse) {
        let rows = answer.results.map { $0.hasError ? nil : Optional($0.changed) }
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .edges(rows))
    }

    fileprivate init(_ answer: Starling_V1_BatchPostsResponse) {
        let rows = answer.results.map { $0.hasPostID ? Optional($0.postID) : nil }
        self.init(lsn: answer.lsn, durability: answer.durability, outcome: .posts(rows))
    }
}
