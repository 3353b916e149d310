import NIOCore
import StarlingClient
import StarlingEngine
import StarlingSchema
import StarlingTestSupport
import StarlingWire
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// Plain pages of ids take a way of their own over TCP: nobody may see which way a request went.
@Suite struct FeedPageBatchTests {
    private static let feed: UInt16 = 80

    /// User 1 follows 2 to 9, who post in turn; 10 follows nobody.
    private static func fill(_ daemon: TestDaemon, posts: Int) async throws {
        let http = try daemon.http()
        let follows = (2...9).map { #"{"userId":1,"targetId":\#($0)}"# } + [#"{"userId":3,"targetId":2}"#]
        _ = try await http.request(
            "POST", "/v1/batch/follows", json: #"{"rows":[\#(follows.joined(separator: ","))]}"#)
        let rows = (0..<posts).map { #"{"authorId":\#(2 + $0 % 8),"text":"post \#($0)"}"# }
        _ = try await http.request("POST", "/v1/batch/posts", json: #"{"rows":[\#(rows.joined(separator: ","))]}"#)
        _ = try await daemon.admin().request("GET", "/admin/quiesce")
    }

    private static func request(
        _ user: UInt64, limit: UInt32? = nil, cursor: String = "", hydrate: Bool? = false, idsOnly: Bool = false
    ) -> Starling_V1_FeedRequest {
        .with {
            $0.userID = user
            if let limit { $0.limit = limit }
            $0.cursor = cursor
            if let hydrate { $0.hydrate = hydrate }
            $0.idsOnly = idsOnly
        }
    }

    private struct Answer: Equatable {
        var flags: FrameFlags
        var payload: [UInt8]
    }

    /// The answers to all payloads, sent at once, by their places. With a context, though an empty one, a request takes the way
    /// of all operations.
    private static func answers(
        _ connection: WireConnection, _ payloads: [[UInt8]], context: Starling_V1_RequestContext?
    ) async throws -> [Answer] {
        var bytes: [UInt8] = []
        for (place, payload) in payloads.enumerated() {
            bytes += try connection.frame(Self.feed, payload, correlation: UInt64(place), context: context)
        }
        try await connection.send(bytes)
        var answers = [Answer?](repeating: nil, count: payloads.count)
        for _ in payloads {
            let frame = try #require(try await connection.answer())
            #expect(frame.header.opcode == Self.feed)
            let place = Int(frame.header.correlation)
            #expect(answers[place] == nil, "one answer for each request")
            answers[place] = Answer(flags: frame.header.flags, payload: Array(buffer: frame.payload))
        }
        return answers.compactMap(\.self)
    }

    @Test(arguments: [1, 3]) func bothWaysAnswerAlike(workers: Int) async throws {
        try await TestDaemon.run(configure: { $0.engine.workers = workers }) { daemon in
            try await Self.fill(daemon, posts: 60)
            let connection = try await WireConnection.open(daemon)
            let first = try await Self.answers(
                connection, [try Self.request(1, limit: 7).serializedBytes()], context: nil)
            let page = try Starling_V1_FeedResponse(serializedBytes: first[0].payload)
            #expect(page.items.count == 7 && page.hasNextCursor && page.complete)
            var payloads: [[UInt8]] = []
            for user in [1, 2, 3, 10, 999, 0] as [UInt64] {
                for limit in [nil, 0, 1, 8, 59, 60, 61, 200, 201] as [UInt32?] {
                    payloads.append(try Self.request(user, limit: limit).serializedBytes())
                    payloads.append(try Self.request(user, limit: limit, idsOnly: true).serializedBytes())
                }
                for cursor in [
                    page.nextCursor, "x", String(page.nextCursor.dropLast()), String(repeating: "A", count: 23),
                ] {
                    payloads.append(try Self.request(user, cursor: cursor).serializedBytes())
                }
                payloads.append(try Self.request(user, hydrate: true).serializedBytes())
                payloads.append(try Self.request(user, hydrate: nil).serializedBytes())
                payloads.append(try Self.request(user, hydrate: nil, idsOnly: true).serializedBytes())
                payloads.append(try Self.request(user, hydrate: true, idsOnly: true).serializedBytes())
                payloads.append(
                    try Starling_V1_FeedRequest.with {
                        $0.userID = user
                        $0.hydrate = false
                        $0.order = .ranked
                    }.serializedBytes())
            }
            payloads += [[], [0xff], [0x09, 1, 2], Array(repeating: 0x28, count: 40)]
            // Twice, so that one read of the server holds hundreds.
            payloads += payloads
            let plain = try await Self.answers(connection, payloads, context: nil)
            let others = try await Self.answers(connection, payloads, context: Starling_V1_RequestContext())
            #expect(plain.count == payloads.count && others.count == payloads.count)
            for place in payloads.indices where plain[place] != others[place] {
                Issue.record("request \(payloads[place]): \(plain[place]) and \(others[place])")
            }
            #expect(Set(plain.map(\.flags.rawValue)) == [0, FrameFlags.problem.rawValue])
        }
    }

    @Test func idsAloneAreTheIdsOfTheItems() async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon, posts: 20)
            let connection = try await WireConnection.open(daemon)
            let answers = try await Self.answers(
                connection,
                [
                    try Self.request(1, limit: 9).serializedBytes(),
                    try Self.request(1, limit: 9, idsOnly: true).serializedBytes(),
                ], context: nil)
            let items = try Starling_V1_FeedResponse(serializedBytes: answers[0].payload)
            let ids = try Starling_V1_FeedResponse(serializedBytes: answers[1].payload)
            #expect(ids.ids.postIds == items.items.map(\.postID) && ids.ids.postIds.count == 9 && ids.items.isEmpty)
            #expect(ids.nextCursor == items.nextCursor && ids.asOfLsn == items.asOfLsn && ids.complete)
            let http = try daemon.http()
            let page = try await http.request("GET", "/v1/users/1/feed?limit=9&idsOnly=true").json
            #expect(page["ids"]?["postIds"]?.array?.compactMap(\.string) == ids.ids.postIds.map(String.init))
            let refused = try await http.request("GET", "/v1/users/1/feed?idsOnly=true&hydrate=true")
            #expect(refused.status == 400)
        }
    }

    /// Read to the end by cursors, the pages are the feed.
    @Test func cursorsOfBothWaysLeadOn() async throws {
        try await TestDaemon.run { daemon in
            try await Self.fill(daemon, posts: 41)
            let connection = try await WireConnection.open(daemon)
            var posts: [UInt64] = []
            var cursor = ""
            var isPlain = true
            repeat {
                let payload: [UInt8] = try Self.request(1, limit: 6, cursor: cursor).serializedBytes()
                let answer = try await Self.answers(
                    connection, [payload], context: isPlain ? nil : Starling_V1_RequestContext())
                let page = try Starling_V1_FeedResponse(serializedBytes: answer[0].payload)
                posts += page.items.map(\.postID)
                cursor = page.nextCursor
                isPlain.toggle()
            } while !cursor.isEmpty
            #expect(posts.count == 41 && posts == posts.sorted(by: >) && Set(posts).count == 41)
        }
    }

    /// Each of many connections gets its own pages, whoever else asks in the same moment, and also one that says goodbye.
    @Test func connectionsAreNotMixedUp() async throws {
        try await TestDaemon.run(configure: { $0.engine.workers = 2 }) { daemon in
            try await Self.fill(daemon, posts: 30)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let connection = try await WireConnection.open(daemon)
                        let user: UInt64 = number % 2 == 0 ? 1 : 3
                        let payload: [UInt8] = try Self.request(user, limit: 100).serializedBytes()
                        for _ in 0..<5 {
                            let answers = try await Self.answers(
                                connection, Array(repeating: payload, count: 40), context: nil)
                            for answer in answers {
                                let page = try Starling_V1_FeedResponse(serializedBytes: answer.payload)
                                #expect(page.items.count == (user == 1 ? 30 : 4))
                                #expect(page.items.allSatisfy { $0.authorID == 2 || user == 1 })
                            }
                        }
                        // What was asked before the goodbye is answered.
                        var bytes: [UInt8] = []
                        for place in 0..<20 as Range<UInt64> {
                            bytes += try connection.frame(Self.feed, payload, correlation: place)
                        }
                        bytes += try connection.frame(ProtocolOpcode.goAway)
                        try await connection.send(bytes)
                        var seen = Set<UInt64>()
                        while let frame = try await connection.answer() {
                            if frame.header.opcode == Self.feed { seen.insert(frame.header.correlation) }
                        }
                        #expect(seen.count == 20)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func pagesCountAsRequestsInFlight() async throws {
        try await TestDaemon.run(configure: { try $0.set("tcp.inFlight", "8") }) { daemon in
            try await Self.fill(daemon, posts: 8)
            let connection = try await WireConnection.open(daemon)
            let payload: [UInt8] = try Self.request(1).serializedBytes()
            let answers = try await Self.answers(connection, Array(repeating: payload, count: 50), context: nil)
            let refused = answers.filter { $0.flags.contains(.problem) }
            #expect(refused.count > 0 && refused.count <= 42)
            let problem = try Starling_V1_Problem(serializedBytes: try #require(refused.first).payload)
            #expect(problem.code == "TOO_MANY_IN_FLIGHT")
            // The connection goes on.
            let later = try await Self.answers(connection, [payload], context: nil)
            #expect(later[0].flags.isEmpty)
        }
    }

    /// Posts with everything that they can have, by registered authors and others, some of them gone.
    @Test(arguments: [1, 3]) func hydratedPagesOfBothWaysAreAlike(workers: Int) async throws {
        try await TestDaemon.run(
            configure: {
                $0.engine.workers = workers
                try $0.set("auth.scryptCost", "10")
            },
            { daemon in
                let fixture = AccountFixture(daemon: daemon, http: try daemon.http())
                let authors = [try await fixture.session("anna").user, try await fixture.session("bert").user, 3, 4]
                let tcp = TCPDoor(client: try await daemon.client())
                for author in authors { try await tcp.follow(1, author) }
                let posts = try await Self.fillRichly(tcp, authors)
                _ = try await fixture.http.request("DELETE", "/v1/posts/\(posts[3])", ["X-Actor-Id": "\(authors[3])"])
                _ = try await daemon.admin().request("GET", "/admin/quiesce")
                let connection = try await WireConnection.open(daemon)
                var payloads: [[UInt8]] = []
                for limit in [nil, 1, 7, 39, 200] as [UInt32?] {
                    for user in [1, 2] as [UInt64] {
                        payloads.append(try Self.request(user, limit: limit, hydrate: true).serializedBytes())
                        payloads.append(try Self.request(user, limit: limit, hydrate: nil).serializedBytes())
                    }
                }
                payloads += payloads
                let plain = try await Self.answers(connection, payloads, context: nil)
                let others = try await Self.answers(connection, payloads, context: Starling_V1_RequestContext())
                #expect(plain == others)
                let page = try Starling_V1_FeedResponse(serializedBytes: plain[0].payload)
                #expect(page.items.count == 39 && !page.items.contains { $0.post.id == posts[3] })
                #expect(Set(page.items.map(\.author.username)) == ["anna", "bert", ""])
                #expect(page.items.contains { $0.post.counts.reactions.count > 2 && $0.hasMyReaction })
                #expect(page.items.contains { $0.post.hasEditedAt } && page.items.contains { $0.post.hasRepostOf })
                await tcp.client.close()
            })
    }

    /// Forty posts in turn.
    private static func fillRichly(_ tcp: TCPDoor, _ authors: [UInt64]) async throws -> [UInt64] {
        var posts: [UInt64] = []
        for number in 0..<40 {
            let request = Starling_V1_CreatePostRequest.with {
                $0.authorID = authors[number % 4]
                $0.text = String(repeating: "ß\(number)", count: number % 5 == 0 ? 3_000 : 2)
                $0.kind = Starling_V1_Post.Kind(rawValue: number % 3) ?? .text
                if number % 3 != 0 { $0.mediaURL = "https://example.org/\(number)" }
                if number % 7 == 0 { $0.thumbnailURL = "https://example.org/small" }
                if number > 5, number % 4 == 0 { $0.replyTo = posts[0] }
                if number > 5, number % 6 == 0 { $0.repostOf = posts[2] }
                if number % 8 == 1 { $0.visibility = .followers }
            }
            let answer = try await tcp.call(
                "CreatePost", request, answer: Starling_V1_CreatePostResponse.self
            ).success()
            posts.append(answer.post.id)
        }
        for (number, post) in posts.enumerated() where number % 3 == 0 {
            for user in [1, 3, 4, 11, 12] as [UInt64] where number % 8 != 1 {
                let react = Starling_V1_ReactRequest.with {
                    ($0.userID, $0.postID) = (user, post)
                    $0.kind = Starling_V1_ReactionKind(rawValue: Int(user) % 6) ?? .like
                }
                _ = try await tcp.call("React", react, answer: Starling_V1_ReactResponse.self).success()
            }
            guard number % 2 == 0 else { continue }
            let edit = Starling_V1_EditPostRequest.with {
                ($0.authorID, $0.postID) = (authors[number % 4], post)
                $0.text = "changed"
            }
            _ = try await tcp.call("EditPost", edit, answer: Starling_V1_EditPostResponse.self).success()
        }
        return posts
    }
}
