import ArgumentParser
import Foundation
import StarlingEngine
import StarlingLog

/// The `batch` suite: one post to 5,000 followers, one by one or in batches, by one worker or by many.
struct BatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "The time that a post to 5,000 followers takes, by batch size and by workers.",
        discussion: "Example: starling-bench batch")

    @OptionGroup var options: SuiteOptions
    @Option(help: "Timelines, a multiple of 5,000.") var timelines = 100_000
    @Option(help: "Entries of a timeline.") var cap = 800
    @Option(help: "Posts of a run: whole rounds of trimming are 124 times the timelines by 5,000.") var posts = 9_920
    @Option(help: "Posts of a run to Redis.") var redisPosts = 20

    private static let followers = 5_000
    private static let batches = [1, 10, 100, 1_000, 5_000]
    private static let threads = [1, 2, 4]

    func validate() throws {
        guard timelines.isMultiple(of: Self.followers), timelines > 0, cap >= 50, posts > 0, redisPosts > 0 else {
            throw ValidationError("--timelines is a multiple of 5000, --cap at least 50, --posts positive")
        }
    }

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let peers = Peers.redisLike()
        let graph = FanOutGraph(
            timelines: options.size(timelines, quick: Self.followers), followersPerPost: Self.followers)
        let measurement = BatchMeasurement(
            options: options, graph: graph, cap: cap, posts: options.size(posts, quick: 1_984))
        var report = options.report(
            "batch", "One post to 5,000 followers",
            configuration: [
                "\(graph.name), at their cap of \(cap).",
                "The experiment is that of a published Go feed service: 5.31 s one by one, 107.6 ms in batches of 100, 3.59 ms on"
                    + " 12 threads, with simulated waits of 1 ms. Nothing waits here but for real answers.",
            ] + Peers.describe(peers))
        let bySize = try bySize(measurement, peers)
        let byWorkers = try byWorkers(measurement)
        report.sections = [bySize, byWorkers]
        try report.publish(
            to: options.output, plots: [plot(bySize, peers), BarPlot(bySize), BarPlot(byWorkers)])
    }

    private static func sets(_ threads: Int, _ batch: Int) -> String {
        "Starling's sorted sets, \(threads) thread\(threads == 1 ? "" : "s"), batches of \(batch)"
    }
    private static func redis(_ peer: RedisProgram, _ batch: Int) -> String { "\(peer.name), batches of \(batch)" }

    private func bySize(_ measurement: BatchMeasurement, _ peers: [RedisProgram]) throws -> Section {
        var sides: [Turns.Side] = []
        for threads in Self.threads {
            Progress.note("filling sorted sets for \(threads) threads")
            let sets = try BareSets(measurement.graph, cap: cap, threads: threads)
            for batch in Self.batches where batch <= Self.followers / threads {
                sides.append(
                    Turns.Side(Self.sets(threads, batch)) {
                        measurement.row(try sets.measure(batch: batch, posts: measurement.posts))
                    })
            }
        }
        var servers: [RunningRedis] = []
        defer {
            for server in servers { server.stop() }
            for peer in peers { try? FileManager.default.removeItem(atPath: "\(options.data)/batch-\(peer.name)") }
        }
        for peer in peers {
            Progress.note("filling \(peer.name)")
            let server = try peer.start(directory: options.directory("batch-\(peer.name)"))
            servers.append(server)
            try RedisTimelines(.sortedSet, measurement.graph, cap: cap, server: server).fill()
            for batch in Self.batches {
                sides.append(
                    Turns.Side(Self.redis(peer, batch)) {
                        let posts = options.size(redisPosts, quick: 2)
                        return measurement.row(try measurement.redis(server, batch: batch, posts: posts))
                    })
            }
        }
        return try Turns(runs: options.runCount).measure(
            "By batch size",
            about:
                "Starling: calls of the fan-out loop with so many followers, in process. Redis: ZADD and ZREMRANGEBYRANK for"
                + " so many followers in one go over loopback TCP, the next when all are answered.",
            columns: BatchMeasurement.columns, sides)
    }

    private func byWorkers(_ measurement: BatchMeasurement) throws -> Section {
        var engines: [LoadedEngine] = []
        defer { for engine in engines { try? engine.close() } }
        var sides: [Turns.Side] = []
        for workers in [1, 2, 4, 8] {
            Progress.note("filling an engine of \(workers) workers")
            let engine = try LoadedEngine(measurement.graph, directory: options.directory("batch-\(workers)")) {
                $0.workers = workers
                $0.timelineCap = cap
                $0.acknowledgement = .memory
            }
            engines.append(engine)
            try engine.follow()
            try engine.fill()
            sides.append(
                Turns.Side("Starling, \(workers) worker\(workers == 1 ? "" : "s")") {
                    measurement.row(try measurement.engine(engine))
                })
        }
        return try Turns(runs: options.runCount).measure(
            "By workers, the whole engine",
            about:
                "One post at a time, from handing it over until every worker says that it is in all its followers' timelines;"
                + " answered from memory, so that the disk's sync is not what is measured. Most of it is waking threads.",
            columns: BatchMeasurement.columns, sides)
    }

    private func plot(_ section: Section, _ peers: [RedisProgram]) -> LinePlot {
        func series(_ name: String, _ side: (Int) -> String) -> LinePlot.Series {
            LinePlot.Series(
                name: name,
                points: Self.batches.compactMap { batch in
                    let values = section.values(side(batch))
                    return values.isEmpty ? nil : (Double(batch), Spread(values).median)
                })
        }
        return LinePlot(
            title: "A post to 5,000 followers", xAxis: "followers in a batch", yAxis: "time a post", unit: .seconds,
            series: Self.threads.map { threads in
                series("Starling, \(threads) thread\(threads == 1 ? "" : "s")") { Self.sets(threads, $0) }
            } + peers.map { peer in series(peer.name) { Self.redis(peer, $0) } })
    }
}
