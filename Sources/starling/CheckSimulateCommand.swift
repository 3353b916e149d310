import ArgumentParser
import StarlingCheck

/// `starling check simulate`: the whole engine in simulated worlds.
struct CheckSimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run the whole engine on simulated disks and clocks that fail, one world a seed.",
        discussion: """
            Each seed is an engine in one thread: a random workload, crashes at any change of the disk and while the engine \
            opens, lost and torn sectors, failing calls, a full disk, damaged bytes, clocks that jump. Every answer, \
            and after each crash every record and every feed, is compared with a model. Equal seeds give equal runs. Nothing \
            on this machine's disks is touched.

            Exit code 0 when no promise was broken, and, with 10,000 seeds or more, every probe was reached; 1 otherwise. A \
            seed that fails is made shorter and printed with the command that runs it again.

            Example: starling check simulate --seeds 10000 --jobs 2
            """)

    @Option(help: "How many seeds to run.") var seeds = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "Run this seed only.") var seed: UInt64?
    @Option(help: "Most turns of a run; fewer than the seed's own number stop it early.") var turns: Int?
    @Option(help: "Threads; each runs seeds of its own.") var jobs = 1
    @Option(name: .customLong("break"), help: "sync: syncs do nothing, to see that this is found.") var broken: String?
    @Flag(help: "Print what happens, a line each; with --seed.") var verbose = false
    @Flag(help: "Print the totals as one JSON object.") var json = false

    func validate() throws {
        guard seeds >= 1, jobs >= 1, turns ?? 1 >= 1 else {
            throw ValidationError("--seeds, --jobs and --turns must be at least 1")
        }
        guard broken == nil || broken == "sync" else { throw ValidationError("--break knows only sync") }
        guard !verbose || seed != nil else { throw ValidationError("--verbose needs --seed") }
    }

    mutating func run() async throws {
        if let seed, verbose { return try narrate(seed) }
        var options = SimulationOptions()
        options.firstSeed = seed ?? from
        options.seeds = seed == nil ? seeds : 1
        options.jobs = jobs
        options.turns = turns
        options.breaksSync = broken != nil
        let isTerminal = StandardError.isTerminal
        let report = Simulator.run(options) { progress in
            let line = "\(progress.done) of \(progress.seeds) seeds, \(Int(progress.rate)) a second"
            if isTerminal { StandardError.printInPlace(line) } else { StandardError.print(line) }
        }
        if isTerminal { StandardError.print("") }
        StandardOutput.print(json ? report.json : report.text)
        if !report.isClean { throw ExitCode(1) }
    }

    private func narrate(_ seed: UInt64) throws {
        do {
            let trace = try Simulator.run(seed: seed, turns: turns, breaksSync: broken != nil) { line in
                StandardOutput.print(line)
            }
            StandardOutput.print("seed \(seed): no promise broken, trace \(String(trace, radix: 16))")
        } catch {
            StandardOutput.print("seed \(seed) FAILED: \(error)")
            throw ExitCode(1)
        }
    }
}
