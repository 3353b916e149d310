import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSimulation
import StarlingSystem
import SwiftProtobuf
import Synchronization

@testable import StarlingEngine
@testable import StarlingLog

/// Records of a log whose checksums are right, folded into an engine: it opens or says why not, and then it answers; and
/// it holds the same state when it is opened again, also with another number of workers.
enum FactsTarget: FuzzTarget {
    static let name = "facts"
    static let maximumBytes = 400

    static func run(_ input: UnsafeRawBufferPointer) throws {
        let script = FactScript(input)
        let disk = SimulatedDisk(seed: 1)
        try write(script, disk)
        let first: Hash128
        do {
            first = try digest(of: try open(disk, workers: 2), script)
        } catch is EngineOpenError {
            return
        }
        let second = try digest(of: try open(disk, workers: 3), script)
        expect(first == second, "the state differs when the log is folded again")
    }

    /// A log of the records in one segment.
    private static func write(_ script: FactScript, _ disk: SimulatedDisk) throws {
        let opened = try SeedLog.open(disk, segmentBytes: 16 << 10)
        for record in script.records {
            try record.value.withUnsafeBytes { value in
                guard let body = record.body else {
                    _ = try opened.writer.append(timestamp: record.timestamp, key: 7, value: value)
                    return
                }
                _ = try body.withUnsafeBytes {
                    try opened.writer.append(timestamp: record.timestamp, key: 7, value: value, body: $0)
                }
            }
        }
        try opened.writer.close(clean: true)
    }

    private static func open(_ disk: SimulatedDisk, workers: Int) throws(EngineOpenError) -> Engine {
        var configuration = EngineConfiguration()
        configuration.workers = workers
        configuration.timelineCap = 10
        configuration.celebrityThreshold = 4
        configuration.hugePages = false
        configuration.maximumPosts = 1 << 16
        configuration.maximumUsers = 1 << 16
        configuration.arenaBytes = 1 << 26
        configuration.ringEvents = 1024
        configuration.snapshots.isEnabled = false
        configuration.log.allowsTinySegments = true
        configuration.log.segmentBytes = 16 << 10
        let environment = EngineEnvironment(
            disk: disk, time: SimulatedTime(wallMilliseconds: 1_700_000_000_000), seed: 3)
        return try Engine.open(
            directory: "data", configuration: configuration, environment: environment, execution: .manual)
    }

    /// Reads a little of everything, and closes the engine.
    private static func digest(of engine: Engine, _ script: FactScript) throws -> Hash128 {
        for user in users(of: script) {
            let page = try answer(engine) { engine.feed(of: user, limit: 20, completion: $0) }
            _ = try engine.bodies(of: page.entries)
            let own = try answer(engine) { engine.posts(of: user, viewer: user, limit: 20, completion: $0) }
            _ = try engine.bodies(of: own.entries)
            _ = try answer(engine) { engine.followers(of: user, completion: $0) }
            _ = try answer(engine) { engine.following(of: user, completion: $0) }
            _ = try answer(engine) { engine.profile(of: user, completion: $0) }
        }
        let digest = try answer(engine) { engine.stateDigest(completion: $0) }.digest
        try engine.close(clean: true)
        return digest
    }

    /// Some of the accounts that the records speak of, and one that they need not.
    private static func users(of script: FactScript) -> [UserID] {
        var ids: Set<UInt64> = [1]
        for record in script.records.prefix(20) {
            guard let fact = try? Starling_V1_Fact(serializedBytes: record.value) else { continue }
            ids.formUnion([fact.followed.userID, fact.followed.targetID, fact.postCreated.authorID])
        }
        return ids.sorted().prefix(12).map { UserID(rawValue: $0) }
    }

    private static func answer<Value: Sendable>(
        _ engine: Engine, _ start: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) throws -> Value {
        let box = AnswerBox<Value>()
        start { box.set($0) }
        while engine.step() {}
        guard let result = box.value else { report("a read got no answer") }
        return try result.get()
    }

    static func seeds() throws -> [[UInt8]] {
        var random = SeededRandom(seed: 11)
        var seeds: [[UInt8]] = [
            // Follow, import, post with body and key, delete, change of mode, acknowledgement, unfollow.
            [
                0, 1, 2, 9, 2, 0x43, 3, 4, 5, 2, 2, 1, 1, 0x73, 5, 4, 10, 2, 104, 105, 50, 2, 0, 0x44, 50, 2, 5, 2, 1,
                4,
                0x16, 5, 16, 1, 1, 1, 2,
            ],
            // A value that is any bytes: a fact of `followed` in its own encoding.
            [8, 20, 10, 18, 9, 1, 0, 0, 0, 0, 0, 0, 0, 17, 2, 0, 0, 0, 0, 0, 0, 0],
        ]
        for _ in 0..<3 {
            seeds.append((0..<150).map { _ in UInt8(truncatingIfNeeded: random.next() % 24) })
        }
        return seeds
    }
}

/// Where a completion leaves its value.
private final class AnswerBox<Value: Sendable>: Sendable {
    private let content = Mutex<Result<Value, EngineError>?>(nil)

    func set(_ value: Result<Value, EngineError>) { content.withLock { $0 = value } }

    var value: Result<Value, EngineError>? { content.withLock { $0 } }
}
