import StarlingClient
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// A daemon, reached over TCP.
struct RemoteTarget: ReplayTarget {
    let client: Client
    let name: String

    init(host: String, port: Int) async throws {
        client = try await Client.connect(host: host, port: port)
        name = "\(client.server.name) at \(host):\(port)"
    }

    func importFollows(_ rows: [NewFollow], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void) {
        let request = Starling_V1_BatchFollowsRequest.with {
            $0.rows = rows.map { row in
                .with {
                    $0.userID = row.follower.rawValue
                    $0.targetID = row.followee.rawValue
                    if let since = row.sinceSeconds { $0.since = .init(seconds: Int64(since)) }
                }
            }
        }
        client.call("BatchFollows", request) { (result: Result<Starling_V1_BatchFollowsResponse, ClientError>) in
            completion(
                result.mapError { $0 }.map { response in
                    var outcome = BatchOutcome()
                    for row in response.results {
                        if row.hasError {
                            outcome.refuse(row.error.detail)
                        } else if row.changed {
                            outcome.changed += 1
                        }
                    }
                    return outcome
                })
        }
    }

    func importPosts(_ rows: [NewPost], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void) {
        let request = Starling_V1_BatchPostsRequest.with {
            $0.rows = rows.map { post in
                .with {
                    $0.authorID = post.author.rawValue
                    $0.text = post.text
                    if let time = post.createdAt {
                        $0.createdAt = .init(
                            seconds: Int64(time / 1_000), nanos: Int32(time % 1_000) * 1_000_000)
                    }
                }
            }
        }
        client.call("BatchPosts", request) { (result: Result<Starling_V1_BatchPostsResponse, ClientError>) in
            completion(
                result.mapError { $0 }.map { response in
                    var outcome = BatchOutcome()
                    for row in response.results {
                        if row.hasError { outcome.refuse(row.error.detail) } else { outcome.changed += 1 }
                    }
                    return outcome
                })
        }
    }

    func totals() async throws -> ReplayTotals {
        let quiet = try await client.call(
            "Quiesce", Starling_V1_QuiesceRequest(), answer: Starling_V1_QuiesceResponse.self)
        var totals = ReplayTotals()
        totals.users = quiet.totals.users
        totals.edges = quiet.totals.edges
        totals.posts = quiet.totals.posts
        totals.pushed = quiet.totals.deliveriesPushed
        totals.pulled = quiet.totals.deliveriesPull
        totals.skippedAway = quiet.totals.deliveriesSkippedAway
        totals.timelineEntries = quiet.totals.timelineEntries
        totals.timelineBytes = quiet.totals.timelineBytes
        totals.edgeBytes = quiet.totals.edgeBytes
        totals.logBytes = quiet.totals.logBytes
        totals.delayP50 = quiet.fanoutDelay.p50Microseconds
        totals.delayP99 = quiet.fanoutDelay.p99Microseconds
        totals.delayMaximum = quiet.fanoutDelay.maxMicroseconds
        return totals
    }

    func digest() async throws -> String {
        try await client.call(
            "StateDigest", Starling_V1_StateDigestRequest(), answer: Starling_V1_StateDigestResponse.self
        ).digest
    }

    func feed(of user: UInt64, limit: Int) async throws -> [SampleEntry] {
        let request = Starling_V1_FeedRequest.with {
            $0.userID = user
            $0.limit = UInt32(limit)
        }
        let page = try await client.call("Feed", request, answer: Starling_V1_FeedResponse.self)
        return page.items.map { item in
            SampleEntry(
                post: item.post.id, author: item.post.authorID, milliseconds: Self.milliseconds(item.post.createdAt),
                text: item.post.text)
        }
    }

    func newestPost(of author: UInt64) async throws -> UInt64? {
        let request = Starling_V1_UserPostsRequest.with {
            $0.userID = author
            $0.limit = 1
        }
        let page = try await client.call("UserPosts", request, answer: Starling_V1_UserPostsResponse.self)
        return page.items.first.map { Self.milliseconds($0.createdAt) }
    }

    func close() async throws { await client.close() }

    private static func milliseconds(_ time: Google_Protobuf_Timestamp) -> UInt64 {
        UInt64(max(time.seconds, 0)) * 1_000 + UInt64(max(time.nanos, 0)) / 1_000_000
    }
}
