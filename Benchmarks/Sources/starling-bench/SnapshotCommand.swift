import ArgumentParser
import Foundation
import Glibc

/// The `snapshot` suite: what snapshots cost while the daemon serves, beside BGSAVE.
struct SnapshotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract:
            "Worker stalls, reads, deliveries, time, bytes and memory of snapshots under load, beside Redis' BGSAVE.",
        discussion: """
            Uses the data of the `restart` suite in --data, and makes it when it is not there.

            Example: starling-bench snapshot --data /var/tmp/starling-bench
            """)

    @Option(help: "The executable to measure.") var starling = "../.build/release/starling"
    @Option(help: "The redis-server beside it.") var redis = "/usr/bin/redis-server"
    @Option(help: "Timelines.") var timelines = 100_000
    @Option(help: "Entries of each.") var entries = 800
    @Option(help: "Worker threads.") var workers = 2
    @Option(help: "Runs of each kind.") var runs = 3
    @Option(help: "Seconds of each phase.") var seconds = 15.0
    @Option(help: "Posts a second of the light load.") var lightPosts = 500.0
    @Option(help: "Pages a second that are read meanwhile.") var reads = 100.0
    @Option(help: "Where the data is.") var data = "bench-data"
    @Option(help: "Where the results go.") var output = "../bench-results"
    @Option(help: "What the executable was built from, when that is not the working directory's commit.") var revision:
        String?
    @Flag(help: "Without Redis.") var withoutRedis = false
    @Flag(help: "One run of each kind, with 5,000 timelines, of 3 seconds.") var quick = false

    func validate() throws {
        guard timelines >= 1_000, entries >= 50 else { throw ValidationError("at least 1000 timelines of 50 entries") }
        guard runs >= 1, seconds >= 1 else { throw ValidationError("--runs and --seconds must be at least 1") }
        guard reads > 0, lightPosts > 0 else { throw ValidationError("--reads and --light-posts must be positive") }
    }

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let program = StarlingProgram(path: starling)
        let server = RedisProgram(path: redis)
        let graph = TimelineGraph(timelines: quick ? min(timelines, 5_000) : timelines, entries: entries)
        // One directory a size, so that a quick run leaves the large data alone.
        let root = "\(data)/\(graph.timelines)x\(graph.entries)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let set = FullTimelines(graph: graph, root: root, program: program, workers: workers)
        let facts = try set.prepare(redis: server)
        var results = SnapshotResults(machine: Machine.describe(revision: revision), facts: facts)
        let pace = LoadPace(seconds: quick ? 3 : seconds, readsPerSecond: reads)
        for run in 1...(quick ? 1 : runs) {
            for load in LoadKind.allCases {
                let postsPerSecond = load == .light ? lightPosts : nil
                results.phases += try SnapshotMeasurement(set: set, pace: pace)
                    .run(number: run, load: load, postsPerSecond: postsPerSecond)
            }
            results.changes += try ChangeMeasurement(set: set).run(number: run)
            if !withoutRedis {
                results.redis.append(try RedisSaveMeasurement(set: set, redis: server, pace: pace).run(number: run))
            }
        }
        let files = try ResultFiles.write(
            results, table: results.table, to: output, name: quick ? "snapshot-quick" : "snapshot", results.machine)
        print(results.table)
        print("\nwritten: \(files.joined(separator: ", "))")
    }
}
