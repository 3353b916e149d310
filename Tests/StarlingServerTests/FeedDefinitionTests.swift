import Foundation
import StarlingClient
import StarlingSchema
import StarlingSystem
import StarlingTestSupport
import SwiftProtobuf
import Testing

@testable import StarlingServer

/// The feed over HTTP, page by page to its end, against its definition: the posts of all whom the reader follows now,
/// newest first, each once.
@Suite struct FeedDefinitionTests {
    /// A post as the test knows it.
    private struct Post {
        var id: UInt64
        var author: UInt64
    }

    /// What there should be, in the simplest form.
    private struct Model {
        var followees: [UInt64: Set<UInt64>] = [:]
        var posts: [Post] = []

        func feed(of reader: UInt64) -> [UInt64] {
            let authors = followees[reader] ?? []
            return posts.reversed().filter { authors.contains($0.author) }.map(\.id)
        }

        /// Who follows most; of several the lowest id.
        var greatestReader: UInt64 {
            followees.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key ?? 0
        }
    }

    private static func feed(_ http: HTTPConnection, of reader: UInt64, limit: Int) async throws -> [UInt64] {
        var ids: [UInt64] = []
        var cursor = ""
        repeat {
            let answer = try await http.request("GET", "/v1/users/\(reader)/feed?limit=\(limit)\(cursor)")
            let page = try Starling_V1_FeedResponse(jsonUTF8Bytes: answer.body)
            ids += page.items.map(\.post.id)
            cursor = page.hasNextCursor ? "&cursor=\(page.nextCursor)" : ""
            #expect(page.complete && page.items.count <= limit)
        } while !cursor.isEmpty
        return ids
    }

    private static func importFollows(_ client: Client, _ edges: [(UInt64, UInt64)], _ model: inout Model) async throws
    {
        for (follower, followee) in edges { model.followees[follower, default: []].insert(followee) }
        for start in stride(from: 0, to: edges.count, by: 10_000) {
            let request = Starling_V1_BatchFollowsRequest.with {
                $0.rows = edges[start..<min(start + 10_000, edges.count)].map { follower, followee in
                    .with { ($0.userID, $0.targetID) = (follower, followee) }
                }
            }
            let answer = try await client.call("BatchFollows", request, answer: Starling_V1_BatchFollowsResponse.self)
            #expect(answer.results.count == request.rows.count && !answer.results.contains { $0.hasError })
        }
    }

    private static func importPosts(
        _ client: Client, _ posts: [(author: UInt64, seconds: Int64)], _ model: inout Model
    ) async throws {
        for start in stride(from: 0, to: posts.count, by: 10_000) {
            let request = Starling_V1_BatchPostsRequest.with {
                $0.rows = posts[start..<min(start + 10_000, posts.count)].map { post in
                    .with {
                        $0.authorID = post.author
                        $0.text = "p"
                        $0.createdAt.seconds = post.seconds
                    }
                }
            }
            let answer = try await client.call("BatchPosts", request, answer: Starling_V1_BatchPostsResponse.self)
            for (row, result) in zip(request.rows, answer.results) {
                #expect(!result.hasError)
                model.posts.append(Post(id: result.postID, author: row.authorID))
            }
        }
    }

    /// Small caps and thresholds: one feed is made of what was pushed, what is pulled, and what lies past the cap.
    @Test(arguments: [1, 2, 3]) func aGeneratedGraph(workers: Int) async throws {
        let configure: (inout DaemonConfiguration) throws -> Void = { configuration in
            for (key, value) in [
                ("timeline.cap", "20"), ("fanout.celebrityThreshold", "14"), ("workers", "\(workers)"),
            ] {
                try configuration.set(key, value)
            }
        }
        try await TestDaemon.run(configure: configure) { daemon in
            var random = SeededRandom(seed: UInt64(workers))
            var model = Model()
            let client = try await daemon.client()
            let tcp = TCPDoor(client: client)
            let users: ClosedRange<UInt64> = 1...40
            var edges: [(UInt64, UInt64)] = []
            for reader in users {
                for followee in users where reader != followee && random.next() % 40 >= followee {
                    edges.append((reader, followee))
                }
            }
            try await Self.importFollows(client, edges, &model)
            var posts: [(author: UInt64, seconds: Int64)] = []
            for number in 0..<1_500 {
                posts.append((random.next() % 40 + 1, 1_600_000_000 + Int64(number / 3)))
            }
            try await Self.importPosts(client, Array(posts[..<1_000]), &model)
            for _ in 0..<60 {
                let (reader, followee) = (random.next() % 40 + 1, random.next() % 40 + 1)
                let request = Starling_V1_UnfollowRequest.with { ($0.userID, $0.targetID) = (reader, followee) }
                if reader == followee { continue }
                let answer = try await tcp.call("Unfollow", request, answer: Starling_V1_UnfollowResponse.self)
                let wasThere = model.followees[reader]?.remove(followee) != nil
                #expect(try answer.success().changed == wasThere)
            }
            for _ in 0..<40 {
                let post = model.posts.remove(at: Int(random.next() % UInt64(model.posts.count)))
                let request = Starling_V1_DeletePostRequest.with { $0.postID = post.id }
                let answer = try await tcp.call(
                    "DeletePost", request, answer: Starling_V1_DeletePostResponse.self, actor: post.author)
                #expect(try answer.success().changed)
            }
            try await Self.importPosts(client, Array(posts[1_000...]), &model)
            let quiet = try await daemon.admin().request("GET", "/admin/quiesce").json["totals"]
            #expect(quiet?["deliveriesPull"] != .string("0") && quiet?["deliveriesPushed"] != .string("0"))
            let http = try daemon.http()
            for reader in users {
                let limit = reader == model.greatestReader ? 50 : Int(random.next() % 200) + 1
                #expect(try await Self.feed(http, of: reader, limit: limit) == model.feed(of: reader), "user \(reader)")
            }
        }
    }

    private static let activity = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/data/higgs").standardizedFileURL.path

    /// The lines of a gzip file, at most `count`.
    private static func lines(_ name: String, count: Int) throws -> [[Substring]] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", "\(activity)/\(name)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n", maxSplits: count).prefix(count).map { $0.split(separator: " ") }
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: activity),
            "the Higgs activity is not there: \(activity) is needed, see its README"))
    func aDayOfRealActivity() async throws {
        try await TestDaemon.run(configure: { try $0.set("fanout.celebrityThreshold", "1000") }) { daemon in
            var model = Model()
            let client = try await daemon.client()
            let posts = try Self.lines("posts.txt.gz", count: 60_000).map { line in
                (author: UInt64(line[0]) ?? 0, seconds: Int64(line[1]) ?? 0)
            }
            let edges = try Self.lines("follows.txt.gz", count: 1_000_000).map { line in
                (UInt64(line[0]) ?? 0, UInt64(line[1]) ?? 0)
            }
            try await Self.importFollows(client, edges, &model)
            try await Self.importPosts(client, posts, &model)
            _ = try await daemon.admin().request("GET", "/admin/quiesce")
            let expected = model.feed(of: model.greatestReader)
            #expect(expected.count > 500, "the reader with most followees has a feed past the cap of a page")
            let http = try daemon.http()
            #expect(try await Self.feed(http, of: model.greatestReader, limit: 50) == expected)
        }
    }
}
