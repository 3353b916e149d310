import Foundation
import StarlingClient
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Moderation over HTTP and TCP: the same answers and problems at both.
@Suite struct ModerationDoorsTests {
    /// The operations that are called here.
    static let called = ["PendingPosts", "ApprovePost", "BlockPost", "GetModerationRules", "SetModerationRules"]

    private struct Doors {
        let daemon: TestDaemon
        let http: HTTPDoor
        let tcp: TCPDoor

        /// Writes over HTTP, and once more over TCP under the same key: the first answer must come again.
        func write<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type, actor: UInt64 = 0, key: String
        ) async throws -> Answer {
            let context = Starling_V1_RequestContext.with {
                $0.idempotencyKey = key
                $0.actorID = actor
            }
            let first = try await http.call(operation, request, answer: answer, context)
            let again = try await tcp.call(operation, request, answer: answer, context)
            #expect(first.verdict == "ok" && again == first, "\(operation) \(key): \(first) \(again)")
            return try first.success()
        }

        func read<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type, actor: UInt64 = 0
        ) async throws -> Answer {
            let overTCP = try await tcp.call(operation, request, answer: answer, actor: actor)
            let overHTTP = try await http.call(operation, request, answer: answer, actor: actor)
            #expect(overTCP == overHTTP, "\(operation)")
            return try overTCP.success()
        }

        func verdict<Request: Message, Answer: Message & Equatable>(
            _ operation: String, _ request: Request, _ answer: Answer.Type
        ) async throws -> String {
            let overTCP = try await tcp.call(operation, request, answer: answer)
            let overHTTP = try await http.call(operation, request, answer: answer)
            #expect(overHTTP == overTCP, "\(operation): \(overTCP) \(overHTTP)")
            return overTCP.verdict
        }

        func feed(_ user: UInt64) async throws -> [UInt64] {
            let page = try await read(
                "Feed", Starling_V1_FeedRequest.with { $0.userID = user }, Starling_V1_FeedResponse.self)
            return page.items.map(\.post.id)
        }

        func state(_ post: UInt64, viewer: UInt64) async throws -> Starling_V1_Post.State? {
            let request = Starling_V1_GetPostsRequest.with { $0.ids = [post] }
            return try await read("GetPosts", request, Starling_V1_GetPostsResponse.self, actor: viewer).items.first?
                .state
        }
    }

    private func withDoors(_ mode: String, _ body: (Doors) async throws -> Void) async throws {
        try await TestDaemon.run(configure: { try $0.set("moderation.mode", mode) }) { daemon in
            let tcp = TCPDoor(client: try await daemon.client())
            try await tcp.follow(2, 1)
            try await body(Doors(daemon: daemon, http: try HTTPDoor(daemon), tcp: tcp))
        }
    }

    @Test func pendingPostsAreApprovedAndBlocked() async throws {
        try await withDoors("outside") { doors in
            // A plain post over TCP takes the way of all others.
            let first = try await doors.tcp.post(1, "first").post
            let second = try await doors.http.post(1, "second").post
            #expect(first.state == .pending && second.state == .pending)
            #expect(try await doors.feed(2).isEmpty)
            #expect(try await doors.state(first.id, viewer: 1) == .pending)
            #expect(try await doors.state(first.id, viewer: 2) == nil)

            var page = try await doors.read(
                "PendingPosts", Starling_V1_PendingPostsRequest.with { $0.limit = 1 },
                Starling_V1_PendingPostsResponse.self)
            #expect(page.items.map(\.id) == [first.id] && page.items[0].text == "first" && page.items[0].hasVersion)
            page = try await doors.read(
                "PendingPosts", Starling_V1_PendingPostsRequest.with { $0.cursor = page.nextCursor },
                Starling_V1_PendingPostsResponse.self)
            #expect(page.items.map(\.id) == [second.id] && !page.hasNextCursor)

            let approval = Starling_V1_ApprovePostRequest.with { ($0.postID, $0.version) = (first.id, 0) }
            let approved = try await doors.write(
                "ApprovePost", approval, Starling_V1_ModeratedPost.self, actor: 7, key: "a")
            #expect(approved.changed && approved.post.text == "first" && approved.post.state == .published)
            let block = Starling_V1_BlockPostRequest.with { ($0.postID, $0.reason) = (second.id, "rude") }
            let blocked = try await doors.write("BlockPost", block, Starling_V1_ModeratedPost.self, key: "b")
            #expect(blocked.changed && blocked.post.state == .blocked && blocked.lsn > approved.lsn)
            #expect(try await doors.feed(2) == [first.id])
            #expect(try await doors.state(second.id, viewer: 1) == .blocked)
            let notices = try await doors.read(
                "Notifications", Starling_V1_NotificationsRequest.with { $0.userID = 1 },
                Starling_V1_NotificationsResponse.self)
            let notice = try #require(notices.items.first)
            #expect(notice.kind == .postBlocked && notice.postID == second.id && notice.reason == "rude")
            #expect(!notice.hasActorID)

            var wrong = approval
            wrong.version = 3
            #expect(
                try await doors.verdict("ApprovePost", wrong, Starling_V1_ModeratedPost.self) == "409 EDIT_CONFLICT")
            wrong.postID = 77
            #expect(
                try await doors.verdict("ApprovePost", wrong, Starling_V1_ModeratedPost.self) == "404 POST_NOT_FOUND")
            var long = block
            long.reason = String(repeating: "x", count: 1_001)
            #expect(
                try await doors.verdict("BlockPost", long, Starling_V1_ModeratedPost.self) == "400 INVALID_ARGUMENT")
            let cursor = Starling_V1_PendingPostsRequest.with { $0.cursor = "forged" }
            let answer = Starling_V1_PendingPostsResponse.self
            #expect(try await doors.verdict("PendingPosts", cursor, answer) == "400 INVALID_ARGUMENT")
        }
    }

    @Test func changesOfPostsSayWhatBecameOfThem() async throws {
        try await withDoors("outside") { doors in
            let post = try await doors.http.post(1, "first").post
            let approval = Starling_V1_ApprovePostRequest.with { $0.postID = post.id }
            _ = try await doors.write("ApprovePost", approval, Starling_V1_ModeratedPost.self, key: "a")
            let edit = Starling_V1_EditPostRequest.with {
                ($0.authorID, $0.postID, $0.text) = (1, post.id, "second")
            }
            let edited = try await doors.http.call("EditPost", edit, answer: Starling_V1_EditPostResponse.self)
                .success()
            #expect(edited.post.state == .pending && edited.post.text == "second")
            #expect(try await doors.feed(2).isEmpty)
            let page = try await doors.read(
                "PendingPosts", Starling_V1_PendingPostsRequest(), Starling_V1_PendingPostsResponse.self)
            #expect(page.items.map(\.version) == [1] && page.items[0].text == "second")
        }
    }

    @Test func rulesAreSetAndJudge() async throws {
        try await withDoors("rules") { doors in
            let set = Starling_V1_SetModerationRulesRequest.with {
                $0.words = ["spam"]
                $0.patterns = ["buy*now"]
            }
            let answer = try await doors.write(
                "SetModerationRules", set, Starling_V1_SetModerationRulesResponse.self, key: "r")
            #expect(answer.changed && answer.lsn > 0)
            let rules = try await doors.read(
                "GetModerationRules", Starling_V1_GetModerationRulesRequest(), Starling_V1_ModerationRules.self)
            #expect(rules.words == set.words && rules.patterns == set.patterns)
            #expect(try await doors.tcp.post(1, "SPAM!").post.state == .blocked)
            #expect(try await doors.http.post(1, "buy-it-now").post.state == .blocked)
            let fine = try await doors.tcp.post(1, "fine").post
            #expect(fine.state == .published)
            #expect(try await doors.feed(2) == [fine.id])

            var bad = set
            bad.patterns = ["fine", "*"]
            let response = Starling_V1_SetModerationRulesResponse.self
            #expect(try await doors.verdict("SetModerationRules", bad, response) == "400 INVALID_ARGUMENT")
            let reply = try await doors.daemon.http().request(
                "PUT", "/v1/moderation/rules", [:], body: Array(#"{"words":["ok","two words"]}"#.utf8))
            #expect(reply.status == 400 && reply.json["errors"]?[0]?["field"] == .string("words[1]"))
            // What was refused has changed nothing.
            #expect(try await doors.tcp.post(1, "SPAM!").post.state == .blocked)
        }
    }

    @Test func aFileOfRulesIsReadAtTheStartAndAgain() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/rules.json"
        func write(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }
        try write(#"{"words": ["spam"]}"#)
        var configuration = try TestDaemon.configuration(directory)
        try configuration.set("moderation.mode", "rules")
        try configuration.set("moderation.rules", path)
        let daemon = TestDaemon(
            daemon: try await Daemon.start(configuration, logger: TestDaemon.silent) { Issue.record("\($0)") })
        let door = TCPDoor(client: try await daemon.client())
        #expect(try await door.post(1, "spam").post.state == .blocked)
        try write(#"{"words": ["eggs"]}"#)
        await daemon.daemon.reload(configuration)
        #expect(try await door.post(1, "spam").post.state == .published)
        #expect(try await door.post(1, "eggs").post.state == .blocked)
        for text in [#"{"words": ["two words"]}"#, "{", #"{"colours": []}"#] {
            try write(text)
            await daemon.daemon.reload(configuration)
            #expect(try await door.post(1, "eggs").post.state == .blocked)
        }
        try await daemon.daemon.shutDown()
        // With a file that cannot be used nothing starts.
        let error = await #expect(throws: ConfigurationError.self) {
            _ = try await Daemon.start(configuration, logger: TestDaemon.silent) { _ in }
        }
        #expect(error?.key == "moderation.rules")
    }
}
