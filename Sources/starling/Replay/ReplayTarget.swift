import Foundation
import StarlingClient
import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// What became of a batch.
struct BatchOutcome: Sendable {
    /// Rows that changed something.
    var changed = 0
    /// Rows that were refused, and why the first of them was.
    var refused = 0
    var firstRefusal: String?
}

/// What a replay's end is measured by.
struct ReplayTotals: Sendable {
    var users: UInt64 = 0
    var edges: UInt64 = 0
    var posts: UInt64 = 0
    var pushed: UInt64 = 0
    var pulled: UInt64 = 0
    var skippedAway: UInt64 = 0
    var timelineEntries: UInt64 = 0
    var timelineBytes: UInt64 = 0
    var edgeBytes: UInt64 = 0
    var logBytes: UInt64 = 0
    /// In microseconds.
    var delayP50: UInt64 = 0
    var delayP99: UInt64 = 0
    var delayMaximum: UInt64 = 0
}

/// One line of a sample feed.
struct SampleEntry: Sendable {
    var post: UInt64
    var author: UInt64
    var milliseconds: UInt64
    var text: String
}

/// Where a replay goes: an engine in this process, or a daemon. Batches are done in the order of the calls.
protocol ReplayTarget: Sendable {
    var name: String { get }
    func importFollows(_ rows: [NewFollow], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void)
    func importPosts(_ rows: [NewPost], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void)
    /// Waits until everything is delivered.
    func totals() async throws -> ReplayTotals
    /// The digest of the state.
    func digest() async throws -> String
    /// The newest entries of a feed.
    func feed(of user: UInt64, limit: Int) async throws -> [SampleEntry]
    /// Time of an author's newest post, or nil.
    func newestPost(of author: UInt64) async throws -> UInt64?
    func close() async throws
}

extension BatchOutcome {
    mutating func refuse(_ reason: String) {
        refused += 1
        if firstRefusal == nil { firstRefusal = reason }
    }
}

/// An engine in this process.
struct EmbeddedTarget: ReplayTarget {
    let engine: Engine
    private let actor = WriteContext(actor: UserID(rawValue: 0))

    init(directory: String, configuration: EngineConfiguration) throws {
        engine = try Engine.open(directory: directory, configuration: configuration) { reason in
            StandardError.print("starling: the log failed: \(reason)")
            StandardError.exit(code: 70)
        }
    }

    var name: String { "embedded engine, \(engine.configuration.workers) workers, ack \(engine.acknowledgement)" }

    func importFollows(_ rows: [NewFollow], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void) {
        engine.submit(.importFollows(rows), actor) { result in
            completion(
                result.mapError { $0 }.map { receipt in
                    var outcome = BatchOutcome()
                    guard case .follows(let rows) = receipt.outcome else { return outcome }
                    for row in rows {
                        switch row {
                        case .success(let edge): outcome.changed += edge.changed ? 1 : 0
                        case .failure(let error): outcome.refuse("\(error)")
                        }
                    }
                    return outcome
                })
        }
    }

    func importPosts(_ rows: [NewPost], completion: @escaping @Sendable (Result<BatchOutcome, any Error>) -> Void) {
        engine.submit(.importPosts(rows), actor) { result in
            completion(
                result.mapError { $0 }.map { receipt in
                    var outcome = BatchOutcome()
                    guard case .posts(let rows) = receipt.outcome else { return outcome }
                    for row in rows {
                        switch row {
                        case .success: outcome.changed += 1
                        case .failure(let error): outcome.refuse("\(error)")
                        }
                    }
                    return outcome
                })
        }
    }

    func totals() async throws -> ReplayTotals {
        let statistics = try await withCheckedThrowingContinuation { continuation in
            engine.quiesce { continuation.resume(with: $0.mapError { $0 }) }
        }.statistics
        var totals = ReplayTotals()
        totals.users = statistics.users
        totals.edges = statistics.edges
        totals.posts = statistics.posts
        totals.pushed = statistics.pushed
        totals.pulled = statistics.pulled
        totals.timelineEntries = statistics.timelineEntries
        totals.timelineBytes = statistics.timelineBytes
        totals.edgeBytes = statistics.edgeBytes
        totals.logBytes = engine.logBytes
        totals.delayP50 = statistics.delayP50 / 1_000
        totals.delayP99 = statistics.delayP99 / 1_000
        totals.delayMaximum = statistics.delayMaximum / 1_000
        return totals
    }

    func digest() async throws -> String {
        let digest = try await withCheckedThrowingContinuation { continuation in
            engine.stateDigest { continuation.resume(with: $0.mapError { $0 }) }
        }
        return "\(digest.digest)"
    }

    func feed(of user: UInt64, limit: Int) async throws -> [SampleEntry] {
        let page = try await withCheckedThrowingContinuation { continuation in
            engine.feed(of: UserID(rawValue: user), limit: limit) { continuation.resume(with: $0.mapError { $0 }) }
        }
        return zip(page.entries, try engine.bodies(of: page.entries)).map { entry, body in
            SampleEntry(
                post: entry.post.rawValue, author: entry.author.rawValue, milliseconds: entry.post.milliseconds,
                text: body?.text ?? "")
        }
    }

    func newestPost(of author: UInt64) async throws -> UInt64? {
        let page = try await withCheckedThrowingContinuation { continuation in
            engine.posts(of: UserID(rawValue: author), viewer: nil, limit: 1) {
                continuation.resume(with: $0.mapError { $0 })
            }
        }
        return page.entries.first?.post.milliseconds
    }

    func close() async throws { try engine.close() }
}
