import StarlingSchema
import SwiftProtobuf

/// Reads of a daemon's state.
enum FeedReading {
    static func call(
        _ user: UInt64, limit: UInt32, cursor: String
    ) -> DoorCall<Starling_V1_FeedRequest, Starling_V1_FeedResponse> {
        let request = Starling_V1_FeedRequest.with {
            $0.userID = user
            $0.limit = limit
            $0.cursor = cursor
            $0.hydrate = false
        }
        // Cursors are made of letters that need no escape.
        let next = cursor.isEmpty ? "" : "&cursor=\(cursor)"
        return DoorCall(
            operation: "Feed", request: request, method: "GET",
            target: "/v1/users/\(user)/feed?limit=\(limit)&hydrate=false\(next)")
    }

    /// A feed, page by page to its end.
    static func whole(_ user: UInt64, limit: UInt32, _ door: some Door) async throws(DoorFailure) -> [UInt64] {
        var posts: [UInt64] = []
        var cursor = ""
        repeat {
            let page: Starling_V1_FeedResponse = try await door.call(call(user, limit: limit, cursor: cursor))
            posts += page.items.map(\.postID)
            cursor = page.nextCursor
        } while !cursor.isEmpty
        return posts
    }

    static func user(_ user: UInt64) -> DoorCall<Starling_V1_GetUserRequest, Starling_V1_User> {
        DoorCall(
            operation: "GetUser", request: .with { $0.userID = user }, method: "GET", target: "/v1/users/\(user)")
    }

    static func posts(_ ids: [UInt64]) -> DoorCall<Starling_V1_GetPostsRequest, Starling_V1_GetPostsResponse> {
        let list = ids.map(String.init).joined(separator: ",")
        return DoorCall(
            operation: "GetPosts", request: .with { $0.ids = ids }, method: "GET", target: "/v1/posts?ids=\(list)")
    }

    static let quiesce = DoorCall<Starling_V1_QuiesceRequest, Starling_V1_QuiesceResponse>(
        operation: "Quiesce", request: .init(), method: "GET", target: "/admin/quiesce")

    static let stateDigest = DoorCall<Starling_V1_StateDigestRequest, Starling_V1_StateDigestResponse>(
        operation: "StateDigest", request: .init(), method: "GET", target: "/admin/state-digest")
}
