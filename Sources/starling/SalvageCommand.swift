import ArgumentParser
import Foundation
import StarlingLog
import StarlingSystem

/// `starling salvage`: what is whole of a damaged log, in a new directory.
struct SalvageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "salvage",
        abstract: "Copy every valid batch of a damaged log to a new data directory.",
        discussion: """
            Positions, ids and chains of what is kept stay the same; the missing positions are listed, and marked as \
            lost in the copy. The damaged directory is only read; stop the daemon first. Snapshots are not copied.

            Exit codes: 0 everything was copied, 65 something is missing or nothing could be read, 66 no log there, \
            73 the target is not empty or cannot be made, 74 a file could not be read, 78 unknown format.

            Example: starling salvage /var/lib/starling --out /var/lib/starling-salvaged
            """)

    @Argument(help: "The damaged data directory.") var directory: String
    @Option(help: "The data directory to make. It must be missing or empty.") var out: String
    @Flag(help: "Print one JSON object.") var json = false

    mutating func run() async throws {
        let command = self
        let report = try await Failure.guarding {
            try DataDirectory.require(command.directory)
            return try LogSalvage.run(directory: command.directory, out: command.out, disk: PosixDisk())
        }
        StandardOutput.print(json ? report.json : report.text)
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}

extension SalvageReport {
    fileprivate var text: String {
        var lines = skipped.map { "\($0.segment) bytes \($0.byteRange) passed over: \($0.reason)" }
        lines += missing.map { "MISSING lsn \($0.lowerBound)..\($0.upperBound) (\($0.count) records)" }
        if lostBefore > 0 { lines.append("\(lostBefore) records had been lost before") }
        let range = lastLSN >= firstLSN ? "lsn \(firstLSN)..\(lastLSN)" : "no lsn"
        lines.append("copied \(keptRecords) records, \(range), \(missingRecords) missing")
        return lines.joined(separator: "\n")
    }

    fileprivate var json: String {
        let object: [String: Any] = [
            "keptRecords": keptRecords, "missingRecords": missingRecords, "lostBefore": lostBefore,
            "firstLsn": "\(firstLSN)", "lastLsn": "\(lastLSN)", "exitCode": exitCode,
            "missing": missing.map { ["firstLsn": "\($0.lowerBound)", "lastLsn": "\($0.upperBound)"] },
            "skipped": skipped.map { place -> [String: Any] in
                [
                    "segment": place.segment, "firstByte": place.byteRange.lowerBound,
                    "endByte": place.byteRange.upperBound, "reason": place.reason,
                ]
            },
        ]
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: object, options: options) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
