import StarlingSimulation
import StarlingSystem
import StarlingTopics
import Synchronization

@testable import StarlingEngine
@testable import StarlingLog

/// An engine on a disk in memory, stepped by the test, that can be crashed and opened again.
final class EngineFixture {
    let disk: SimulatedDisk
    let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
    var configuration: EngineConfiguration
    private(set) var engine: Engine

    /// Settings small enough that trims, rolls and switches happen all the time.
    static func smallConfiguration(workers: Int = 2) -> EngineConfiguration {
        var configuration = EngineConfiguration()
        configuration.workers = workers
        configuration.timelineCap = 50
        configuration.celebrityThreshold = 12
        configuration.hugePages = false
        configuration.maximumPosts = 1 << 20
        configuration.maximumUsers = 1 << 20
        configuration.arenaBytes = 1 << 30
        configuration.log.allowsTinySegments = true
        configuration.log.segmentBytes = 8 << 10
        configuration.log.batchBytes = 2_048
        // Tests that count calls of the disk, or make them fail, mean those of the engine's own log.
        configuration.feedEvents = false
        configuration.topics.allowsTinySegments = true
        configuration.topics.segmentBytes = 2_048
        configuration.topics.firstSegmentBytes = 512
        return configuration
    }

    /// An engine with small settings, changed as the test needs them.
    static func small(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> EngineFixture {
        var configuration = smallConfiguration()
        change(&configuration)
        return try EngineFixture(configuration)
    }

    /// Edges, and posts with keys, a different key each time.
    static func fill(_ fixture: EngineFixture, rounds: Int = 60) throws {
        for round in 0..<rounds {
            try fixture.follow(UInt64(round % 17 + 1), UInt64(round % 5 + 20))
            _ = try fixture.post(UInt64(round % 5 + 20), "post \(round)", key: "key \(fixture.engine.publishedLSN)")
        }
    }

    init(
        _ configuration: EngineConfiguration = smallConfiguration(), seed: UInt64 = 1, disk: SimulatedDisk? = nil
    ) throws {
        self.disk = disk ?? SimulatedDisk(seed: seed)
        self.configuration = configuration
        engine = try Engine.open(
            directory: "/data", configuration: configuration,
            environment: EngineEnvironment(disk: self.disk, time: time, seed: seed), execution: .manual)
    }

    /// Ends the engine and opens it again, after a crash of the disk unless `crash` is nil.
    func restart(crash: CrashMode? = nil, workers: Int? = nil) throws {
        try engine.close(clean: crash == nil)
        if let crash { disk.crash(crash) }
        if let workers { configuration.workers = workers }
        engine = try Engine.open(
            directory: "/data", configuration: configuration,
            environment: EngineEnvironment(disk: disk, time: time, seed: 7), execution: .manual)
    }

    /// Stops as soon as an answer is there, so that snapshots go on over many operations.
    var isLazy = false

    func settle() { while engine.step() {} }

    private func settle<Value>(until box: Box<Value>) {
        if isLazy { while box.isEmpty, engine.step() {} } else { settle() }
    }

    /// Submits one command and leaves it to `settle`.
    func submit(
        _ command: Command, as actor: UInt64, key: String? = nil, fingerprint: UInt64 = 0
    ) -> Box<Result<WriteReceipt, EngineError>> {
        let box = Box<Result<WriteReceipt, EngineError>>()
        let context = WriteContext(
            actor: UserID(rawValue: actor), idempotencyKey: key,
            fingerprint: Hash128(high: 0, low: fingerprint))
        engine.submit(command, context) { box.set($0) }
        return box
    }

    /// Submits one command and returns its answer.
    @discardableResult
    func run(_ command: Command, as actor: UInt64, key: String? = nil, fingerprint: UInt64 = 0) throws -> WriteReceipt {
        let box = submit(command, as: actor, key: key, fingerprint: fingerprint)
        settle(until: box)
        return try box.value().get()
    }

    /// Submits one command and returns why it was refused, or nil.
    func refusal(_ command: Command, as actor: UInt64, key: String? = nil, fingerprint: UInt64 = 0) throws -> String? {
        let box = submit(command, as: actor, key: key, fingerprint: fingerprint)
        settle()
        guard case .failure(let error) = try box.value() else { return nil }
        return error.name
    }

    func post(_ author: UInt64, _ text: String = "hello", key: String? = nil) throws -> PostID {
        let receipt = try run(.createPost(NewPost(author: UserID(rawValue: author), text: text)), as: author, key: key)
        guard case .post(let id) = receipt.outcome else { throw UnexpectedOutcome() }
        return id
    }

    @discardableResult
    func follow(_ follower: UInt64, _ followee: UInt64) throws -> Bool {
        let receipt = try run(.follow(UserID(rawValue: followee)), as: follower)
        guard case .follow(let outcome) = receipt.outcome else { throw UnexpectedOutcome() }
        return outcome.changed
    }

    @discardableResult
    func unfollow(_ follower: UInt64, _ followee: UInt64) throws -> Bool {
        let receipt = try run(.unfollow(UserID(rawValue: followee)), as: follower)
        guard case .follow(let outcome) = receipt.outcome else { throw UnexpectedOutcome() }
        return outcome.changed
    }

    @discardableResult
    func delete(_ post: PostID, as actor: UInt64) throws -> Bool {
        let receipt = try run(.deletePost(post), as: actor)
        guard case .deleted(let changed) = receipt.outcome else { throw UnexpectedOutcome() }
        return changed
    }

    /// Runs a read to its answer.
    func read<Value: Sendable>(_ start: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void) throws
        -> Value
    {
        let box = Box<Result<Value, EngineError>>()
        start { box.set($0) }
        settle(until: box)
        return try box.value().get()
    }

    func feedPage(_ user: UInt64, from position: PagePosition? = nil, limit: Int = 50) throws -> PostPage {
        try read {
            engine.feed(
                of: UserID(rawValue: user), from: position, limit: limit, minimumLSN: engine.publishedLSN,
                completion: $0)
        }
    }

    /// Pages of many feeds, as each worker gives them.
    func feeds(_ queries: [FeedQuery]) throws -> [FeedPages] {
        let box = Box<[FeedPages]>()
        let answered = Mutex<(queries: Int, pages: [FeedPages])>((0, []))
        engine.feeds(queries) { own, result in
            let all = answered.withLock { answered in
                answered.queries += own.count
                if case .success(let pages) = result { answered.pages.append(pages) }
                return answered.queries == queries.count ? answered.pages : nil
            }
            if let all { box.set(all) }
        }
        settle(until: box)
        return try box.value()
    }

    /// The whole feed, page by page.
    func feed(_ user: UInt64, limit: Int = 50) throws -> [PostID] {
        var result: [PostID] = []
        var position: PagePosition?
        repeat {
            let page = try feedPage(user, from: position, limit: limit)
            result += page.entries.map(\.post)
            position = page.next
        } while position != nil
        return result
    }

    func digest() throws -> Hash128 { try read { engine.stateDigest(completion: $0) }.digest }

    func statistics() throws -> EngineStatistics { try read { engine.quiesce(completion: $0) }.statistics }
}

struct UnexpectedOutcome: Error {}

extension EngineError {
    /// The case, for comparison: `notAuthor`, or `invalid(text)`.
    var name: String {
        if case .invalid(let field, _) = self { return "invalid(\(field))" }
        switch self {
        case .closed: return "closed"
        case .credentialsChanged: return "credentialsChanged"
        case .sessionEnded: return "sessionEnded"
        default: break
        }
        return Mirror(reflecting: self).children.first?.label ?? ""
    }
}

/// Where a completion leaves its value.
final class Box<Value: Sendable>: Sendable {
    private let content = Mutex<Value?>(nil)
    struct Empty: Error {}

    var isEmpty: Bool { content.withLock { $0 == nil } }

    func set(_ value: Value) { content.withLock { $0 = value } }

    func value() throws -> Value {
        guard let value = content.withLock({ $0 }) else { throw Empty() }
        return value
    }
}
