import Foundation
import Glibc

/// A BGSAVE of Redis under load.
struct RedisSaveSample: Codable {
    var run: Int
    /// How long the fork stopped everything.
    var forkSeconds: Double
    var saveSeconds: Double
    var fileBytes: Int
    /// Of the server before, and the highest of server and copied pages meanwhile.
    var memoryBefore: UInt64
    var memoryPeak: UInt64
    var deliveriesPerSecondBefore: Double
    var deliveriesPerSecondMeanwhile: Double
    var readsBefore: LatencyFigures
    var readsMeanwhile: LatencyFigures
    var otherProcessors: Double
}

/// Loads the RDB file, puts the server under the load of fan-out with trimming, and saves.
struct RedisSaveMeasurement {
    let set: FullTimelines
    let redis: RedisProgram
    let pace: LoadPace

    func run(number: Int) throws -> RedisSaveSample {
        Progress.note("run \(number): loading Redis")
        let server = try redis.start(directory: set.redisDirectory)
        defer { server.stop() }
        let control = try server.waitUntilLoaded().connection
        // The file that everybody loads stays as it is.
        try RunningRedis.check(control.call("CONFIG", "SET", "dbfilename", "bgsave.rdb"))
        defer { try? FileManager.default.removeItem(atPath: set.redisDirectory + "/bgsave.rdb") }
        let load = fanOut(port: server.port)
        let machine = MachineLoad()
        let (own, harness) = (
            ProcessFigures.processorSeconds(server.identifier), ProcessFigures.processorSeconds(getpid())
        )
        let before = ProcessFigures.memory(server.identifier).rss
        let quiet = try phase(server, control) { Thread.sleep(forTimeInterval: pace.seconds) }
        let begin = monotonicSeconds()
        let busy = try phase(server, control) {
            try RunningRedis.check(control.call("BGSAVE"))
            while try control.info("persistence")["rdb_bgsave_in_progress"] == "1" { usleep(50_000) }
        }
        let seconds = monotonicSeconds() - begin
        let persistence = try control.info("persistence")
        guard persistence["rdb_last_bgsave_status"] == "ok" else { throw ProgramError(text: "BGSAVE failed") }
        let fork = Double(try control.info("stats")["latest_fork_usec"] ?? "") ?? 0
        let copied = UInt64(persistence["rdb_last_cow_size"] ?? "") ?? 0
        let used = ProcessFigures.processorSeconds(server.identifier) - own
        try load.stop()
        return RedisSaveSample(
            run: number, forkSeconds: fork / 1e6, saveSeconds: seconds,
            fileBytes: FullTimelines.bytes(under: set.redisDirectory), memoryBefore: before,
            memoryPeak: ProcessFigures.memory(server.identifier).rss + copied,
            deliveriesPerSecondBefore: quiet.deliveries, deliveriesPerSecondMeanwhile: busy.deliveries,
            readsBefore: quiet.reads, readsMeanwhile: busy.reads,
            otherProcessors: machine.others(own: used, harness: ProcessFigures.processorSeconds(getpid()) - harness))
    }

    private func phase(
        _ server: RunningRedis, _ control: RedisConnection, _ body: () throws -> Void
    ) throws -> (deliveries: Double, reads: LatencyFigures) {
        let port = server.port
        let users = set.graph.timelines
        func delivered() throws -> Double {
            let statistics = try control.info("commandstats")["cmdstat_zadd"] ?? ""
            let calls = statistics.split(separator: ",").first { $0.hasPrefix("calls=") }
            return calls.flatMap { Double($0.dropFirst(6)) } ?? 0
        }
        let (start, first) = (monotonicSeconds(), try delivered())
        let reader = SteadyReader(perSecond: pace.readsPerSecond) {
            guard let connection = RedisConnection(port: port) else { throw ProgramError(text: "redis-server is gone") }
            return { number in
                _ = try connection.call("ZREVRANGE", RedisProgram.key(1 + number &* 7_919 % users), "0", "49")
            }
        }
        try body()
        let reads = try reader.stop()
        return ((try delivered() - first) / (monotonicSeconds() - start), reads)
    }

    /// ZADD and ZREMRANGEBYRANK for 200 followers a post, pipelined, on one connection.
    private func fanOut(port: Int) -> BackgroundLoop {
        let graph = set.graph
        return BackgroundLoop("load") { mustStop in
            guard let connection = RedisConnection(port: port) else { throw ProgramError(text: "redis-server is gone") }
            var random = SplitMix(state: 9)
            var post = 2 * graph.posts
            while !mustStop() {
                var bytes: [UInt8] = []
                let member = RedisProgram.member(post)
                for _ in 0..<graph.followees {
                    let key = RedisProgram.key(1 + random.below(graph.timelines))
                    RedisConnection.append(["ZADD", key, member, member], to: &bytes)
                    RedisConnection.append(["ZREMRANGEBYRANK", key, "0", "\(-graph.entries - 1)"], to: &bytes)
                }
                try connection.send(bytes)
                for _ in 0..<(2 * graph.followees) { try RunningRedis.check(connection.answer()) }
                post += 1
            }
        }
    }
}
