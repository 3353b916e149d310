import Foundation
import StarlingEngine
import StarlingSets

/// Fan-out on one graph: all sides in turn, in process and over TCP.
struct FanOutMeasurement {
    let options: SuiteOptions
    let graph: FanOutGraph
    let cap: Int
    let peers: [RedisProgram]
    let seconds: Double
    let deliveries: Int
    let withTCP: Bool

    private static let threads = 2

    /// Measures, and notes the bars.
    func run(_ report: inout Report) throws -> [Section] {
        let redis = try peers.map { peer in
            try RedisPair(peer, graph, cap: cap, directory: options.directory("fanout-\(peer.name)"))
        }
        defer { for pair in redis { pair.close() } }
        let inside = try inProcess(redis)
        bars(inside, &report)
        guard withTCP else { return [inside] }
        let outside = try overTCP(redis)
        if isUsual {
            let best = outside.best { $0.hasPrefix("Starling") } ?? ""
            for peer in peers {
                report.note(
                    "over TCP, durable, to \(peer.name) with sorted sets, not durable (\(name))",
                    outside.ratio(best, to: Self.side(peer, .sortedSetSeldom)), atLeast: 80)
            }
        }
        return [inside, outside]
    }

    private var name: String { graph.name }

    private static func side(_ peer: RedisProgram, _ way: RedisFanOutWay) -> String { "\(peer.name), \(way.rawValue)" }

    /// Posts of a run: timelines are trimmed once in `leafCapacity` deliveries, and about at the same time, so a run takes
    /// whole rounds of that.
    private var posts: Int {
        let round = SortedSetArena<UInt32>.leafCapacity * graph.timelines
        return (deliveries + round - 1) / round * round / graph.followersPerPost
    }

    private func inProcess(_ redis: [RedisPair]) throws -> Section {
        var engines: [(workers: Int, engine: LoadedEngine)] = []
        for workers in 1...Self.threads {
            Progress.note("\(name): filling an engine of \(workers) workers")
            let engine = try LoadedEngine(graph, directory: options.directory("fanout-\(workers)")) {
                $0.workers = workers
                $0.timelineCap = cap
            }
            try engine.follow()
            try engine.fill()
            engines.append((workers, engine))
        }
        defer { for engine in engines { try? engine.engine.close() } }
        var sides: [Turns.Side] = []
        for threads in 1...Self.threads {
            for isPrefetching in [false, true] {
                sides.append(
                    Turns.Side(Self.ring(threads, isPrefetching: isPrefetching)) {
                        let rings = try RingTimelines(graph, cap: cap, threads: threads, isPrefetching: isPrefetching)
                        return [
                            try rings.measure(deliveries: posts * graph.followersPerPost), nil, rings.hugePageBytes,
                        ]
                    })
            }
        }
        for (workers, engine) in engines {
            sides.append(
                Turns.Side(Self.workersAlone(workers)) { [try engine.drain(posts: posts), nil, engine.hugePageBytes] })
        }
        for (workers, engine) in engines {
            sides.append(
                Turns.Side(Self.wholeEngine(workers)) {
                    [try engine.sustain(posts: posts), nil, engine.hugePageBytes]
                })
        }
        for pair in redis {
            for way in RedisFanOutWay.allCases {
                sides.append(
                    Turns.Side(Self.side(pair.peer, way)) {
                        let figures = try pair.timelines(way).measure(way, seconds: seconds)
                        return [figures.deliveriesPerSecond, figures.processors, nil]
                    })
            }
        }
        return try Turns(runs: options.runCount).measure(
            name,
            about:
                "In process. Redis: pipelined over loopback TCP, one connection, eight requests in flight; it has one thread"
                + " for commands, so 1.00 processors are all that it can use.",
            columns: [
                .init(name: "deliveries/s", unit: .perSecond), .init(name: "server's processors", unit: .processors),
                .init(name: "memory in huge pages", unit: .bytes),
            ], sides)
    }

    private static func ring(_ threads: Int, isPrefetching: Bool) -> String {
        "C ring, \(threads) thread\(threads == 1 ? "" : "s")\(isPrefetching ? ", prefetching" : "")"
    }
    private static func workersAlone(_ workers: Int) -> String {
        "Starling, \(workers) worker\(workers == 1 ? "" : "s") alone"
    }
    private static func wholeEngine(_ workers: Int) -> String {
        "Starling, \(workers) worker\(workers == 1 ? "" : "s") with log and disk"
    }

    /// Where the limits hold.
    private var isUsual: Bool { graph.followersPerPost == 200 }
    private var isLarge: Bool { graph.timelines >= 1_000_000 }

    private func bars(_ section: Section, _ report: inout Report) {
        let one = Self.workersAlone(1)
        report.note(
            "1 worker to the plain C ring on 1 thread (\(name))",
            section.ratio(one, to: Self.ring(1, isPrefetching: false)), atLeast: isLarge && isUsual ? 0.25 : nil)
        report.note(
            "1 worker to the prefetching C ring on 1 thread (\(name))",
            section.ratio(one, to: Self.ring(1, isPrefetching: true)))
        report.note(
            "2 workers to 1 (\(name))", section.ratio(Self.workersAlone(2), to: one), atLeast: isUsual ? 1.8 : nil)
        for peer in peers {
            let sortedSets = section.best {
                $0 == Self.side(peer, .sortedSet) || $0 == Self.side(peer, .sortedSetSeldom)
                    || $0 == Self.side(peer, .sortedSetScript)
            }
            report.note(
                "2 workers alone to \(peer.name) with sorted sets, best way (\(name))",
                section.ratio(Self.workersAlone(2), to: sortedSets ?? ""), atLeast: isUsual ? 250 : nil)
            report.note(
                "2 workers with log and disk to the same (\(name))",
                section.ratio(Self.wholeEngine(2), to: sortedSets ?? ""), atLeast: isUsual ? 250 : nil)
            report.note(
                "2 workers alone to \(peer.name) with lists, trimming one in 33 (\(name))",
                section.ratio(Self.workersAlone(2), to: Self.side(peer, .listSeldom)), atLeast: isUsual ? 70 : nil)
        }
    }

    private func overTCP(_ redis: [RedisPair]) throws -> Section {
        Progress.note("\(name): filling a daemon")
        let daemon = try DaemonTimelines(
            StarlingProgram(path: options.starling), graph, directory: options.directory("fanout-daemon"),
            workers: Self.threads, cap: cap)
        defer { try? daemon.close() }
        var sides = PostWay.allCases.map { way in
            Turns.Side("Starling, \(way.rawValue)") { try daemon.measure(way, seconds: seconds).row }
        }
        for pair in redis {
            for way in [RedisFanOutWay.sortedSet, .sortedSetSeldom, .listSeldom] {
                sides.append(
                    Turns.Side(Self.side(pair.peer, way)) {
                        try pair.timelines(way).measure(way, seconds: seconds).row
                    })
            }
        }
        return try Turns(runs: options.runCount).measure(
            name + ", over loopback TCP",
            about:
                "Starling: \(Self.threads) workers, every post is answered after its fdatasync, and time runs until the last is"
                + " delivered. Redis: without persistence; an answer is that of a request of up to 200 followers. The load takes"
                + " its share of the processors on both sides.",
            columns: FanOutFigures.columns, sides)
    }
}
