import ArgumentParser
import Foundation
import StarlingCheck
import StarlingEngine
import StarlingServer
import Synchronization

/// `starling check crash`: real crashes of real daemons on this machine.
struct CheckCrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash",
        abstract: "Kill daemons, cut their power, fill their disks, and look whether everything acknowledged is there.",
        discussion: """
            Starts this program's own daemon on data directories in --dir, loads it over HTTP and TCP at once, ends it by \
            SIGKILL at random moments and at the k-th write, sync or rename, also while it starts; lets calls fail; cuts \
            the power of a loop-mounted ext4 and xfs (root only); fills a disk (root only); flips a bit of every byte of \
            small data directories. After each it compares every acknowledged write, every repeated key, and every user's feed with \
            the log.

            Exit code 0 when nothing was found, 1 when something was: then the seed is printed, and the data directory kept.

            Example: starling check crash --kills 500 --power-cuts 100
            """)

    @Option(help: "Daemons to kill.") var kills = 150
    @Option(help: "Power cuts, half of them on each file system.") var powerCuts = 30
    @Option(help: "Daemons whose disk fails.") var faults = 40
    @Option(help: "Flipped bits and cut files of each of four small data directories, or all.") var flips = "1000"
    @Option(help: "Disks that fill up.") var diskFull = 2
    @Option(help: "Draws everything from this number.") var seed: UInt64 = 1
    @Option(help: "Where it works, in a directory of its own.") var dir = NSTemporaryDirectory()
    @Option(help: "Writes the evidence to a file, as JSON.") var json: String?
    @Option(name: .customLong("break"), help: "sync: syncs do nothing, to see that this is found.") var broken: String?
    @Option(help: "The program to crash (default: this one).") var program = "/proc/self/exe"
    @Option(help: "ext4 or xfs: only that one.") var fileSystem: String?
    @Option(name: .customLong("set"), help: "KEY=VALUE: a setting for every daemon. May be repeated.")
    var settings: [String] = []
    @Option(help: ArgumentHelp("Opens changed copies from this number on.", visibility: .private))
    var flipWorker: Int?

    func validate() throws {
        guard kills >= 0, powerCuts >= 0, faults >= 0, diskFull >= 0 else {
            throw ValidationError("numbers must be at least 0")
        }
        guard flips == "all" || Int(flips).map({ $0 >= 0 }) == true else {
            throw ValidationError("--flips must be a number or all")
        }
        guard broken == nil || broken == "sync" else { throw ValidationError("--break knows only sync") }
        guard fileSystem.map({ CrashVolume.Kind(rawValue: $0) != nil }) ?? true else {
            throw ValidationError("--file-system must be ext4 or xfs")
        }
    }

    mutating func run() async throws {
        let command = self
        if let flipWorker {
            return try await Failure.guarding {
                var worker = try FlipWorker(
                    seed: command.seed, count: Int(command.flips), configuration: command.engineConfiguration())
                try worker.run(from: flipWorker)
            }
        }
        let evidence = try await Failure.guarding { try await command.check() }
        StandardOutput.print(evidence.text)
        if let json {
            try await Failure.guarding {
                try Data((evidence.json + "\n").utf8).write(to: URL(fileURLWithPath: json))
            }
        }
        if !evidence.isClean { throw ExitCode(1) }
    }

    /// The engine's settings as a daemon would have them.
    private func engineConfiguration() throws -> EngineConfiguration {
        var configuration = DaemonConfiguration(processors: 2)
        for setting in settings {
            let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw ValidationError("--set \(setting): write it as KEY=VALUE") }
            try configuration.set(parts[0], parts[1])
        }
        return configuration.engine
    }

    private func check() async throws -> CrashEvidence {
        var options = CrashCheckOptions(
            program: (try? FileManager.default.destinationOfSymbolicLink(atPath: program)) ?? program)
        options.kills = kills
        options.powerCuts = powerCuts
        options.faults = faults
        options.flips = flips == "all" ? nil : Int(flips)
        options.fullDisks = diskFull
        options.seed = seed
        options.directory = dir.hasSuffix("/") ? String(dir.dropLast()) : dir
        options.settings = settings
        options.breaksSync = broken != nil
        if let kind = fileSystem.flatMap({ CrashVolume.Kind(rawValue: $0) }) { options.fileSystems = [kind] }
        let signals = await TerminationSignals()
        let stop = StopFlag()
        let watch = Task {
            await signals.wait()
            if Task.isCancelled { return }
            stop.isSet.store(true, ordering: .relaxed)
            StandardError.print("starling: stopping after this round; a second signal ends at once, untidily")
        }
        defer { watch.cancel() }
        let evidence = try await CrashCheck.run(options, isStopping: { stop.isSet.load(ordering: .relaxed) }) {
            StandardError.print("starling: \($0)")
        }
        if stop.isSet.load(ordering: .relaxed) {
            StandardOutput.print(evidence.text)
            throw Failure("stopped by a signal before everything was done", code: 130)
        }
        return evidence
    }
}

/// Set by the first signal.
private final class StopFlag: Sendable {
    let isSet = Atomic<Bool>(false)
}
