import StarlingClient
import StarlingEngine
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Feeds in their ranked order, by both doors.
@Suite struct RankedFeedTests {
    /// User 1 follows 2 to 5, who post in turn; user 1 has liked and commented on the third post, by 4.
    private static func fill(_ daemon: TestDaemon) async throws -> [UInt64] {
        let http = try daemon.http()
        let tcp = TCPDoor(client: try await daemon.client())
        for author in 2...5 as ClosedRange<UInt64> { try await tcp.follow(1, author) }
        var posts: [UInt64] = []
        for number in 0..<12 as Range<UInt64> {
            posts.append(try await tcp.post(2 + number % 4, "post \(number)").post.id)
        }
        _ = try await http.request("POST", "/v1/posts/\(posts[2])/like", ["X-Actor-Id": "1"])
        _ = try await http.request(
            "POST", "/v1/posts/\(posts[2])/comments", ["X-Actor-Id": "1"], json: #"{"text":"yes"}"#)
        _ = try await daemon.admin().request("GET", "/admin/quiesce")
        await tcp.client.close()
        return posts
    }

    private static func request(
        limit: UInt32, cursor: String = "", order: Starling_V1_FeedOrder = .ranked, user: UInt64 = 1
    ) -> Starling_V1_FeedRequest {
        .with {
            $0.userID = user
            $0.limit = limit
            $0.cursor = cursor
            $0.order = order
        }
    }

    /// The feed to its end, a page by each door in turn.
    private static func read(
        _ daemon: TestDaemon, from start: String = "", limit: UInt32
    ) async throws -> [UInt64] {
        let client = try await daemon.client()
        let doors: [any Door] = [TCPDoor(client: client), try HTTPDoor(daemon), try HTTPDoor(daemon, route: 1)]
        var posts: [UInt64] = []
        var cursor = start
        var turn = 0
        repeat {
            let page = try await doors[turn % doors.count].call(
                "Feed", request(limit: limit, cursor: cursor), answer: Starling_V1_FeedResponse.self,
                .with { $0.actorID = 1 }
            ).success()
            #expect(page.complete && page.items.count <= Int(limit))
            posts += page.items.map(\.post.id)
            cursor = page.nextCursor
            turn += 1
        } while !cursor.isEmpty
        await client.close()
        return posts
    }

    @Test(arguments: [1, 2, 5, 200] as [UInt32]) func bothDoorsReadOneOrder(limit: UInt32) async throws {
        try await TestDaemon.run(configure: { try $0.set("ranking.candidates", "9") }) { daemon in
            let posts = try await Self.fill(daemon)
            let first = try await Self.read(daemon, limit: limit)
            // The author whom the reader deals with comes first; the third post of all is older than the nine that are ranked.
            #expect(Set(first.prefix(2)) == [posts[6], posts[10]] && Set(first) == Set(posts) && first.count == 12)
            #expect(Array(first.suffix(3)) == [posts[2], posts[1], posts[0]])
        }
    }

    @Test func cursorsHoldOverRestartsAndNewWeights() async throws {
        let directory = try TemporaryDirectory()
        var daemon = try await TestDaemon.start(in: directory)
        let posts = try await Self.fill(daemon)
        let order = try await Self.read(daemon, limit: 200)
        #expect(order[0] == posts[2])
        let client = try await daemon.client()
        let page = try await client.call(
            "Feed", Self.request(limit: 4), answer: Starling_V1_FeedResponse.self)
        #expect(page.items.map(\.post.id) == Array(order.prefix(4)))
        #expect(page.items[0].hasMyReaction && page.items[0].post.counts.comments == 1)
        await client.close()
        try await daemon.daemon.shutDown()
        daemon = try await TestDaemon.start(in: directory) {
            try $0.set("workers", "3")
            try $0.set("ranking.affinityWeight", "0")
            try $0.set("ranking.engagementWeight", "0")
        }
        #expect(try await Self.read(daemon, from: page.nextCursor, limit: 3) == Array(order.dropFirst(4)))
        #expect(try await Self.read(daemon, limit: 3) == posts.reversed())
        // Weights change while running.
        let body = #"{"values":{"ranking.engagementWeight":"1.0"}}"#
        let changed = try await daemon.admin().request("PATCH", "/admin/config", json: body)
        #expect(changed.json["values"]?["ranking.engagementWeight"] == .string("1.0"))
        #expect(try await Self.read(daemon, limit: 3).first == posts[2])
        try await daemon.daemon.shutDown()
    }

    @Test func everyFormHasTheSameOrder() async throws {
        try await TestDaemon.run { daemon in
            _ = try await Self.fill(daemon)
            let order = try await Self.read(daemon, limit: 200)
            let http = try daemon.http()
            let bare = try await http.request("GET", "/v1/users/1/feed?order=RANKED&hydrate=false&limit=5").json
            #expect(bare["items"]?.array?.compactMap { $0["postId"]?.string } == order.prefix(5).map(String.init))
            let ids = try await http.request("GET", "/v1/users/1/feed?order=RANKED&idsOnly=true&limit=5").json
            #expect(ids["ids"]?["postIds"]?.array?.compactMap(\.string) == order.prefix(5).map(String.init))
            let empty = try await http.request("GET", "/v1/users/77/feed?order=RANKED").json
            #expect(empty["items"] == nil || empty["items"]?.array?.isEmpty == true)
            #expect(empty["nextCursor"] == nil)
        }
    }

    @Test func cursorsBelongToTheirOrderAndReader() async throws {
        try await TestDaemon.run { daemon in
            _ = try await Self.fill(daemon)
            let client = try await daemon.client()
            let ranked = try await client.call(
                "Feed", Self.request(limit: 2), answer: Starling_V1_FeedResponse.self
            ).nextCursor
            let recent = try await client.call(
                "Feed", Self.request(limit: 2, order: .recent), answer: Starling_V1_FeedResponse.self
            ).nextCursor
            await client.close()
            let refused = [
                Self.request(limit: 2, cursor: recent), Self.request(limit: 2, cursor: ranked, order: .recent),
                Self.request(limit: 2, cursor: ranked, user: 2), Self.request(limit: 2, cursor: ranked + "A"),
                Self.request(limit: 2, cursor: String(ranked.dropLast())),
                Self.request(limit: 2, cursor: ranked.replacing("A", with: "B", maxReplacements: 1)),
            ]
            for request in refused {
                let doors: [any Door] = [TCPDoor(client: try await daemon.client()), try HTTPDoor(daemon)]
                for door in doors {
                    let answer = try await door.call("Feed", request, answer: Starling_V1_FeedResponse.self)
                    #expect(answer.verdict == "400 INVALID_ARGUMENT")
                }
            }
        }
    }
}
