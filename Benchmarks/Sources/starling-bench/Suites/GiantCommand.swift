import ArgumentParser

/// The `giant` suite: what an author with very many followers does to others.
struct GiantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "giant",
        abstract: "Others' delivery delay while an author with a million followers posts, and while nobody does.",
        discussion: """
            Needs about 10 GB of memory at a million timelines.

            Example: starling-bench giant
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Timelines, a multiple of 200; all follow the giant.") var timelines = 1_000_000
    @Option(help: "Entries of a timeline.") var cap = 800
    @Option(help: "Worker threads.") var workers = 2
    @Option(help: "Others' posts a second, to 200 followers each.") var posts = 20_000.0
    @Option(help: "The giant's posts a second.") var giantPosts = 2.0
    @Option(help: "Seconds of a run.") var seconds = 15.0

    func validate() throws {
        guard timelines.isMultiple(of: 200), timelines > 0, cap >= 50, (1...64).contains(workers) else {
            throw ValidationError("--timelines is a multiple of 200, --cap at least 50, --workers 1 to 64")
        }
        guard posts > 0, giantPosts > 0, seconds > 0 else {
            throw ValidationError("--posts, --giant-posts and --seconds must be positive")
        }
    }

    func run() throws {
        let graph = FanOutGraph(timelines: options.size(timelines, quick: 20_000), followersPerPost: 200)
        let measurement = GiantMeasurement(
            options: options, graph: graph, workers: workers, cap: cap, postsPerSecond: options.quick ? 2_000 : posts,
            giantPostsPerSecond: giantPosts, seconds: options.quick ? 2 : seconds)
        var report = options.report(
            "giant", "A giant among others",
            configuration: [
                "In process, \(workers) workers, \(graph.name), at their cap of \(cap); every post is answered after its"
                    + " fdatasync. Others post \(Unit.count.text(measurement.postsPerSecond)) times a second, the giant"
                    + " \(Unit.count.text(giantPosts)) times, to all \(graph.timelines) readers.",
                "Delay: from the acknowledgement of a post to its last follower's timeline in a worker. The giant's own posts"
                    + " are less than one in a thousand, so they decide no p99.",
            ])
        for mode in GiantMeasurement.Mode.allCases {
            let engine = try measurement.prepare(mode)
            defer { try? engine.close() }
            let (without, with) = ("Starling, the giant is silent", "Starling, the giant posts")
            let section = try Turns(runs: options.runCount).measure(
                "Others' delay: \(mode.rawValue)", about: graph.name, columns: GiantMeasurement.columns,
                [
                    Turns.Side(without) { try measurement.measure(engine, withGiant: false) },
                    Turns.Side(with) { try measurement.measure(engine, withGiant: true) },
                ])
            report.sections.append(section)
            report.note(
                "others' delay p99 with the giant to without: \(mode.rawValue)",
                section.ratio(with, to: without, column: 1), atMost: 2)
        }
        try report.publish(to: options.output, plots: report.sections.map { BarPlot($0, column: 1) })
    }
}
