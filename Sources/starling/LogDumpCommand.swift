import ArgumentParser
import StarlingEngine
import StarlingLog
import StarlingSystem

/// `starling log dump`: the records, one a line.
struct LogDumpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Print the records of a log, one a line. Read-only; the daemon may be running.",
        discussion: """
            With --json each line is an object: lsn, time, type, actor, idempotencyKey, ids of what it is about, bodyHash, \
            chain (equal chains at one lsn mean equal logs up to there).

            Example: starling log dump /var/lib/starling --from 1000 --json
            """)

    @Argument(help: "The data directory.") var directory: String
    @Option(name: .customLong("from"), help: "First position to print.") var first: UInt64 = 1
    @Option(name: .customLong("to"), help: "Last position to print.") var last = UInt64.max
    @Flag(help: "Print JSON objects.") var json = false

    mutating func run() async throws {
        let command = self
        try await Failure.guarding {
            try DataDirectory.require(command.directory)
            let reader = try LogReader(directory: command.directory, disk: PosixDisk())
            let start = max(command.first, reader.firstLSN)
            if start <= min(command.last, reader.lastLSN) {
                try reader.forEachRecord(from: start, upTo: command.last) { view in
                    let description = FactDescription(view)
                    StandardOutput.write(command.json ? description.json : description.text)
                }
            }
            StandardOutput.flush()
            if let refusal = reader.refusal { throw refusal }
        }
    }
}
