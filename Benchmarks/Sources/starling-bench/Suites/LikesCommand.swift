import ArgumentParser

/// The `likes` suite: what a burst of likes on one post does to everybody else.
struct LikesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "likes",
        abstract: "Delivery delay while 100,000 accounts a second like one post, and while nobody does.",
        discussion: """
            Every like is by another account, which nobody has used before. Afterwards the post's counter is compared with the
            likes that were acknowledged.

            Example: starling-bench likes
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Timelines, a multiple of 200.") var timelines = 200_000
    @Option(help: "Entries of a timeline.") var cap = 200
    @Option(help: "Worker threads.") var workers = 2
    @Option(help: "Posts a second, to 200 followers each.") var posts = 2_000.0
    @Option(help: "Likes a second.") var likes = 100_000.0
    @Option(help: "Seconds of a run.") var seconds = 10.0

    func validate() throws {
        guard timelines.isMultiple(of: 200), timelines > 0, cap >= 50, (1...64).contains(workers) else {
            throw ValidationError("--timelines is a multiple of 200, --cap at least 50, --workers 1 to 64")
        }
        guard posts > 0, likes > 0, seconds > 0 else {
            throw ValidationError("--posts, --likes and --seconds must be positive")
        }
    }

    func run() throws {
        let graph = FanOutGraph(timelines: options.size(timelines, quick: 20_000), followersPerPost: 200)
        let measurement = LikesMeasurement(
            options: options, graph: graph, workers: workers, cap: cap, postsPerSecond: options.quick ? 500 : posts,
            likesPerSecond: likes, seconds: options.quick ? 2 : seconds)
        var report = options.report(
            "likes", "Likes of one post",
            configuration: [
                "In process, \(workers) workers, \(graph.name), at their cap of \(cap); every write is answered after its"
                    + " fdatasync. Others post \(Unit.count.text(measurement.postsPerSecond)) times a second.",
                "Delay: from the acknowledgement of a post to its last follower's timeline in a worker.",
            ])
        let engine = try measurement.prepare()
        defer { try? engine.close() }
        let (without, with) = ("Starling, nobody likes", "Starling, everybody likes one post")
        let section = try Turns(runs: options.runCount).measure(
            "Delay of posts", about: graph.name, columns: LikesMeasurement.columns,
            [
                Turns.Side(without) { try measurement.measure(engine, withLikes: false) },
                Turns.Side(with) { try measurement.measure(engine, withLikes: true) },
            ])
        report.sections.append(section)
        report.note("delay p99 with likes to without", section.ratio(with, to: without, column: 1))
        report.note("likes/s", Spread(section.values(with, column: 2)), atLeast: likes * 0.99, unit: .count)
        report.note("likes that were lost", Spread(section.values(with, column: 4)), atMost: 0, unit: .count)
        try report.publish(to: options.output, plots: [BarPlot(section, column: 1)])
    }
}
