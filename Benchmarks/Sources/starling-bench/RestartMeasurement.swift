import Foundation
import Glibc

/// One start.
struct RestartSample: Codable {
    var run: Int
    var cache: PageCache
    /// From before exec: until the ready line (Starling), or the first PONG (Redis).
    var readySeconds: Double
    /// From before exec until the first correct page (Starling), or the first ZREVRANGE (Redis).
    var pageSeconds: Double
    /// Processor time of the server until then; resolution 10 ms.
    var processorSeconds: Double
    var memory: MemorySample
    /// Processors that other programs used meanwhile.
    var otherProcessors: Double
    /// When nothing is mapped from files any more, with what memory then; nil for Redis.
    var movedSeconds: Double?
    var movedMemory: MemorySample?
    var hugePageBytes: UInt64?
    /// What moving did to reads: the workers' stalls.
    var moveStalls: StallFigures?
    var digestIsEqual: Bool?
}

/// Starts both servers and looks at the clock.
struct RestartMeasurement {
    let set: FullTimelines
    let facts: FullTimelines.Facts
    let redis: RedisProgram

    /// A user whose page is known.
    private func user(_ run: Int) -> Int {
        let users = facts.pages.keys.sorted()
        return users[run % users.count]
    }

    /// Moving is given up on after so long.
    private static let movingLimitSeconds = 120.0

    func starling(run: Int, _ cache: PageCache) throws -> RestartSample {
        try cache.prepare(set.starlingDirectory)
        let user = user(run)
        let load = MachineLoad()
        let harness = ProcessFigures.processorSeconds(getpid())
        let start = monotonicSeconds()
        let daemon = try set.program.serve(
            data: set.starlingDirectory, workers: set.workers, settings: set.serveSettings)
        let ready = monotonicSeconds()
        defer { daemon.stop() }
        let body = try HTTPConnection(daemon.http).call("GET", FeedPageAnswer.path(user: user))
        let answered = monotonicSeconds()
        let used = ProcessFigures.processorSeconds(daemon.identifier)
        let memory = ProcessFigures.memory(daemon.identifier)
        let others = load.others(own: used, harness: ProcessFigures.processorSeconds(getpid()) - harness)
        guard try JSONDecoder().decode(FeedPageAnswer.self, from: body).ids == facts.pages[user] else {
            throw ProgramError(text: "the first page of user \(user) after the start is not the one before")
        }
        var sample = RestartSample(
            run: run, cache: cache, readySeconds: ready - start, pageSeconds: answered - start, processorSeconds: used,
            memory: memory, otherProcessors: others)
        while ProcessFigures.maps(daemon.identifier, suffix: ".pages"),
            monotonicSeconds() - answered < Self.movingLimitSeconds
        { usleep(10_000) }
        sample.movedSeconds = monotonicSeconds() - start
        sample.moveStalls = try daemon.metrics().stalls
        sample.movedMemory = ProcessFigures.memory(daemon.identifier)
        sample.hugePageBytes = ProcessFigures.hugePageBytes(daemon.identifier)
        sample.digestIsEqual = try daemon.digest() == facts.digest
        Progress.note(
            "run \(run) \(cache.rawValue) starling: page after \(sample.pageSeconds) s, moved after \(sample.movedSeconds ?? 0) s"
        )
        return sample
    }

    func redis(run: Int, _ cache: PageCache) throws -> RestartSample {
        try cache.prepare(set.redisDirectory)
        let load = MachineLoad()
        let harness = ProcessFigures.processorSeconds(getpid())
        let start = monotonicSeconds()
        let server = try redis.start(directory: set.redisDirectory)
        defer { server.stop() }
        let (connection, loaded) = try server.waitUntilLoaded()
        let key = RedisProgram.key(user(run))
        guard case .list(let page) = try connection.call("ZREVRANGE", key, "0", "\(FullTimelines.pageSize - 1)"),
            page.count == FullTimelines.pageSize
        else { throw ProgramError(text: "redis-server has no page of \(key)") }
        let answered = monotonicSeconds()
        let used = ProcessFigures.processorSeconds(server.identifier)
        let others = load.others(own: used, harness: ProcessFigures.processorSeconds(getpid()) - harness)
        Progress.note("run \(run) \(cache.rawValue) redis: PONG after \(loaded - start) s")
        return RestartSample(
            run: run, cache: cache, readySeconds: loaded - start, pageSeconds: answered - start, processorSeconds: used,
            memory: ProcessFigures.memory(server.identifier), otherProcessors: others)
    }
}
