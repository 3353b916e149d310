import ArgumentParser
import StarlingEngine
import StarlingSystem

/// `starling verify` and `starling log verify`: is the data directory whole?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a data directory: log, snapshots, topics. Read-only; the daemon may be running.",
        discussion: """
            The exit code is the one with which `serve` would refuse the directory: 65 acknowledged data damaged, 66 data \
            missing, 74 a file could not be read, 78 unknown format; else 0. A torn tail that recovery would cut is no \
            damage. Nor is a damaged snapshot as long as the log, or another snapshot and the log, stand for everything: \
            then the directory is called degraded, and the exit code is 0.

            Example: starling verify /var/lib/starling --deep
            """)

    @Argument(help: "The data directory.") var directory: String
    @Flag(
        help: """
            Also expand every batch and check the chain record by record, load every snapshot, and fold the log in memory \
            up to each, to compare the digests of the states. Takes the time and memory of some starts.
            """)
    var deep = false
    @Flag(help: "Print one JSON object.") var json = false

    mutating func run() async throws {
        let command = self
        try await Failure.guarding { try DataDirectory.require(command.directory) }
        let found = DirectoryVerification.verify(directory: directory, disk: PosixDisk(), deep: deep)
        StandardOutput.print(json ? found.json : found.text)
        if found.exitCode != 0 { throw ExitCode(found.exitCode) }
    }
}
