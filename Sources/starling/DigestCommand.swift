import ArgumentParser
import StarlingEngine
import StarlingSystem

/// `starling digest`: the digest of the state that a data directory stands for.
struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest",
        abstract: "Print the digest of the state that a data directory stands for. Read-only; a daemon may be running.",
        discussion: """
            It loads what `serve` would, the newest whole snapshot and the log behind it, into memory, and changes nothing. \
            The same log gives the same digest for every number of workers, on every machine, and without the snapshots. Exit \
            codes as of `serve`.

            Example: starling digest /var/lib/starling
            """)

    @Argument(help: "The data directory.") var directory: String
    @Option(help: "Parts that the state is divided into; all give the same digest.") var workers = 1
    @Option(help: "Entries that a timeline keeps; as the daemon's.") var timelineCap = 800

    mutating func run() async throws {
        let command = self
        try await Failure.guarding {
            try DataDirectory.require(command.directory)
            var configuration = EngineConfiguration()
            configuration.workers = command.workers
            configuration.timelineCap = command.timelineCap
            let found = try DirectoryDigest.compute(
                directory: command.directory, disk: PosixDisk(), configuration: configuration)
            for reason in found.rejectedSnapshots { StandardError.print("starling: \(reason)") }
            StandardOutput.print("\(found.digest.digest) lsn=\(found.lsn)")
        }
    }
}
