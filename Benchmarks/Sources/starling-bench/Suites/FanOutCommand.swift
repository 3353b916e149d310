import ArgumentParser
import Foundation

/// The `fanout` suite: deliveries a second beside Redis and beside the least that a machine can do.
struct FanOutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract:
            "Deliveries a second into full timelines: in process, over TCP, beside Redis and beside a plain C loop.",
        discussion: """
            Redis needs 12 GB of memory for 100,000 timelines of 800, the engines and the C loop 17 GB for a million. A run of full \
            size takes about forty minutes.

            Example: starling-bench fanout
            """)

    @OptionGroup var options: SuiteOptions
    @Option(help: "Numbers of timelines, separated by commas.") var timelines = "100000,1000000"
    @Option(help: "Followers of each author, separated by commas.") var followers = "200,5000"
    @Option(help: "Entries of a timeline.") var cap = 800
    @Option(help: "Redis is measured up to so many timelines.") var redisTimelines = 100_000
    @Option(help: "Seconds that a load over a connection runs.") var seconds = 10.0
    @Option(help: "Deliveries of a run in process, at least.") var deliveries = 250_000_000
    @Flag(help: "Without the daemon over TCP.") var withoutTCP = false

    private func numbers(_ text: String) -> [Int] {
        text.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 }
    }

    func validate() throws {
        guard !numbers(timelines).isEmpty, !numbers(followers).isEmpty else {
            throw ValidationError("--timelines and --followers are numbers, as 100000,1000000")
        }
        for count in numbers(timelines) {
            for share in numbers(followers) where !count.isMultiple(of: share) {
                throw ValidationError("\(count) timelines is no multiple of \(share) followers")
            }
        }
        guard cap >= 50, seconds > 0, deliveries > 0 else {
            throw ValidationError("--cap is at least 50, --seconds and --deliveries are positive")
        }
    }

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let peers = Peers.redisLike()
        var report = options.report(
            "fanout", "Fan-out: deliveries a second into full timelines",
            configuration: [
                "Timelines at their cap of \(cap); every post goes to the same number of followers; authors are drawn at"
                    + " random; every reader follows 20 authors; followers come in ascending order for all.",
                "Starling, workers alone: the posts are committed before, and the workers are held until then. With log and"
                    + " disk: posts are submitted as fast as they are taken, each answered after its fdatasync, until the"
                    + " last is delivered; writer, workers and load share the processors.",
                "C ring: an 8-byte entry and a 4-byte head a delivery, huge pages, nothing checked, split over threads by"
                    + " reader.",
            ] + Peers.describe(peers))
        var plots: [any PlotSVG] = []
        for count in options.quick ? [5_000] : numbers(timelines) {
            for share in options.quick ? [200] : numbers(followers) {
                let graph = FanOutGraph(timelines: count, followersPerPost: share)
                let measurement = FanOutMeasurement(
                    options: options, graph: graph, cap: cap, peers: count <= redisTimelines ? peers : [],
                    seconds: options.quick ? 0.4 : seconds, deliveries: options.quick ? 6_000_000 : deliveries,
                    withTCP: !withoutTCP && (count <= redisTimelines))
                for section in try measurement.run(&report) {
                    report.sections.append(section)
                    plots.append(BarPlot(section))
                }
            }
        }
        try report.publish(to: options.output, plots: plots)
    }
}
