import StarlingEngine
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// The routes as the interface's page fixes them, with the shape of their answers, spelt out here and taken from
/// nowhere.
@Suite struct RouteTests {
    private static let actor = ["X-Actor-Id": "1"]

    /// What the answer to the one who made the post says: it knows who that was.
    private static func withoutAuthor(_ post: JSONValue) -> JSONValue {
        guard case .object(var fields) = post else { return post }
        fields["author"] = nil
        return .object(fields)
    }

    @Test func graphRoutes() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let first = try await http.request("PUT", "/v1/users/1/following/2", json: "{}")
            #expect(first.status == 200)
            #expect(first.text == #"{"state":"FOLLOWING","changed":true,"lsn":"1","durability":"OS"}"#)
            let again = try await http.request("POST", "/v1/users/2/follow", Self.actor)
            #expect(again.text == #"{"state":"FOLLOWING","changed":false,"lsn":"1","durability":"OS"}"#)
            let user = try await http.request("GET", "/v1/users/2", ["X-Min-Lsn": "1"])
            #expect(user.json["id"] == .string("2") && user.json["username"] == .string(""))
            #expect(user.json["followerCount"] == .string("1") && user.json["followingCount"] == .string("0"))
            let followers = try await http.request("GET", "/v1/users/2/followers").json
            #expect(followers["items"]?[0]?["userId"] == .string("1"))
            #expect(followers["items"]?[0]?["since"]?.string?.hasSuffix("Z") == true)
            #expect(followers["nextCursor"] == nil)
            let following = try await http.request("GET", "/v1/users/1/following?limit=1").json
            #expect(following["items"]?[0]?["userId"] == .string("2"))
            let mode = try await http.request("GET", "/v1/users/2/fanout-mode").json
            #expect(mode["mode"] == .string("PUSH") && mode["followerCount"] == .string("1"))
            let unfollow = try await http.request("DELETE", "/v1/users/1/following/2")
            #expect(unfollow.text == #"{"state":"NONE","changed":true,"lsn":"2","durability":"OS"}"#)
            let none = try await http.request("DELETE", "/v1/users/2/unfollow", Self.actor)
            #expect(none.text == #"{"state":"NONE","changed":false,"lsn":"2","durability":"OS"}"#)
            let body =
                #"{"rows":[{"userId":"3","targetId":4},{"user_id":3,"target_id":"3"},{"userId":5,"targetId":4}]}"#
            let batch = try await http.request("POST", "/v1/batch/follows", json: body)
            let results = batch.json["results"]
            #expect(batch.status == 200 && results?.array?.count == 3)
            #expect(results?[0]?["changed"] == .bool(true) && results?[2]?["changed"] == .bool(true))
            #expect(results?[1]?["error"]?["code"] == .string("SELF_FOLLOW"))
        }
    }

    @Test func postRoutes() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let made = try await http.request(
                "POST", "/v1/posts", Self.actor,
                json: #"{"text":"hello \u00fc","kind":"IMAGE","mediaUrl":"https://example.org/p.png"}"#)
            #expect(made.status == 201)
            let post = try #require(made.json["post"])
            let id = try #require(post["id"]?.string)
            #expect(made.field("Location") == "/v1/posts/\(id)")
            #expect(post["authorId"] == .string("1") && post["text"] == .string("hello \u{fc}"))
            #expect(post["kind"] == .string("IMAGE") && post["state"] == .string("PUBLISHED"))
            #expect(post["mediaUrl"] == .string("https://example.org/p.png") && post["thumbnailUrl"] == nil)
            #expect(post["counts"]?["likes"] == .string("0"))
            #expect(made.json["lsn"] == .string("1") && made.json["durability"] == .string("OS"))
            let found = try await http.request("GET", "/v1/posts/\(id)", ["X-Min-Lsn": "1"])
            #expect(found.status == 200 && Self.withoutAuthor(found.json) == post)
            let many = try await http.request("GET", "/v1/posts?ids=\(id),7&ids=8").json
            #expect(
                many["items"]?[0].map(Self.withoutAuthor) == post
                    && many["missing"] == .array([.string("7"), .string("8")]))
            let own = try await http.request("GET", "/v1/users/1/posts").json
            #expect(own["items"]?.array?.map(Self.withoutAuthor) == [post])
            let foreign = try await http.request("DELETE", "/v1/posts/\(id)", ["X-Actor-Id": "2"])
            #expect(foreign.status == 403 && foreign.json["code"] == .string("NOT_AUTHOR"))
            let deleted = try await http.request("DELETE", "/v1/posts/\(id)", Self.actor)
            #expect(deleted.text == #"{"changed":true,"lsn":"2","durability":"OS"}"#)
            let gone = try await http.request("GET", "/v1/posts/\(id)", ["X-Min-Lsn": "2"])
            #expect(gone.status == 404 && gone.field("Content-Type") == "application/problem+json")
            #expect(gone.json["accepted"] == .bool(false) && gone.json["status"] == .number(404))
            let batch = try await http.request(
                "POST", "/v1/batch/posts",
                json: #"{"rows":[{"authorId":"5","text":"old","createdAt":"2020-01-01T00:00:00Z"},{"authorId":"5"}]}"#)
            #expect(batch.status == 200 && batch.json["results"]?[1]?["error"]?["status"] == .number(400))
            #expect(batch.json["results"]?[0]?["postId"]?.string != nil)
        }
    }

    @Test func feedRoutes() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            _ = try await http.request("PUT", "/v1/users/1/following/2")
            let made = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "2"], json: #"{"text":"news"}"#)
            let lsn = try #require(made.json["lsn"]?.string)
            let id = try #require(made.json["post"]?["id"])
            let page = try await http.request("GET", "/v1/users/1/feed", ["X-Min-Lsn": lsn]).json
            #expect(page["items"]?[0]?["post"] == made.json["post"])
            #expect(page["items"]?[0]?["author"]?["id"] == .string("2"))
            #expect(page["complete"] == .bool(true) && page["nextCursor"] == nil && page["asOfLsn"] == .string(lsn))
            #expect(try await http.request("GET", "/v1/feed", Self.actor).json == page)
            let bare = try await http.request("GET", "/v1/feed?hydrate=false&order=RECENT", Self.actor).json
            #expect(bare["items"]?[0]?["postId"] == id && bare["items"]?[0]?["authorId"] == .string("2"))
            #expect(bare["items"]?[0]?["createdAt"]?.string != nil && bare["items"]?[0]?["post"] == nil)
            let nobody = try await http.request("GET", "/v1/feed")
            #expect(nobody.status == 401)
        }
    }

    @Test func adminRoutes() async throws {
        try await TestDaemon.run { daemon in
            let (http, admin) = (try daemon.http(), try daemon.admin())
            let quiet = try await admin.request("GET", "/admin/quiesce")
            #expect(quiet.status == 200 && quiet.json["lsn"] == .string("0"))
            let digest = try await admin.request("GET", "/admin/state-digest").json
            #expect(digest["digest"]?.string?.count == 32 && digest["workers"]?.array?.count == 2)
            let values = try await admin.request("GET", "/admin/config").json["values"]
            #expect(values?["timeline.cap"] == .string("800") && values?["ack"] == .string("os"))
            let body = #"{"values":{"fanout.celebrityThreshold":"3"}}"#
            let changed = try await admin.request("PATCH", "/admin/config", json: body).json["values"]
            #expect(changed?["fanout.celebrityThreshold"] == .string("3"))
            let fixed = try await admin.request("PATCH", "/admin/config", json: #"{"values":{"workers":"3"}}"#)
            #expect(fixed.status == 400 && fixed.json["errors"]?[0]?["field"] == .string("values.workers"))
            for (connection, target) in [(http, "/admin/state-digest"), (admin, "/v1/users/1")] {
                #expect(try await connection.request("GET", target).status == 404, "\(target) at the other listener")
            }
        }
    }

    /// The threshold that was set while running takes effect, and the author's mode says so.
    @Test func celebrityThresholdChangesWhileRunning() async throws {
        try await TestDaemon.run { daemon in
            let (http, admin) = (try daemon.http(), try daemon.admin())
            let body = #"{"values":{"fanout.celebrityThreshold":"2"}}"#
            #expect(try await admin.request("PATCH", "/admin/config", json: body).status == 200)
            for follower in 1...3 { _ = try await http.request("PUT", "/v1/users/\(follower)/following/9") }
            let made = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "9"], json: #"{"text":"star"}"#).json
            let lsn = try #require(made["lsn"]?.string)
            let mode = try await http.request("GET", "/v1/users/9/fanout-mode", ["X-Min-Lsn": lsn]).json
            #expect(mode["mode"] == .string("PULL") && mode["since"]?.string != nil)
            let page = try await http.request("GET", "/v1/users/3/feed").json
            #expect(page["items"]?[0]?["post"] == made["post"])
            let totals = try await admin.request("GET", "/admin/quiesce").json["totals"]
            #expect(totals?["deliveriesPull"] == .string("3") && totals?["deliveriesPushed"] == .string("0"))
        }
    }

    /// The share that was set while running takes effect, the author's mode says so, and the figures are there.
    @Test func celebrityCostShareChangesWhileRunning() async throws {
        try await TestDaemon.run(configure: { $0.engine.deliveriesPerSecond = 1 }) { daemon in
            let (http, admin) = (try daemon.http(), try daemon.admin())
            func mode() async throws -> JSONValue {
                let made = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "9"], json: #"{"text":"star"}"#)
                let lsn = try #require(made.json["lsn"]?.string)
                return try await http.request("GET", "/v1/users/9/fanout-mode", ["X-Min-Lsn": lsn]).json
            }
            for follower in 1...3 { _ = try await http.request("PUT", "/v1/users/\(follower)/following/9") }
            let pushed = try await mode()
            #expect(pushed["mode"] == .string("PUSH"))
            let reason = "never switched: 3 followers; authors are pulled from 10000 on, or above 864 deliveries a day"
            #expect(pushed["reason"] == .string(reason))
            let body = #"{"values":{"fanout.celebrityCostShare":"1e-5"}}"#
            let changed = try await admin.request("PATCH", "/admin/config", json: body).json["values"]
            #expect(changed?["fanout.celebrityCostShare"] == .string("1e-05"))
            let pulled = try await mode()
            #expect(pulled["mode"] == .string("PULL") && pulled["postsPerDay"]?.number == 2)
            let why = "pulled since followers times posts a day were 3 times 1; the limit is now 0 deliveries a day"
            #expect(pulled["reason"] == .string(why))
            let metrics = String(decoding: try await admin.request("GET", "/metrics").body, as: UTF8.self)
            #expect(metrics.contains("\nstarling_fanout_capacity_deliveries_per_second 1\n"))
        }
    }

    /// Of several settings all are changed, or none: also when it is not their values that are in the way.
    @Test func configChangesAsAWhole() async throws {
        try await TestDaemon.run { daemon in
            let admin = try daemon.admin()
            let before = try await admin.request("GET", "/admin/config").json["values"]
            for bad in [#""workers":"3""#, #""fanout.celebrityThreshold":"0""#, #""fanout.celebrityCostShare":"1.5""#] {
                let body = #"{"values":{"fanout.awayAfterSeconds":"77",\#(bad)}}"#
                #expect(try await admin.request("PATCH", "/admin/config", json: body).status == 400)
                #expect(try await admin.request("GET", "/admin/config").json["values"] == before)
            }
            try daemon.daemon.engine.close()
            let body =
                #"{"values":{"fanout.awayAfterSeconds":"77","fanout.celebrityCostShare":"0.5","fanout.celebrityThreshold":"7"}}"#
            #expect(try await admin.request("PATCH", "/admin/config", json: body).status == 503)
            #expect(try await admin.request("GET", "/admin/config").json["values"] == before)
        }
    }

    @Test(arguments: ["/livez", "/readyz", "/version", "/openapi.json"])
    func documentsAreForGET(target: String) async throws {
        try await TestDaemon.run { daemon in
            for connection in [try daemon.http(), try daemon.admin()] {
                let answer = try await connection.request("GET", target)
                #expect(answer.status == 200 && !answer.body.isEmpty)
                #expect(answer.field("X-Content-Type-Options") == "nosniff")
                let refused = try await connection.request("POST", target, json: "{}")
                #expect(refused.status == 405 && refused.field("Allow") == "GET")
            }
        }
    }
}
