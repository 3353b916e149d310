import ArgumentParser
import Foundation
import Glibc

/// The `restart` suite: from exec to the first answered page, beside Redis with the same entries.
struct RestartCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Time from exec to the first feed page, and from exec of redis-server to its first PONG.",
        discussion: """
            Makes the data in --data first (about 1.5 GB of Starling and 2.3 GB of RDB for 100,000 timelines of 800; Redis needs \
            11 GB of memory), and leaves it there. Cold runs empty the page cache, so they need root.

            Example: starling-bench restart --data /var/tmp/starling-bench
            """)

    @Option(help: "The executable to measure.") var starling = "../.build/release/starling"
    @Option(help: "The redis-server beside it.") var redis = "/usr/bin/redis-server"
    @Option(help: "Timelines.") var timelines = 100_000
    @Option(help: "Entries of each.") var entries = 800
    @Option(help: "Worker threads.") var workers = 2
    @Option(help: "Runs of each kind.") var runs = 3
    @Option(help: "Sizes of log tails, in posts, that a restart after SIGKILL replays.") var tails =
        "0,1000,10000,100000"
    @Option(help: "Where the data is.") var data = "bench-data"
    @Option(help: "Where the results go.") var output = "../bench-results"
    @Option(help: "What the executable was built from, when that is not the working directory's commit.") var revision:
        String?
    @Flag(help: "One run of each kind, with 5,000 timelines.") var quick = false

    func validate() throws {
        guard timelines >= 1_000, entries >= 50 else { throw ValidationError("at least 1000 timelines of 50 entries") }
        guard runs >= 1 else { throw ValidationError("--runs must be at least 1") }
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
        var results = RestartResults(machine: Machine.describe(revision: revision), facts: facts)
        let measurement = RestartMeasurement(set: set, facts: facts, redis: server)
        let caches = PageCache.canBeEmptied ? PageCache.allCases : [.warm]
        if caches.count == 1 { Progress.note("not root: cold runs are left out") }
        for run in 1...(quick ? 1 : runs) {
            for cache in caches {
                results.starling.append(try measurement.starling(run: run, cache))
                results.redis.append(try measurement.redis(run: run, cache))
            }
        }
        results.tails = try TailMeasurement(set: set, facts: facts)
            .run(sizes: tails.split(separator: ",").compactMap { Int($0) }, runs: quick ? 1 : runs)
        let files = try ResultFiles.write(
            results, table: results.table, to: output, name: quick ? "restart-quick" : "restart", results.machine)
        print(results.table)
        print("\nwritten: \(files.joined(separator: ", "))")
    }
}

/// Whether what is loaded lies in the system's page cache.
enum PageCache: String, CaseIterable, Codable {
    case warm
    case cold

    static var canBeEmptied: Bool { geteuid() == 0 && access("/proc/sys/vm/drop_caches", W_OK) == 0 }

    /// Brings the page cache into this state for the files below `directory`.
    func prepare(_ directory: String) throws {
        switch self {
        case .warm:
            for case let name as String in FileManager.default.enumerator(atPath: directory) ?? .init() {
                guard let handle = FileHandle(forReadingAtPath: directory + "/" + name) else { continue }
                while let piece = try? handle.read(upToCount: 4 << 20), !piece.isEmpty {}
                try handle.close()
            }
        case .cold:
            sync()
            try Data("3".utf8).write(to: URL(fileURLWithPath: "/proc/sys/vm/drop_caches"))
        }
    }
}
