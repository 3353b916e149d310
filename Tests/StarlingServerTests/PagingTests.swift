import StarlingEngine
import StarlingTestSupport
import Testing

@testable import StarlingServer

/// Limits and cursors of every list, over HTTP.
@Suite struct PagingTests {
    private static let lists = [
        "/v1/users/1/feed", "/v1/users/2/posts", "/v1/users/1/following", "/v1/users/2/followers",
    ]

    /// User 1 follows 2 to 8; 9 to 14 follow 2, who has posted seven times.
    private static func fill(_ daemon: TestDaemon) async throws {
        let http = try daemon.http()
        let follows =
            (2...8).map { #"{"userId":1,"targetId":\#($0)}"# } + (9...14).map { #"{"userId":\#($0),"targetId":2}"# }
        let made = try await http.request(
            "POST", "/v1/batch/follows", json: #"{"rows":[\#(follows.joined(separator: ","))]}"#)
        #expect(made.status == 200)
        let posts = (1...7).map { #"{"authorId":2,"text":"post \#($0)"}"# }
        _ = try await http.request("POST", "/v1/batch/posts", json: #"{"rows":[\#(posts.joined(separator: ","))]}"#)
        _ = try await daemon.admin().request("GET", "/admin/quiesce")
    }

    /// The list read to its end, with `limit` items a page.
    private static func items(_ http: HTTPConnection, _ list: String, limit: Int) async throws -> [JSONValue] {
        var items: [JSONValue] = []
        var target = "\(list)?limit=\(limit)"
        while true {
            let page = try await http.request("GET", target).json
            let more = try #require(page["items"]?.array)
            #expect(more.count <= limit)
            items += more
            guard let cursor = page["nextCursor"]?.string else { return items }
            #expect(more.count == limit, "only the last page may be shorter")
            target = "\(list)?limit=\(limit)&cursor=\(cursor)"
        }
    }

    @Test(arguments: lists) func everyPageSizeGivesTheSameList(list: String) async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon)
            let http = try daemon.http()
            let whole = try await Self.items(http, list, limit: 200)
            #expect(whole.count == 7)
            for limit in [1, 2, 3, 7] { #expect(try await Self.items(http, list, limit: limit) == whole) }
        }
    }

    @Test(arguments: lists) func limitsAreFrom1To200(list: String) async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            for limit in ["0", "201", "-1", "1.5", "x", "", "99999999999999999999"] {
                let answer = try await http.request("GET", "\(list)?limit=\(limit)")
                #expect(answer.status == 400, "limit=\(limit)")
                #expect(answer.json["errors"]?[0]?["field"] == .string("limit"))
            }
            for limit in ["1", "200"] {
                let answer = try await http.request("GET", "\(list)?limit=\(limit)")
                #expect(answer.status == 200, "limit=\(limit)")
            }
        }
    }

