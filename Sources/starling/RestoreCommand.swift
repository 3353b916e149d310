import ArgumentParser
import StarlingEngine
import StarlingLog
import StarlingSystem

/// `starling restore`: a data directory from a backup.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data directory of a backup.",
        discussion: """
            Copies what POST /admin/backup has made, and verifies every byte of the copied log. The new directory is then \
            opened by `starling serve` like any other. The backup is not changed.

            Exit codes: 0 restored, 65 the backup's log is damaged, 66 no complete backup, 73 the new directory is not empty, 74 \
            the disk failed.

            Example: starling restore /backups/monday --data /var/lib/starling
            """)

    @Argument(help: "The directory of the backup.") var backup: String
    @Option(help: "The new data directory; it must not exist or be empty.") var data: String

    mutating func run() async throws {
        let command = self
        try await Failure.guarding {
            let disk = PosixDisk()
            let report = try Engine.restore(backup: command.backup, to: command.data, disk: disk)
            let verification = LogVerifier.verify(directory: command.data, disk: disk, deep: true)
            guard verification.exitCode == 0 else {
                throw Failure("the restored log is not whole: \(verification.outcome)", code: verification.exitCode)
            }
            StandardOutput.print(
                "restored lsn=\(report.lsn) files=\(report.files) bytes=\(report.bytes) to \(command.data)")
        }
    }
}
