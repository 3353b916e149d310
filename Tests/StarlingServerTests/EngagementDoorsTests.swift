import StarlingClient
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Reactions, comments, changed posts and notifications by each HTTP route and over TCP: the same answers and problems.
@Suite struct EngagementDoorsTests {
    /// The operations that are called here.
    static let called = [
        "EditPost", "React", "Unreact", "Reactions", "CreateComment", "EditComment", "DeleteComment", "Comments",
        "GetComment", "ReactToComment", "UnreactToComment", "Notifications", "MarkRead",
    ]

    private struct Doors {
        let http: HTTPDoor
        let tcp: TCPDoor

        /// Writes over HTTP, and once more over TCP under the same key: the first answer must come again.
        func write<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type, key: String
        ) async throws -> Answer {
            let context = Starling_V1_RequestContext.with { $0.idempotencyKey = "\(operation)-\(key)" }
            let first = try await http.call(operation, request, answer: answer, context)
            let again = try await tcp.call(operation, request, answer: answer, context)
            #expect(first.verdict == "ok" && again == first, "\(operation) \(key): \(first) \(again)")
            return try first.success()
        }

        func read<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type, actor: UInt64
        ) async throws -> Answer {
            let overTCP = try await tcp.call(operation, request, answer: answer, actor: actor)
            let overHTTP = try await http.call(operation, request, answer: answer, actor: actor)
            #expect(overTCP == overHTTP, "\(operation)")
            return try overTCP.success()
        }

        func expectRefusal<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type, _ verdict: String
        ) async throws {
            let overTCP = try await tcp.call(operation, request, answer: answer)
            let overHTTP = try await http.call(operation, request, answer: answer)
            #expect(overTCP.verdict == verdict && overHTTP == overTCP, "\(operation): \(overTCP) \(overHTTP)")
        }
    }

    private func withDoors(route: Int, _ body: (Doors, UInt64) async throws -> Void) async throws {
        try await TestDaemon.run(configure: { try $0.set("ack", "disk") }) { daemon in
            let tcp = TCPDoor(client: try await daemon.client())
            let post = try await tcp.post(2, "a post").post.id
            try await body(Doors(http: try HTTPDoor(daemon, route: route), tcp: tcp), post)
        }
    }

    @Test(arguments: 0..<2) func reactions(route: Int) async throws {
        try await withDoors(route: route) { doors, post in
            for user in [5, 3, 4] as [UInt64] {
                let answer = try await doors.write(
                    "React",
                    Starling_V1_ReactRequest.with {
                        $0.userID = user
                        $0.postID = post
                        $0.kind = user == 4 ? .wow : .like
                    }, Starling_V1_ReactResponse.self, key: "\(user)")
                #expect(answer.changed && answer.lsn > 0 && answer.durability == .disk)
            }
            var page = try await doors.read(
                "Reactions",
                Starling_V1_ReactionsRequest.with {
                    $0.postID = post
                    $0.limit = 2
                }, Starling_V1_ReactionsResponse.self, actor: 9)
            #expect(page.items.map(\.userID) == [5, 3] && page.hasNextCursor)
            page = try await doors.read(
                "Reactions",
                Starling_V1_ReactionsRequest.with {
                    $0.postID = post
                    $0.cursor = page.nextCursor
                }, Starling_V1_ReactionsResponse.self, actor: 9)
            #expect(page.items.map(\.userID) == [4] && page.items.map(\.kind) == [.wow] && !page.hasNextCursor)
            let removed = try await doors.write(
                "Unreact",
                Starling_V1_UnreactRequest.with {
                    $0.userID = 5
                    $0.postID = post
                }, Starling_V1_ReactResponse.self, key: "")
            #expect(removed.changed && removed.counts.likes == 2 && removed.counts.reactions == ["LIKE": 1, "WOW": 1])
            let found = try await doors.read(
                "GetPost", Starling_V1_GetPostRequest.with { $0.postID = post }, Starling_V1_Post.self, actor: 3)
            #expect(found.counts == removed.counts)
            try await doors.expectRefusal(
                "React",
                Starling_V1_ReactRequest.with {
                    $0.userID = 5
                    $0.postID = post + 1
                }, Starling_V1_ReactResponse.self, "404 POST_NOT_FOUND")
        }
    }

    @Test func feedItemsHaveCountsAndTheReadersOwnReaction() async throws {
        try await withDoors(route: 0) { doors, post in
            try await doors.tcp.follow(1, 2)
            _ = try await doors.write(
                "React",
                Starling_V1_ReactRequest.with {
                    $0.userID = 1
                    $0.postID = post
                    $0.kind = .haha
                }, Starling_V1_ReactResponse.self, key: "")
            let feed = try await doors.read(
                "Feed", Starling_V1_FeedRequest.with { $0.userID = 1 }, Starling_V1_FeedResponse.self, actor: 1)
            #expect(feed.items.count == 1 && feed.items[0].hasMyReaction && feed.items[0].myReaction == .haha)
            #expect(feed.items[0].post.counts.reactions == ["HAHA": 1])
        }
    }

    @Test func comments() async throws {
        try await withDoors(route: 0) { doors, post in
            var comments: [Starling_V1_Comment] = []
            for user in [3, 4, 3] as [UInt64] {
                let answer = try await doors.write(
                    "CreateComment",
                    Starling_V1_CreateCommentRequest.with {
                        $0.authorID = user
                        $0.postID = post
                        $0.text = "comment \(comments.count)"
                    }, Starling_V1_CreateCommentResponse.self, key: "\(comments.count)")
                #expect(answer.comment.id > post && answer.comment.postID == post && answer.comment.authorID == user)
                comments.append(answer.comment)
            }
            let edited = try await doors.write(
                "EditComment",
                Starling_V1_EditCommentRequest.with {
                    $0.authorID = 3
                    $0.commentID = comments[0].id
                    $0.text = "changed"
                }, Starling_V1_EditCommentResponse.self, key: "")
            #expect(edited.comment.text == "changed" && edited.comment.hasEditedAt)
            let reacted = try await doors.write(
                "ReactToComment",
                Starling_V1_ReactToCommentRequest.with {
                    $0.userID = 9
                    $0.commentID = comments[0].id
                    $0.kind = .love
                }, Starling_V1_ReactResponse.self, key: "")
            #expect(reacted.counts.reactions == ["LOVE": 1])
            let deleted = try await doors.write(
                "DeleteComment",
                Starling_V1_DeleteCommentRequest.with {
                    $0.userID = 2
                    $0.commentID = comments[1].id
                }, Starling_V1_DeleteCommentResponse.self, key: "")
            #expect(deleted.changed)
            let page = try await doors.read(
                "Comments", Starling_V1_CommentsRequest.with { $0.postID = post }, Starling_V1_CommentsResponse.self,
                actor: 9)
            #expect(page.items.map(\.id) == [comments[2].id, comments[0].id])
            #expect(
                page.items[1].text == "changed" && page.items[1].myReaction == .love && !page.items[0].hasMyReaction)
            let one = try await doors.read(
                "GetComment", Starling_V1_GetCommentRequest.with { $0.commentID = comments[0].id },
                Starling_V1_Comment.self, actor: 9)
            #expect(one == page.items[1])
            let found = try await doors.read(
                "GetPost", Starling_V1_GetPostRequest.with { $0.postID = post }, Starling_V1_Post.self, actor: 3)
            #expect(found.counts.comments == 2)
            let unreacted = try await doors.write(
                "UnreactToComment",
                Starling_V1_UnreactToCommentRequest.with {
                    $0.userID = 9
                    $0.commentID = comments[0].id
                }, Starling_V1_ReactResponse.self, key: "")
            #expect(unreacted.changed && unreacted.counts.likes == 0)
            try await doors.expectRefusal(
                "EditComment",
                Starling_V1_EditCommentRequest.with {
                    $0.authorID = 4
                    $0.commentID = comments[0].id
                    $0.text = "not mine"
                }, Starling_V1_EditCommentResponse.self, "403 NOT_AUTHOR")
            try await doors.expectRefusal(
                "GetComment", Starling_V1_GetCommentRequest.with { $0.commentID = post }, Starling_V1_Comment.self,
                "404 COMMENT_NOT_FOUND")
            try await doors.expectRefusal(
                "GetPost", Starling_V1_GetPostRequest.with { $0.postID = comments[0].id }, Starling_V1_Post.self,
                "404 POST_NOT_FOUND")
            try await doors.expectRefusal(
                "CreateComment",
                Starling_V1_CreateCommentRequest.with {
                    $0.authorID = 4
                    $0.postID = post
                }, Starling_V1_CreateCommentResponse.self, "400 INVALID_ARGUMENT")
        }
    }

    @Test func editedPosts() async throws {
        try await withDoors(route: 0) { doors, post in
            func edit(
                _ key: String, _ change: (inout Starling_V1_EditPostRequest) -> Void
            ) async throws -> Starling_V1_Post {
                let request = Starling_V1_EditPostRequest.with {
                    $0.authorID = 2
                    $0.postID = post
                    change(&$0)
                }
                let answer = try await doors.write("EditPost", request, Starling_V1_EditPostResponse.self, key: key)
                return answer.post
            }

            let first = try await edit("1") { $0.text = "new words" }
            #expect(first.text == "new words" && !first.hasMediaURL && first.hasEditedAt)
            let second = try await edit("2") { $0.mediaURL = "https://example.org/a.png" }
            #expect(second.text == "new words" && second.mediaURL == "https://example.org/a.png")
            var found = try await doors.read(
                "GetPost", Starling_V1_GetPostRequest.with { $0.postID = post }, Starling_V1_Post.self, actor: 3)
            #expect(found.author.id == 2)
            found.clearAuthor()
            #expect(found == second)
            // The first answer, whatever the post says now.
            let again = try await edit("1") { $0.text = "new words" }
            #expect(again == first)
            let request = Starling_V1_EditPostRequest.with {
                $0.authorID = 3
                $0.postID = post
                $0.text = "not mine"
            }
            try await doors.expectRefusal("EditPost", request, Starling_V1_EditPostResponse.self, "403 NOT_AUTHOR")
            try await doors.expectRefusal(
                "EditPost",
                Starling_V1_EditPostRequest.with {
                    $0.authorID = 2
                    $0.postID = post
                }, Starling_V1_EditPostResponse.self, "400 INVALID_ARGUMENT")
            try await doors.expectRefusal(
                "EditPost",
                Starling_V1_EditPostRequest.with {
                    $0.authorID = 2
                    $0.postID = post + 5
                    $0.text = "nothing there"
                }, Starling_V1_EditPostResponse.self, "404 POST_NOT_FOUND")
        }
    }

    @Test func notifications() async throws {
        try await withDoors(route: 0) { doors, post in
            try await doors.tcp.follow(7, 2)
            for user in [3, 4] as [UInt64] {
                _ = try await doors.write(
                    "React",
                    Starling_V1_ReactRequest.with {
                        $0.userID = user
                        $0.postID = post
                    }, Starling_V1_ReactResponse.self, key: "\(user)")
            }
            let list = Starling_V1_NotificationsRequest.with { $0.limit = 2 }
            let page = try await doors.read("Notifications", list, Starling_V1_NotificationsResponse.self, actor: 2)
            #expect(page.items.map(\.kind) == [.reaction, .reaction] && page.unreadCount == 3 && page.hasNextCursor)
            #expect(page.items.map(\.actorID) == [4, 3] && page.items.allSatisfy { $0.postID == post && !$0.read })
            let marked = try await doors.write(
                "MarkRead",
                Starling_V1_MarkReadRequest.with {
                    $0.userID = 2
                    $0.upTo = page.items[1].id
                }, Starling_V1_MarkReadResponse.self, key: "")
            #expect(marked.changed)
            let after = try await doors.read("Notifications", list, Starling_V1_NotificationsResponse.self, actor: 2)
            #expect(after.items.map(\.read) == [false, true] && after.unreadCount == 1)
            let rest = try await doors.read(
                "Notifications", Starling_V1_NotificationsRequest.with { $0.cursor = page.nextCursor },
                Starling_V1_NotificationsResponse.self, actor: 2)
            #expect(rest.items.map(\.kind) == [.follow] && !rest.items[0].hasPostID && !rest.hasNextCursor)
            try await doors.expectRefusal(
                "Notifications", Starling_V1_NotificationsRequest(), Starling_V1_NotificationsResponse.self,
                "401 ACTOR_REQUIRED")
        }
    }
}