    @Test func withoutALimitAPageHas50() async throws {
        try await TestDaemon.run { daemon in
            let http = try daemon.http()
            let posts = (1...60).map { #"{"authorId":2,"text":"post \#($0)"}"# }.joined(separator: ",")
            let made = try await http.request("POST", "/v1/batch/posts", json: #"{"rows":[\#(posts)]}"#).json
            let lsn = try #require(made["lsn"]?.string)
            let page = try await http.request("GET", "/v1/users/2/posts", ["X-Min-Lsn": lsn]).json
            #expect(page["items"]?.array?.count == 50 && page["nextCursor"] != nil)
        }
    }

    /// A cursor that is changed in any place, of another list or of another user is refused; the last place too, where
    /// base64 has bits to spare.
    @Test(arguments: lists) func foreignCursorsAreRefused(list: String) async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon)
            let http = try daemon.http()
            let first = try await http.request("GET", "\(list)?limit=1").json
            let cursor = try #require(first["nextCursor"]?.string)
            var forgeries = [
                cursor + "A", String(cursor.dropLast()), "A", "*", "%00", cursor.uppercased(), cursor + "=",
            ]
            for place in cursor.indices {
                let other: Character = cursor[place] == "A" ? "B" : "A"
                forgeries.append(cursor.replacingCharacters(place, by: other))
            }
            for forgery in forgeries {
                let answer = try await http.request("GET", "\(list)?cursor=\(forgery)")
                #expect(answer.status == 400, "\(forgery) for \(cursor)")
                #expect(answer.json["errors"]?[0]?["field"] == .string("cursor"))
            }
            let otherUser = list.replacing("users/1", with: "users/9").replacing("users/2", with: "users/9")
            for target in Self.lists + [otherUser] where target != list {
                #expect(try await http.request("GET", "\(target)?cursor=\(cursor)").status == 400, "\(target)")
            }
            #expect(try await http.request("GET", "\(list)?cursor=\(cursor)").status == 200)
        }
    }

    /// The cursor of the route that names the user belongs to the route that takes the actor: it is the same list.
    @Test func bothFeedRoutesShareTheirCursors() async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon)
            let http = try daemon.http()
            let first = try await http.request("GET", "/v1/users/1/feed?limit=2").json
            let cursor = try #require(first["nextCursor"]?.string)
            let byPath = try await http.request("GET", "/v1/users/1/feed?cursor=\(cursor)")
            let byActor = try await http.request("GET", "/v1/feed?cursor=\(cursor)", ["X-Actor-Id": "1"])
            let byOther = try await http.request("GET", "/v1/feed?cursor=\(cursor)", ["X-Actor-Id": "9"])
            #expect(byActor.body == byPath.body && byPath.status == 200 && byOther.status == 400)
        }
    }

    @Test func cursorsOutliveARestartWithOtherWorkers() async throws {
        let directory = try TemporaryDirectory()
        var rests: [String: JSONValue] = [:]
        var cursors: [String: String] = [:]
        try await TestDaemon.run(in: directory) { daemon in
            try await Self.fill(daemon)
            let http = try daemon.http()
            for list in Self.lists {
                let first = try await http.request("GET", "\(list)?limit=3").json
                let cursor = try #require(first["nextCursor"]?.string)
                cursors[list] = cursor
                rests[list] = try await http.request("GET", "\(list)?cursor=\(cursor)").json["items"]
            }
        }
        try await TestDaemon.run(in: directory, configure: { try $0.set("workers", "3") }) { daemon in
            let http = try daemon.http()
            for (list, cursor) in cursors {
                let rest = try await http.request("GET", "\(list)?cursor=\(cursor)").json
                #expect(rest["items"] == rests[list] && rest["items"]?.array?.count == 4, "\(list)")
            }
        }
    }

    /// Another daemon's data directory has another key.
    @Test func cursorsOfAnotherDaemonAreRefused() async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon)
            let page = try await daemon.http().request("GET", "/v1/users/1/feed?limit=1").json
            let cursor = try #require(page["nextCursor"]?.string)
            try await TestDaemon.run { other in
                let answer = try await other.http().request("GET", "/v1/users/1/feed?cursor=\(cursor)")
                #expect(answer.status == 400)
            }
        }
    }

    /// The post at the cursor was deleted and new ones came: the rest is what it was.
    @Test func aCursorNeedsNotItsPost() async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon)
            let http = try daemon.http()
            let whole = try await Self.items(http, "/v1/users/1/feed", limit: 50)
            let first = try await http.request("GET", "/v1/users/1/feed?limit=3").json
            let cursor = try #require(first["nextCursor"]?.string)
            let last = try #require(first["items"]?[2]?["post"]?["id"]?.string)
            _ = try await http.request("POST", "/v1/posts", ["X-Actor-Id": "3"], json: #"{"text":"newer"}"#)
            let gone = try await http.request("DELETE", "/v1/posts/\(last)", ["X-Actor-Id": "2"]).json
            let lsn = try #require(gone["lsn"]?.string)
            let rest = try await http.request("GET", "/v1/users/1/feed?cursor=\(cursor)", ["X-Min-Lsn": lsn]).json
            #expect(rest["items"]?.array == Array(whole[3...]))
        }
    }
}

extension String {
    fileprivate func replacingCharacters(_ place: Index, by character: Character) -> String {
        self[..<place] + String(character) + self[index(after: place)...]
    }
}
