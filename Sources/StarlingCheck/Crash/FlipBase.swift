import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem
import Synchronization

/// A small data directory in memory, and what it stands for: what is done to copies of it must not lead to anything
/// else.
struct FlipBase {
    static let directory = "/data"
    private static let records: UInt64 = 700

    let configuration: EngineConfiguration
    let seed: UInt64
    let disk: SimulatedDisk
    /// The files that a change is tried on, with their bytes.
    let files: [(path: String, bytes: [UInt8])]
    let digest: Hash128
    let lastLSN: UInt64
    /// Records up to here are known to have been durable, by what is in the directory.
    let durable: UInt64
    /// The chain after each record; it stands for everything before.
    let chains: [UInt64]

    /// Makes the directory that follows from `seed`: every second one is closed cleanly, the others end as by a kill,
    /// and two of four have snapshots.
    init(seed: UInt64, configuration: EngineConfiguration) throws {
        self.seed = seed
        var configuration = configuration
        configuration.workers = 2
        configuration.hugePages = false
        configuration.maximumUsers = 1 << 10
        configuration.maximumPosts = 1 << 12
        configuration.arenaBytes = 1 << 24
        configuration.timelineCap = DaemonLauncher.timelineCap
        configuration.celebrityThreshold = 12
        configuration.log.segmentBytes = LogLimits.smallestSegmentBytes
        configuration.log.batchBytes = 1_024
        configuration.snapshots.isEnabled = seed & 2 == 0
        configuration.snapshots.records = 300
        self.configuration = configuration
        disk = SimulatedDisk(seed: seed)
        let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
        let engine = try Self.open(disk, configuration, time, seed: seed)
        try Self.fill(engine, time, seed: seed)
        digest = try Self.digest(of: engine)
        lastLSN = engine.publishedLSN
        try engine.close(clean: seed.isMultiple(of: 2))
        files = try Self.files(on: disk)
        durable = LogVerifier.verify(directory: Self.directory, disk: disk, deep: true).durableWatermark
        chains = try Self.chains(on: disk)
    }

    static func open(
        _ disk: any Disk, _ configuration: EngineConfiguration, _ time: any TimeSource, seed: UInt64
    ) throws(EngineOpenError) -> Engine {
        try Engine.open(
            directory: directory, configuration: configuration,
            environment: EngineEnvironment(disk: disk, time: time, seed: seed), execution: .manual)
    }

    /// The same clients as elsewhere, a few writes a commit.
    private static func fill(_ engine: Engine, _ time: SimulatedTime, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let workload = Mutex(CrashWorkload(seed: seed, name: "flip"))
        while engine.publishedLSN < records {
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard case .write(let write) = workload.withLock({ $0.next() }) else { continue }
                let context = WriteContext(actor: UserID(rawValue: write.actor), idempotencyKey: write.key)
                engine.submit(write.command, context) { result in
                    guard case .success(let receipt) = result, case .post(let id) = receipt.outcome else { return }
                    workload.withLock { $0.note(post: id.rawValue, by: write.actor) }
                }
            }
            while engine.step() {}
            time.advance(milliseconds: UInt64.random(in: 0...30, using: &random))
        }
    }

    static func digest(of engine: Engine) throws -> Hash128 {
        let result = Mutex<Result<EngineDigest, EngineError>?>(nil)
        engine.stateDigest { answer in result.withLock { $0 = answer } }
        while engine.step() {}
        guard let answer = result.withLock({ $0 }) else { throw Violation("an engine does not tell its digest") }
        return try answer.get().digest
    }

    /// The files of the log and of the snapshots, without those that nobody reads.
    private static func files(on disk: SimulatedDisk) throws -> [(String, [UInt8])] {
        var files: [(String, [UInt8])] = []
        for folder in ["log", "snapshots"].map({ "\(directory)/\($0)" }) where disk.exists(folder) {
            for name in try disk.list(folder) where name != "lock" && !name.hasSuffix(".tmp") {
                let file = try disk.open("\(folder)/\(name)", .read)
                var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
                let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
                files.append(("\(folder)/\(name)", Array(bytes.prefix(count))))
            }
        }
        return files
    }

    static func chains(on disk: any Disk) throws -> [UInt64] {
        let reader = try LogReader(directory: directory, disk: disk)
        var chains: [UInt64] = []
        if reader.lastLSN >= reader.firstLSN {
            try reader.forEachRecord(from: reader.firstLSN) { chains.append($0.chain) }
        }
        return chains
    }

    /// The digest of the state after record `lsn`, by a log that never had more.
    func digest(after lsn: UInt64) throws -> Hash128 {
        let shorter = SimulatedDisk(seed: seed)
        let opened = try Log.open(directory: Self.directory, disk: shorter, newLogID: 1)
        try LogReader(directory: Self.directory, disk: disk).forEachRecord(from: 1, upTo: lsn) { record in
            let body = record.body.map { Array($0) }
            let value = Array(record.value)
            try value.withUnsafeBytes { value in
                let (timestamp, key) = (record.timestamp, record.key)
                if let body {
                    _ = try body.withUnsafeBytes {
                        try opened.writer.append(timestamp: timestamp, key: key, value: value, body: $0)
                    }
                } else {
                    _ = try opened.writer.append(timestamp: timestamp, key: key, value: value)
                }
            }
        }
        try opened.writer.close(clean: true)
        let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
        let engine = try Self.open(shorter, configuration, time, seed: seed)
        defer { try? engine.close(clean: false) }
        return try Self.digest(of: engine)
    }
}

extension CheckedWrite {
    /// As the engine takes it.
    var command: Command {
        switch kind {
        case .follow(let target): return .follow(UserID(rawValue: target))
        case .unfollow(let target): return .unfollow(UserID(rawValue: target))
        case .post(let text, let followersOnly):
            var post = NewPost(author: UserID(rawValue: actor), text: text)
            post.visibility = followersOnly ? .followers : .public
            return .createPost(post)
        case .delete(let post): return .deletePost(PostID(rawValue: post))
        case .importFollows(let edges):
            return .importFollows(
                edges.map {
                    NewFollow(follower: UserID(rawValue: $0.follower), followee: UserID(rawValue: $0.followee))
                })
        case .importPosts(let rows):
            return .importPosts(rows.map { NewPost(author: UserID(rawValue: $0.author), text: $0.text) })
        }
    }
}
