import StarlingEngine
import StarlingSchema
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// Blocks, mutes, private accounts and requests over HTTP, as a client meets them.
@Suite struct RelationTests {
    private struct Client {
        let http: HTTPConnection

        /// A request by an account; status and body.
        func call(
            _ method: String, _ target: String, by actor: UInt64, _ body: String? = nil
        ) async throws -> (status: Int, json: JSONValue) {
            let fields = actor == 0 ? [:] : ["X-Actor-Id": "\(actor)"]
            let reply = try await http.request(method, target, fields, body: body.map { Array($0.utf8) })
            return (reply.status, try JSONValue(parsing: reply.body))
        }

        /// `200`, or the problem: `403 BLOCKED`.
        func verdict(_ method: String, _ target: String, by actor: UInt64, _ body: String? = nil) async throws -> String
        {
            let answer = try await call(method, target, by: actor, body)
            return (["\(answer.status)"] + [answer.json["code"]?.string].compactMap { $0 }).joined(separator: " ")
        }

        func post(_ author: UInt64, _ more: String = "") async throws -> String {
            let answer = try await call("POST", "/v1/posts", by: author, "{\"text\":\"by \(author)\"\(more)}")
            return try #require(answer.json["post"]?["id"]?.string)
        }

        func userIDs(_ target: String, by actor: UInt64) async throws -> [String] {
            let answer = try await call("GET", target, by: actor)
            return (answer.json["items"]?.array ?? []).compactMap { $0["userId"]?.string }
        }

        func feed(_ reader: UInt64) async throws -> [String] {
            let answer = try await call("GET", "/v1/feed?hydrate=false", by: reader)
            return (answer.json["items"]?.array ?? []).compactMap { $0["postId"]?.string }
        }
    }

    private func withClient(_ body: (TestDaemon, Client) async throws -> Void) async throws {
        try await TestDaemon.run { daemon in try await body(daemon, Client(http: try daemon.http())) }
    }

    @Test func blockIsAWall() async throws {
        try await withClient { _, client in
            #expect(try await client.verdict("PUT", "/v1/users/1/following/2", by: 1) == "200")
            let post = try await client.post(2)
            #expect(try await client.feed(1) == [post])
            let block = try await client.call("PUT", "/v1/users/2/blocks/1", by: 2)
            #expect(block.json["changed"]?.bool == true && block.json["lsn"]?.string != nil)
            #expect(block.json["durability"]?.string == "OS")
            #expect(try await client.call("PUT", "/v1/users/2/blocks/1", by: 2).json["changed"]?.bool == false)
            #expect(try await client.feed(1) == [])
            #expect(try await client.verdict("GET", "/v1/posts/\(post)", by: 1) == "404 POST_NOT_FOUND")
            #expect(try await client.verdict("GET", "/v1/posts/\(post)", by: 3) == "200")
            #expect(try await client.verdict("PUT", "/v1/users/1/following/2", by: 1) == "403 BLOCKED")
            #expect(try await client.verdict("POST", "/v1/users/1/follow", by: 2) == "403 BLOCKED")
            let reply = "{\"text\":\"re\",\"replyTo\":\"\(post)\"}"
            #expect(try await client.verdict("POST", "/v1/posts", by: 1, reply) == "403 BLOCKED")
            #expect(try await client.userIDs("/v1/users/2/blocks", by: 2) == ["1"])
            let seen = try await client.call("GET", "/v1/users/1/relationships/2", by: 1).json
            #expect(seen["blockedBy"]?.bool == true && seen["blocking"]?.bool == false)
            #expect(seen["following"]?.bool == false)
            #expect(try await client.verdict("DELETE", "/v1/users/2/blocks/1", by: 2) == "200")
            #expect(try await client.verdict("PUT", "/v1/users/1/following/2", by: 1) == "200")
        }
    }

