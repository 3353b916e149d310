import ArgumentParser
import Foundation

/// The `read` suite: pages a second over TCP, beside Redis.
struct ReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Pages of 50 over TCP: plain, hydrated, merged with celebrities, during fan-out, beside Redis.",
        discussion: """
            Redis needs 14 GB of memory for 100,000 timelines of 800. Making the data takes some minutes.

            Example: starling-bench read
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Timelines, a multiple of 200.") var timelines = 100_000
    @Option(help: "Entries of a timeline.") var cap = 800
    @Option(help: "Worker threads.") var workers = 2
    @Option(help: "Seconds of a run.") var seconds = 5.0
    @Option(help: "Only one part, 16 in flight.") var only: ReadPart?
    @Option(help: "Posts a second, to 200 followers each, while pages are read.") var posts = 250.0

    func validate() throws {
        guard timelines.isMultiple(of: 200), timelines >= 4_000 else {
            throw ValidationError("--timelines is a multiple of 200, at least 4000")
        }
        guard cap >= 200, (1...64).contains(workers), seconds > 0, posts > 0 else {
            throw ValidationError("--cap is at least 200, --workers 1 to 64, --seconds and --posts positive")
        }
    }

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let peers = Peers.redisLike()
        let graph = CelebrityGraph(
            graph: FanOutGraph(timelines: options.size(timelines, quick: 4_000), followersPerPost: 200))
        var report = options.report(
            "read", "Reading: pages of 50 over loopback TCP",
            configuration: [
                "\(graph.graph.name), at their cap of \(cap); 50 connections; readers drawn at random; the load takes its"
                    + " share of the processors. A third of the readers follows 20 celebrities, a third"
                    + " \(CelebrityGraph.largest); each celebrity has \(CelebrityGraph.posts) posts among the newest.",
                "Starling: `serve --workers \(workers) --ack disk`; celebrities are merged at read.",
            ] + Peers.describe(peers))
        let directory = try options.directory("read-starling")
        Progress.note("filling a daemon")
        let starling = try StarlingPages(
            StarlingProgram(path: options.starling), graph, directory: directory, workers: workers, cap: cap)
        defer { try? starling.timelines.close() }
        try starling.check()
        var redis: [(peer: RedisProgram, server: RunningRedis, pages: RedisPages)] = []
        defer {
            for one in redis {
                one.server.stop()
                try? FileManager.default.removeItem(atPath: "\(options.data)/read-\(one.peer.name)")
            }
        }
        for peer in peers {
            Progress.note("filling \(peer.name)")
            let server = try peer.start(directory: options.directory("read-\(peer.name)"))
            do {
                let pages = try RedisPages(graph, cap: cap, server: server)
                redis.append((peer, server, pages))
            } catch {
                server.stop()
                throw error
            }
            for third in [CelebrityGraph.Third.twenty, .all] { try redis[redis.count - 1].pages.check(third) }
            let encoding = try redis[redis.count - 1].pages.smallEncoding
            report.configuration.append("\(peer.name), timelines of \(RedisPages.smallCap): stored as \(encoding).")
        }
        let measurement = ReadMeasurement(
            runs: options.runCount, seconds: options.quick ? 0.5 : seconds, posts: posts, starling: starling,
            redis: redis.map { ($0.peer.name, $0.pages) },
            depths: only != nil ? [16] : options.quick ? [1, 16] : [1, 16, 64], only: only)
        report.sections = try measurement.run(&report)
        try starling.check()
        try report.publish(to: options.output, plots: report.sections.map { BarPlot($0) })
    }
}

/// A part of the suite that can be measured alone.
enum ReadPart: String, CaseIterable, ExpressibleByArgument {
    case ids, celebrities
}
