import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Idempotency keys as clients see them, over both doors and over a restart.
@Suite struct IdempotencyKeyTests {
    private static let fields = ["X-Actor-Id": "1", "Idempotency-Key": "first"]
    private static let body = #"{"text":"only once"}"#

    /// So that a repeated answer is the first one to the byte: what is less safe at first may say more when it is repeated.
    @Sendable
    private static func onDisk(_ configuration: inout DaemonConfiguration) throws {
        try configuration.set("ack", "disk")
    }

    @Test func theFirstAnswerIsGivenAgainAtEveryDoor() async throws {
        let directory = try TemporaryDirectory()
        var first: HTTPAnswer?
        try await TestDaemon.run(in: directory, configure: Self.onDisk) { daemon in
            let http = try daemon.http()
            let made = try await http.request("POST", "/v1/posts", Self.fields, json: Self.body)
            #expect(made.status == 201 && made.field("Idempotent-Replayed") == nil)
            // Written in another way, but the same request.
            let spaced = #" { "authorId" : 1, "text" : "only\u0020once" } "#
            let again = try await http.request("POST", "/v1/posts", Self.fields, json: spaced)
            #expect(again.status == 422, "a named author is another request than the header's")
            let repeated = try await http.request(
                "POST", "/v1/posts", Self.fields, json: #" { "text" : "only\u0020once" } "#)
            #expect(repeated.status == 201 && repeated.field("Idempotent-Replayed") == "true")
            #expect(repeated.body == made.body && repeated.field("Location") == made.field("Location"))
            let overTCP = try await TCPDoor(client: daemon.client()).call(
                "CreatePost", Starling_V1_CreatePostRequest.with { $0.text = "only once" },
                answer: Starling_V1_CreatePostResponse.self,
                .with {
                    $0.actorID = 1
                    $0.idempotencyKey = "first"
                }
            ).success()
            #expect(made.json["post"]?["id"] == .string("\(overTCP.post.id)"))
            #expect(made.json["lsn"] == .string("\(overTCP.lsn)"))
            first = made
        }
        try await TestDaemon.run(in: directory) { daemon in
            let repeated = try await daemon.http().request("POST", "/v1/posts", Self.fields, json: Self.body)
            #expect(repeated.status == 201 && repeated.field("Idempotent-Replayed") == "true")
            #expect(repeated.body == first?.body)
            let totals = try await daemon.admin().request("GET", "/admin/quiesce").json["totals"]
            #expect(totals?["posts"] == .string("1"))
        }
    }

    /// What was only written before the restart is on the disk after it, and the repeated answer says so, at both doors.
    @Test func aRepeatedAnswerSaysHowSafeItIsByNow() async throws {
        let directory = try TemporaryDirectory()
        for level in [Starling_V1_Durability.os, .disk] {
            try await TestDaemon.run(in: directory) { daemon in
                let doors: [any Door] = [try HTTPDoor(daemon), TCPDoor(client: try await daemon.client())]
                for door in doors {
                    let answer = try await door.call(
                        "CreatePost", Starling_V1_CreatePostRequest.with { $0.text = "only once" },
                        answer: Starling_V1_CreatePostResponse.self,
                        .with {
                            $0.actorID = 1
                            $0.idempotencyKey = "first"
                            $0.durability = .os
                        }
                    ).success()
                    #expect(answer.durability.rawValue >= level.rawValue && answer.lsn == 1)
                }
            }
        }
    }

    @Test func anotherRequestUnderTheKeyIsRefused() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            _ = try await http.request("POST", "/v1/posts", Self.fields, json: Self.body)
            let otherText = try await http.request("POST", "/v1/posts", Self.fields, json: #"{"text":"twice"}"#)
            #expect(otherText.status == 422 && otherText.json["code"] == .string("IDEMPOTENCY_KEY_REUSED"))
            #expect(otherText.json["accepted"] == .bool(false))
            let otherOperation = try await http.request("PUT", "/v1/users/1/following/2", Self.fields)
            #expect(otherOperation.status == 422)
            // The key belongs to its actor.
            let otherActor = try await http.request(
                "POST", "/v1/posts", ["X-Actor-Id": "2", "Idempotency-Key": "first"], json: Self.body)
            #expect(otherActor.status == 201 && otherActor.field("Idempotent-Replayed") == nil)
            let totals = try await daemon.admin().request("GET", "/admin/quiesce").json["totals"]
            #expect(totals?["posts"] == .string("2") && totals?["edges"] == .string("0"))
        }
    }