    @Test func privateAccountAnswersRequests() async throws {
        try await withClient { daemon, client in
            #expect(try await client.verdict("PUT", "/v1/users/4/following/1", by: 4) == "200")
            try await daemon.daemon.engine.write(.setAccountPrivacy(true), as: 1)
            let post = try await client.post(1)
            for requester in [2, 3] as [UInt64] {
                let asked = try await client.call("PUT", "/v1/users/\(requester)/following/1", by: requester).json
                #expect(asked["state"]?.string == "PENDING" && asked["changed"]?.bool == true)
            }
            #expect(try await client.userIDs("/v1/users/1/follow-requests", by: 1) == ["3", "2"])
            for (viewer, sees) in [(0, false), (2, false), (4, true), (1, true)] as [(UInt64, Bool)] {
                let expected = sees ? "200" : "404 POST_NOT_FOUND"
                #expect(try await client.verdict("GET", "/v1/posts/\(post)", by: viewer) == expected)
                let list = try await client.verdict("GET", "/v1/users/1/followers", by: viewer)
                #expect(list == (sees ? "200" : "403 PRIVATE_ACCOUNT"))
            }
            let path = "/v1/users/1/follow-requests"
            #expect(try await client.call("POST", "\(path)/2:accept", by: 1, "{}").json["changed"]?.bool == true)
            #expect(try await client.call("POST", "\(path)/3:reject", by: 1, "{}").json["changed"]?.bool == true)
            #expect(try await client.verdict("POST", "\(path)/9:accept", by: 1) == "404 FOLLOW_REQUEST_NOT_FOUND")
            #expect(try await client.verdict("POST", "\(path)/3:accept", by: 2) == "403 ACTOR_MISMATCH")
            #expect(try await client.userIDs(path, by: 1) == [])
            #expect(try await client.feed(2) == [post])
            #expect(try await client.feed(3) == [])
        }
    }

    @Test func muteHidesUntilItEnds() async throws {
        try await withClient { _, client in
            #expect(try await client.verdict("PUT", "/v1/users/1/following/2", by: 1) == "200")
            let post = try await client.post(2)
            let mute = "/v1/users/1/mutes/2"
            let forEver = "{\"expiresAt\":\"2090-01-01T00:00:00.5Z\"}"
            #expect(try await client.call("PUT", mute, by: 1, forEver).json["changed"]?.bool == true)
            #expect(try await client.feed(1) == [])
            #expect(try await client.verdict("GET", "/v1/posts/\(post)", by: 1) == "200")
            let list = try await client.call("GET", "/v1/users/1/mutes", by: 1).json["items"]?.array ?? []
            #expect(list.map { $0["expiresAt"]?.string } == ["2090-01-01T00:00:01Z"])
            for past in ["2001-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "soon"] {
                let body = "{\"expiresAt\":\"\(past)\"}"
                #expect(try await client.verdict("PUT", mute, by: 1, body) == "400 INVALID_ARGUMENT")
            }
            #expect(try await client.verdict("DELETE", mute, by: 1) == "200")
            #expect(try await client.feed(1) == [post])
        }
    }

    @Test func cursorsBelongToTheirList() async throws {
        try await withClient { _, client in
            for target in 2...5 { _ = try await client.verdict("PUT", "/v1/users/1/blocks/\(target)", by: 1) }
            let page = try await client.call("GET", "/v1/users/1/blocks?limit=3", by: 1).json
            let cursor = try #require(page["nextCursor"]?.string)
            #expect(try await client.userIDs("/v1/users/1/blocks?cursor=\(cursor)", by: 1) == ["5"])
            let elsewhere = try await client.verdict("GET", "/v1/users/1/mutes?cursor=\(cursor)", by: 1)
            #expect(elsewhere == "400 INVALID_ARGUMENT")
            #expect(try await client.verdict("GET", "/v1/users/1/blocks?limit=201", by: 1) == "400 INVALID_ARGUMENT")
        }
    }
}
