import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// What a request says beside its message: who acts, which write it wants to see, how safe it wants to be.
@Suite struct RequestHeaderTests {
    @Test func aReadWaitsForItsWrite() async throws {
        try await TestDaemon.run { daemon in
            let (http, other) = (try daemon.http(), try daemon.http())
            for number in 1...50 {
                let made = try await http.request(
                    "POST", "/v1/posts", ["X-Actor-Id": "1"], json: #"{"text":"post \#(number)"}"#
                ).json
                let lsn = try #require(made["lsn"]?.string)
                let read = try await other.request("GET", "/v1/users/1", ["X-Min-Lsn": lsn]).json
                #expect(read["postCount"] == .string("\(number)"))
            }
        }
    }

    @Test func aReadOfTheFutureIsToldToComeBack() async throws {
        try await TestDaemon.run { daemon in
            let http = try HTTPDoor(daemon)
            let tcp = TCPDoor(client: try await daemon.client())
            let request = Starling_V1_FeedRequest.with { $0.userID = 1 }
            for door in [http, tcp] as [any Door] {
                let answer = try await door.call(
                    "Feed", request, answer: Starling_V1_FeedResponse.self, .with { $0.minLsn = 1_000 })
                guard case .problem(let problem) = answer else {
                    Issue.record("a read of the future was answered")
                    continue
                }
                #expect(problem.status == 503 && problem.code == "NOT_YET_VISIBLE" && problem.retryAfterSeconds == 1)
            }
            let answer = try await daemon.http().request("GET", "/v1/users/1/feed", ["X-Min-Lsn": "1000"])
            #expect(answer.field("Retry-After") == "1")
        }
    }

    /// Lists, single posts and counters wait too, not only feeds.
    @Test(arguments: [
        "/v1/users/1", "/v1/users/1/posts", "/v1/users/1/followers", "/v1/users/1/following",
        "/v1/users/1/fanout-mode", "/v1/posts/1", "/v1/posts?ids=1",
    ])
    func everyReadHonoursItsMinimum(target: String) async throws {
        try await TestDaemon.run { daemon in
            let answer = try await daemon.http().request("GET", target, ["X-Min-Lsn": "9"])
            #expect(answer.status == 503)
        }
    }

    /// Each write, at each door, asking each server for each level.
    @Test(arguments: ["memory", "os", "disk"])
    func everyLevelCanBeAskedFor(own: String) async throws {
        try await TestDaemon.run(configure: { try $0.set("ack", own) }) { daemon in
            let doors: [any Door] = [try HTTPDoor(daemon), TCPDoor(client: try await daemon.client())]
            var number: UInt64 = 100
            for door in doors {
                for asked in [Starling_V1_Durability.memory, .os, .disk, .unspecified] {
                    number += 1
                    let expected = asked == .unspecified ? "\(own)" : "\(asked)"
                    let levels = try await Self.write(door, number, .with { $0.durability = asked })
                    #expect(levels.map { "\($0)" } == Array(repeating: expected, count: 6), "asked for \(asked)")
                }
            }
        }
    }

    /// The levels that six kinds of writes say they have reached.
    private static func write(
        _ door: any Door, _ number: UInt64, _ context: Starling_V1_RequestContext
    ) async throws -> [Starling_V1_Durability] {
        let follow = Starling_V1_FollowRequest.with { ($0.userID, $0.targetID) = (number, 2) }
        let unfollow = Starling_V1_UnfollowRequest.with { ($0.userID, $0.targetID) = (number, 2) }
        let post = Starling_V1_CreatePostRequest.with { $0.text = "x" }
        let posts = Starling_V1_BatchPostsRequest.with {
            $0.rows = [
                .with {
                    $0.authorID = number
                    $0.text = "y"
                }
            ]
        }
        let follows = Starling_V1_BatchFollowsRequest.with {
            $0.rows = [.with { ($0.userID, $0.targetID) = (number, 3) }]
        }
        var acting = context
        acting.actorID = number
        let made = try await door.call(
            "CreatePost", post, answer: Starling_V1_CreatePostResponse.self, acting
        ).success()
        let delete = Starling_V1_DeletePostRequest.with { $0.postID = made.post.id }
        return [
            made.durability,
            try await door.call("Follow", follow, answer: Starling_V1_FollowResponse.self, context).success()
                .durability,
            try await door.call("Unfollow", unfollow, answer: Starling_V1_UnfollowResponse.self, context).success()
                .durability,
            try await door.call("BatchPosts", posts, answer: Starling_V1_BatchPostsResponse.self, context).success()
                .durability,
            try await door.call("BatchFollows", follows, answer: Starling_V1_BatchFollowsResponse.self, context)
                .success()
                .durability,
            try await door.call("DeletePost", delete, answer: Starling_V1_DeletePostResponse.self, acting).success()
                .durability,
        ]
    }

    @Test(arguments: [
        ("X-Actor-Id", "0"), ("X-Actor-Id", "-1"), ("X-Actor-Id", "alice"), ("X-Actor-Id", "18446744073709551616"),
        ("X-Actor-Id", ""), ("X-Min-Lsn", "x"), ("X-Min-Lsn", "-1"), ("X-Min-Lsn", "99999999999999999999999"),
        ("X-Durability", "forever"), ("X-Durability", ""), ("Idempotency-Key", ""),
        ("Idempotency-Key", String(repeating: "k", count: 129)), ("Idempotency-Key", "sch\u{f6}n"),
    ])
    func badFieldsAreNamed(name: String, value: String) async throws {
        try await TestDaemon.run { daemon in
            var fields = ["X-Actor-Id": "1"]
            fields[name] = value
            let answer = try await daemon.http().request("POST", "/v1/posts", fields, json: #"{"text":"x"}"#)
            #expect(answer.status == 400)
            #expect(answer.json["errors"]?[0]?["field"] == .string(name))
            #expect(answer.json["accepted"] == .bool(false))
        }
    }

    @Test(arguments: ["X-Actor-Id", "X-Min-Lsn", "X-Durability", "Idempotency-Key"])
    func aFieldThatComesTwiceIsRefused(name: String) async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let value = name == "X-Durability" ? "os" : "1"
            let request = """
                POST /v1/posts HTTP/1.1\r\nHost: x\r\n\(name): \(value)\r\n\(name.lowercased()): \(value)\r\n\
                Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text":"x"}
                """
            try await http.send(Array(request.utf8))
            let answer = try await http.answer()
            #expect(answer.status == 400 && answer.json["errors"]?[0]?["field"] == .string(name))
        }
    }

    @Test func aReadTakesNoIdempotencyKey() async throws {
        try await TestDaemon.run { daemon in
            let answer = try await daemon.http().request("GET", "/v1/users/1/feed", ["Idempotency-Key": "k"])
            #expect(answer.status == 400)
        }
    }

    @Test func theActorMustBeTheOneInThePath() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let foreign = try await http.request("PUT", "/v1/users/1/following/2", ["X-Actor-Id": "3"])
            #expect(foreign.status == 403 && foreign.json["code"] == .string("ACTOR_MISMATCH"))
            let unknown = try await http.request("POST", "/v1/posts", json: #"{"text":"x"}"#)
            #expect(unknown.status == 401 && unknown.json["code"] == .string("ACTOR_REQUIRED"))
            #expect(try await http.request("GET", "/v1/users/2").status == 404)
        }
    }
}