    @Test func aRefusedRequestKeepsNoKey() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            #expect(try await http.request("POST", "/v1/posts", Self.fields, json: "{}").status == 400)
            let made = try await http.request("POST", "/v1/posts", Self.fields, json: Self.body)
            #expect(made.status == 201 && made.field("Idempotent-Replayed") == nil)
        }
    }

    /// What changed nothing is answered again as it was, also when it would change something by now.
    @Test func aWriteThatChangedNothingIsRepeatedToo() async throws {
        try await TestDaemon.run(configure: Self.onDisk) { daemon in
            let http = try daemon.http()
            _ = try await http.request("PUT", "/v1/users/1/following/2")
            let second = try await http.request("PUT", "/v1/users/1/following/2", Self.fields)
            #expect(second.json["changed"] == .bool(false))
            _ = try await http.request("DELETE", "/v1/users/1/following/2")
            let repeated = try await http.request("PUT", "/v1/users/1/following/2", Self.fields)
            #expect(repeated.body == second.body && repeated.field("Idempotent-Replayed") == "true")
            let user = try await http.request("GET", "/v1/users/2").json
            #expect(user["followerCount"] == .string("0"))
        }
    }

    @Test func aHundredFirstUsesMakeOnePost() async throws {
        try await TestDaemon.run { daemon in
            let client = try await daemon.client()
            let bodies = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        if number % 2 == 0 {
                            let answer = try await daemon.http().request(
                                "POST", "/v1/posts", Self.fields, json: Self.body)
                            #expect(answer.status == 201)
                            return "\(answer.json["post"]?["id"]?.string ?? "") \(answer.json["lsn"]?.string ?? "")"
                        }
                        let answer = try await TCPDoor(client: client).call(
                            "CreatePost", Starling_V1_CreatePostRequest.with { $0.text = "only once" },
                            answer: Starling_V1_CreatePostResponse.self,
                            .with {
                                $0.actorID = 1
                                $0.idempotencyKey = "first"
                            }
                        ).success()
                        return "\(answer.post.id) \(answer.lsn)"
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(bodies.count == 1)
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json
            #expect(quiet["totals"]?["posts"] == .string("1") && quiet["lsn"] == .string("1"))
        }
    }

    /// A batch with a key is stored once, and its rows' reasons are given again.
    @Test func batchesAreRepeatedRowByRow() async throws {
        try await TestDaemon.run(configure: Self.onDisk) { daemon in
            let http = try daemon.http()
            for (target, body) in [
                ("/v1/batch/posts", #"{"rows":[{"authorId":5,"text":"a"},{"authorId":5},{"authorId":6,"text":"b"}]}"#),
                (
                    "/v1/batch/follows",
                    #"{"rows":[{"userId":5,"targetId":6},{"userId":5,"targetId":5},{"targetId":5}]}"#
                ),
            ] {
                let fields = ["Idempotency-Key": "batch \(target)"]
                let first = try await http.request("POST", target, fields, json: body)
                // Something between the two, so that the position in the log is the first one's and not just the last.
                _ = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "8"], json: Self.body)
                let again = try await http.request("POST", target, fields, json: body)
                #expect(first.status == 200 && first.field("Idempotent-Replayed") == nil)
                #expect(again.field("Idempotent-Replayed") == "true", "\(target)")
                #expect(again.body == first.body, "\(target)")
            }
        }
    }
}
