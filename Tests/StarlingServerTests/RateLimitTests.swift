import StarlingClient
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Rate limits at the doors: what is charged, what is said about it, and what changes while running.
@Suite struct RateLimitTests {
    private static func rules(_ text: String) -> (inout DaemonConfiguration) throws -> Void {
        { try $0.set("rateLimits.rules", text) }
    }

    @Test func answersSayHowTheBucketStands() async throws {
        let rules = #"[{"name":"posts","key":["user"],"rate":"1/h","burst":"2","routes":["CreatePost"]}]"#
        try await TestDaemon.run(configure: Self.rules(rules)) { daemon in
            let http = try daemon.http()
            func post(_ actor: Int) async throws -> HTTPAnswer {
                try await http.request("POST", "/v1/posts", ["X-Actor-Id": "\(actor)"], json: #"{"text":"x"}"#)
            }
            let first = try await post(1)
            #expect(first.status == 201 && first.field("RateLimit-Policy") == #""posts";q=2;w=7200"#)
            #expect(first.field("RateLimit")?.hasPrefix(#""posts";r=1;t="#) == true)
            // Refused for its body, it is charged all the same.
            let bad = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "1"], json: "{")
            #expect(bad.status == 400 && bad.field("RateLimit")?.hasPrefix(#""posts";r=0;t="#) == true)
            let refused = try await post(1)
            #expect(refused.status == 429 && refused.json["code"] == .string("RATE_LIMITED"))
            #expect(refused.json["accepted"] == .bool(false) && refused.field("RateLimit") != nil)
            let wait = try #require(refused.field("Retry-After").flatMap { Int($0) })
            #expect((3_500...3_600).contains(wait))
            #expect(try await post(2).status == 201, "another user")
            let other = try await http.request("GET", "/v1/users/1/posts")
            #expect(other.status == 200 && other.field("RateLimit") == nil, "a route without a rule")
            #expect(other.json["items"]?.array?.count == 1)
        }
    }

    /// One limiter for both doors, whoever comes by which.
    @Test func bothDoorsShareTheBuckets() async throws {
        let rules = #"[{"name":"all","key":["ip"],"rate":"1/h","burst":"4"}]"#
        try await TestDaemon.run(configure: Self.rules(rules)) { daemon in
            let client = try await daemon.client()
            let (http, tcp) = (try HTTPDoor(daemon), TCPDoor(client: client))
            for _ in 0..<2 {
                try await http.follow(1, 2)
                try await tcp.follow(1, 2)
            }
            let request = Starling_V1_FeedRequest.with { $0.userID = 1 }
            for door in [http, tcp] as [any Door] {
                let verdict = try await door.call("Feed", request, answer: Starling_V1_FeedResponse.self).verdict
                #expect(verdict == "429 RATE_LIMITED")
            }
            // Pages of ids, which TCP answers together, too.
            let ids = Starling_V1_FeedRequest.with {
                $0.userID = 1
                $0.hydrate = false
            }
            #expect(
                try await tcp.call("Feed", ids, answer: Starling_V1_FeedResponse.self).verdict == "429 RATE_LIMITED")
            // Nothing else is free either, but what tells of health and serves those who run it.
            let connection = try daemon.http()
            #expect(try await connection.request("GET", "/nowhere").status == 429)
            #expect(try await connection.request("GET", "/openapi.json").status == 429)
            #expect(try await connection.request("GET", "/livez").status == 200)
            #expect(try await connection.request("GET", "/readyz").status == 200)
            #expect(try await daemon.admin().request("GET", "/admin/config").status == 200)
            await client.close()
        }
    }

    /// A batch costs as many tokens as it has rows, by either door.
    @Test func batchesCostTheirRows() async throws {
        let rules = #"[{"name":"a","key":["ip"],"rate":"1/h","burst":"10"}]"#
        try await TestDaemon.run(configure: Self.rules(rules)) { daemon in
            let client = try await daemon.client()
            func batch(_ rows: Int) -> Starling_V1_BatchFollowsRequest {
                .with { request in
                    request.rows = (0..<rows).map { row in
                        .with {
                            $0.userID = 1
                            $0.targetID = UInt64(row + 2)
                        }
                    }
                }
            }
            for door in [try HTTPDoor(daemon), TCPDoor(client: client)] as [any Door] {
                let many = try await door.call(
                    "BatchFollows", batch(50), answer: Starling_V1_BatchFollowsResponse.self)
                #expect(many.verdict == "429 RATE_LIMITED", "never")
                let some = try await door.call("BatchFollows", batch(3), answer: Starling_V1_BatchFollowsResponse.self)
                #expect(try some.success().results.count == 3)
            }
            let left = try await daemon.http().request("GET", "/v1/posts?ids=1,2,3")
            #expect(left.status == 429, "each of the four took its tokens, those that were refused one")
            await client.close()
        }
    }

    /// Only a proxy that is trusted says who is behind it.
    @Test func forwardedAddressesCountFromTrustedProxiesOnly() async throws {
        let rules = #"[{"name":"a","key":["ip"],"rate":"1/h","burst":"1"}]"#
        for (trusted, expected) in [("", [200, 429, 429]), ("127.0.0.1", [200, 200, 429])] {
            try await TestDaemon.run(configure: {
                try $0.set("rateLimits.rules", rules)
                try $0.set("http.trustedProxies", trusted)
            }) { daemon in
                let http = try daemon.http()
                var statuses: [Int] = []
                for address in ["203.0.113.1", "203.0.113.2", "203.0.113.2"] {
                    statuses.append(
                        try await http.request("GET", "/v1/users/1/posts", ["X-Forwarded-For": address]).status)
                }
                #expect(statuses == expected)
            }
        }
    }

    @Test func rulesChangeWhileRunningAndSurviveARestart() async throws {
        let directory = try TemporaryDirectory()
        let rules = #"[{"name":"a","key":["user"],"rate":"1/3600s","burst":"1"}]"#
        func read(_ daemon: TestDaemon, as actor: Int = 7) async throws -> Int {
            try await daemon.http().request("GET", "/v1/users/1/posts", ["X-Actor-Id": "\(actor)"]).status
        }
        try await TestDaemon.run(in: directory) { daemon in
            let (admin, body) = (try daemon.admin(), JSONText.object(["rateLimits.rules": rules]))
            for _ in 0..<3 { #expect(try await read(daemon) == 200) }
            let changed = try await admin.request("PATCH", "/admin/config", json: body)
            #expect(changed.status == 200 && changed.json["changed"]?[0] == .string("rateLimits.rules"))
            let shown = rules.replacing("1/h", with: "1/3600s")
            #expect(changed.json["values"]?["rateLimits.rules"] == .string(shown))
            #expect(try await read(daemon) == 200)
            #expect(try await read(daemon) == 429)
            let bad = try await admin.request(
                "PATCH", "/admin/config", json: JSONText.object(["rateLimits.rules": #"[{"name":"b"}]"#]))
            #expect(bad.status == 400 && bad.json["errors"]?[0]?["field"] == .string("values.rateLimits.rules"))
            #expect(try await read(daemon) == 429, "what was in force stays")
        }
        try await TestDaemon.run(in: directory, configure: Self.rules(rules)) { daemon async throws in
            #expect(try await read(daemon) == 429, "a restart is no new start")
            #expect(try await read(daemon, as: 8) == 200)
        }
    }

    /// A file of levels that is damaged costs nothing but the levels.
    @Test func damagedLevelsDoNotStopTheStart() async throws {
        let directory = try TemporaryDirectory()
        let rules = #"[{"name":"a","key":["user"],"rate":"1/h","burst":"1"}]"#
        try await TestDaemon.run(in: directory, configure: Self.rules(rules)) { daemon in
            _ = try await daemon.http().request("GET", "/v1/users/1/posts", ["X-Actor-Id": "7"])
        }
        try JSONText.write("nonsense", to: directory.path + "/data/rate-limits")
        try await TestDaemon.run(in: directory, configure: Self.rules(rules)) { daemon async throws in
            #expect(try await daemon.http().request("GET", "/v1/users/1/posts", ["X-Actor-Id": "7"]).status == 200)
        }
    }

    /// Every operation whose request holds many of something is charged by their number.
    @Test func everyBatchIsCounted() throws {
        let counted: Set<String> = [
            Starling_V1_BatchFollowsRequest.protoMessageName, Starling_V1_BatchPostsRequest.protoMessageName,
            Starling_V1_GetPostsRequest.protoMessageName, Starling_V1_GetUsersRequest.protoMessageName,
            Starling_V1_ProduceRequest.protoMessageName,
            // One list takes the place of another, whatever its length.
            Starling_V1_SetModerationRulesRequest.protoMessageName,
        ]
        let many = try OperationTable().operations.filter { operation in
            !operation.isAdmin && operation.input.fields.contains(where: \.isRepeated)
        }
        #expect(Set(many.map(\.input.fullName)) == counted)
    }
}
