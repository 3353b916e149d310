import ArgumentParser
import StarlingEngine
import StarlingSystem

/// `starling digest`: the digest of the state that a data directory stands for.
struct DigestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest",
        abstract: "Fold a data directory's log and print the digest of the state.",
        discussion: """
            The same log gives the same digest for every number of workers and on every machine. It opens the directory as \
            the daemon would, with recovery, so no daemon may be running on it; exit codes as of `serve`.

            Example: starling digest /var/lib/starling
            """)

    @Argument(help: "The data directory.") var directory: String
    @Option(help: "Worker threads.") var workers = 1
    @Option(help: "Entries that a timeline keeps; as the daemon's.") var timelineCap = 800

    mutating func run() async throws {
        let command = self
        try await Failure.guarding {
            try DataDirectory.require(command.directory)
            var configuration = EngineConfiguration()
            configuration.workers = command.workers
            configuration.timelineCap = command.timelineCap
            let engine = try Engine.open(directory: command.directory, configuration: configuration)
            let digest = try await withCheckedThrowingContinuation { continuation in
                engine.stateDigest { continuation.resume(with: $0.mapError { $0 as any Error }) }
            }
            try engine.close()
            StandardOutput.print("\(digest.digest) lsn=\(digest.workers.map(\.appliedLSN).min() ?? 0)")
        }
    }
}
