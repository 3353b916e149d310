import ArgumentParser
import Foundation

/// The `activity` suite: a replay of real or made activity, embedded and over TCP, for several numbers of workers.
struct ActivityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activity",
        abstract: "Replay activity: posts/s, deliveries/s and fan-out delay, durable, embedded and over loopback TCP.",
        discussion: """
            Example: swift run -c release starling-bench activity --follows ../../shared/data/higgs/follows.txt.gz \
            --posts ../../shared/data/higgs/posts.txt.gz
            """)

    @Option(help: "The executable to measure.") var starling = "../.build/release/starling"
    @Option(help: "Edges, as `starling replay` takes them; without, a made graph.") var follows: String?
    @Option(help: "Activity, as `starling replay` takes it.") var posts: String?
    @Option(help: "Numbers of workers, separated by commas.") var workers = "1,2,4"
    @Option(help: "Runs of each kind.") var runs = 3
    @Option(help: "Where the results go.") var output = "../bench-results"
    @Flag(help: "One run of each kind, on a small made graph.") var quick = false

    func validate() throws {
        guard (follows == nil) == (posts == nil) else { throw ValidationError("--follows and --posts go together") }
        guard runs >= 1 else { throw ValidationError("--runs must be at least 1") }
        guard !workerCounts.isEmpty else { throw ValidationError("--workers must be numbers, as 1,2,4") }
    }

    private var workerCounts: [Int] { workers.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 } }

    func run() throws {
        let program = StarlingProgram(path: starling)
        var samples: [ActivitySample] = []
        // The kinds in turn (A B A B), so that a drift of the machine's speed meets all of them.
        for run in 1...(quick ? 1 : runs) {
            for count in workerCounts {
                for door in ActivityDoor.allCases {
                    FileHandle.standardError.write(Data("run \(run): \(door.rawValue), \(count) workers\n".utf8))
                    samples.append(try measure(program, door, workers: count))
                }
            }
        }
        let input =
            follows.map { URL(fileURLWithPath: $0).deletingLastPathComponent().lastPathComponent } ?? "made graph"
        let results = ActivityResults(input: input, machine: Machine.describe(), samples: samples)
        let files = try ResultFiles.write(
            results, table: results.table, to: output, name: quick ? "activity-quick" : "activity", results.machine)
        print(results.table)
        print("\nwritten: \(files.joined(separator: ", "))")
    }

    private func measure(_ program: StarlingProgram, _ door: ActivityDoor, workers: Int) throws -> ActivitySample {
        let directory = FileManager.default.temporaryDirectory.appending(path: "starling-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        var arguments = ["replay", "--json"]
        if let follows, let posts { arguments += ["--follows", follows, "--posts", posts] }
        if quick, follows == nil {
            arguments += ["--users", "20000", "--mean-followers", "20", "--post-count", "50000"]
        }
        switch door {
        case .embedded:
            return try ActivitySample(
                door: door, workers: workers,
                json: program.run(arguments + ["--data", directory.path, "--workers", "\(workers)"]))
        case .tcp:
            let daemon = try program.serve(data: directory.path, workers: workers)
            defer { daemon.stop() }
            return try ActivitySample(
                door: door, workers: workers, json: program.run(arguments + ["--to", daemon.tcp]))
        }
    }
}
