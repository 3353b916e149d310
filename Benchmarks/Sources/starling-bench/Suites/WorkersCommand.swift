import ArgumentParser
import StarlingEngine

/// The `workers` suite: what more workers bring.
struct WorkersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers",
        abstract: "Deliveries a second, speed-up and delay by the number of workers.",
        discussion: "Example: starling-bench workers --workers 1,2,4,8")

    @OptionGroup var options: SuiteOptions
    @Option(help: "Numbers of workers, separated by commas.") var workers = "1,2,4,8"
    @Option(help: "Timelines.") var timelines = 100_000
    @Option(help: "Followers of each author.") var followers = 200
    @Option(help: "Entries of a timeline.") var cap = 800
    @Option(help: "Posts of a run, for the rates.") var posts = 1_240_000
    @Option(help: "Seconds of a run, for the delays.") var seconds = 10.0

    private var counts: [Int] { workers.split(separator: ",").compactMap { Int($0) }.filter { (1...64).contains($0) } }

    func validate() throws {
        guard !counts.isEmpty else { throw ValidationError("--workers are numbers from 1 to 64, as 1,2,4,8") }
        guard timelines.isMultiple(of: followers) else {
            throw ValidationError("--timelines must be a multiple of --followers")
        }
        guard (1...4_000_000).contains(posts), cap >= 50, seconds > 0 else {
            throw ValidationError("--posts is 1 to 4000000, --cap at least 50, --seconds positive")
        }
    }

    func run() throws {
        let graph = FanOutGraph(
            timelines: options.size(timelines, quick: 10 * followers), followersPerPost: followers)
        var report = options.report(
            "workers", "Workers: what more of them bring",
            configuration: [
                "In process, \(graph.name), at their cap of \(cap); one writer thread beside the workers.",
                "Alone: the posts are committed before, and the workers are held until then. With log and disk: posts are"
                    + " submitted as fast as they are taken, each answered after its fdatasync, until the last is delivered.",
                "Delay: from the acknowledgement of a post to its last follower's timeline in a worker, with posts coming"
                    + " one by one at half of that side's rate with log and disk.",
            ])
        let posts = options.size(posts, quick: 40_000)
        var engines: [(name: String, engine: LoadedEngine)] = []
        defer { for engine in engines { try? engine.engine.close() } }
        for count in counts {
            Progress.note("filling an engine of \(count) workers")
            let engine = try LoadedEngine(graph, directory: options.directory("workers-\(count)")) {
                $0.workers = count
                $0.timelineCap = cap
            }
            try engine.follow()
            try engine.fill()
            engines.append((Self.side(count), engine))
        }
        let section = try Turns(runs: options.runCount).measure(
            "Deliveries a second by workers", about: graph.name,
            columns: [
                .init(name: "deliveries/s, workers alone", unit: .perSecond),
                .init(name: "deliveries/s, with log and disk", unit: .perSecond),
                .init(name: "posts/s for the delay", unit: .perSecond), .init(name: "delay p50", unit: .seconds),
                .init(name: "delay p99", unit: .seconds),
            ],
            engines.map { name, engine in
                Turns.Side(name) { try measure(engine, posts: posts) }
            })
        report.sections.append(section)
        for count in counts.dropFirst() {
            let isPair = counts[0] == 1 && count == 2
            for column in 0...1 {
                report.note(
                    "\(Self.side(count)) to \(Self.side(counts[0])): \(section.columns[column].name)",
                    section.ratio(Self.side(count), to: Self.side(counts[0]), column: column),
                    atLeast: isPair && column == 0 ? 1.8 : nil)
            }
        }
        try report.publish(to: options.output, plots: [plot(section)])
    }

    private static func side(_ count: Int) -> String { "Starling, \(count) worker\(count == 1 ? "" : "s")" }

    private func measure(_ engine: LoadedEngine, posts: Int) throws -> [Double?] {
        let alone = try engine.drain(posts: posts)
        let whole = try engine.sustain(posts: posts)
        let rate = whole / Double(followers) / 2
        let delays = try engine.delays(perSecond: rate, seconds: options.quick ? 1 : seconds)
        return [
            alone, whole, rate, Double(delays.percentile(0.5)) / 1e9, Double(delays.percentile(0.99)) / 1e9,
        ]
    }

    private func plot(_ section: Section) -> LinePlot {
        LinePlot(
            title: "Deliveries a second by workers", xAxis: "workers", yAxis: "deliveries/s", unit: .perSecond,
            series: (0...1).map { column in
                LinePlot.Series(
                    name: column == 0 ? "workers alone" : "with log and disk",
                    points: counts.map {
                        (Double($0), Spread(section.values(Self.side($0), column: column)).median)
                    })
            })
    }
}
