import ArgumentParser

/// The `memory` suite: bytes an entry and an edge, beside Redis.
struct MemoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "Bytes of memory a timeline entry and an edge, beside Redis.",
        discussion: """
            Measured once: sizes do not depend on the machine's speed. Redis needs 11 GB for 100,000 timelines of 800.

            Example: starling-bench memory
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Timelines, a multiple of 200.") var timelines = 100_000
    @Option(help: "Users of the graph for edges, a multiple of 200; each follows 50.") var users = 200_000

    func validate() throws {
        guard timelines.isMultiple(of: 200), users.isMultiple(of: 200), timelines > 0, users > 0 else {
            throw ValidationError("--timelines and --users are multiples of 200")
        }
    }

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let peers = Peers.redisLike()
        var report = options.report(
            "memory", "Memory: bytes an entry and an edge", configuration: Peers.describe(peers))
        let measurement = MemoryMeasurement(options: options, peers: peers)
        let entries = try measurement.entries(
            FanOutGraph(timelines: options.size(timelines, quick: 4_000), followersPerPost: 200), caps: [800, 100])
        let edges = try measurement.edges(
            FanOutGraph(timelines: options.size(users, quick: 20_000), followersPerPost: 200, followees: 50))
        report.sections = [entries, edges]
        report.note(
            "bytes an entry at a cap of 800", Spread(entries.values(MemoryMeasurement.starling(800))), atMost: 14,
            unit: .bytes)
        for peer in peers {
            report.note(
                "sorted sets of \(peer.name) to Starling, cap 800",
                entries.ratio(
                    MemoryMeasurement.side(peer, .sortedSet, 800), to: MemoryMeasurement.starling(800)))
        }
        try report.publish(to: options.output, plots: report.sections.map { BarPlot($0) })
    }
}
