import ArgumentParser
import Foundation
import StarlingLog
import StarlingSystem

/// `starling verify` and `starling log verify`: is the data directory whole?
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a data directory's log. Read-only.",
        discussion: """
            Exit codes: 0 clean (a torn tail that recovery would cut is clean, too), 65 acknowledged data damaged, 66 data \
            missing, 74 a file could not be read, 78 unknown format.

            Example: starling verify /var/lib/starling --deep
            """)

    @Argument(help: "The data directory.") var directory: String
    @Flag(help: "Also expand every batch and check the chain record by record.") var deep = false
    @Flag(help: "Print one JSON object.") var json = false

    mutating func run() async throws {
        let command = self
        try await Failure.guarding { try DataDirectory.require(command.directory) }
        let report = LogVerifier.verify(directory: directory, disk: PosixDisk(), deep: deep)
        StandardOutput.print(json ? report.json : report.text)
        if report.exitCode != 0 { throw ExitCode(report.exitCode) }
    }
}

extension VerificationReport {
    fileprivate var text: String {
        var lines = segments.map { segment in
            let range = segment.lsnRange.map { "lsn \($0.lowerBound)..\($0.upperBound)" } ?? "no records"
            let damage = segment.firstDamage.map { ", DAMAGED at bytes \($0.byteRange): \($0.reason)" } ?? ""
            return "\(segment.name): \(segment.envelopes) batches, \(segment.records) records, \(range),"
                + " \(segment.dataBytes) of \(segment.fileBytes) bytes\(damage)"
        }
        let range = intactRange.map { "\($0.lowerBound)..\($0.upperBound)" } ?? "none"
        lines.append("intact \(range), durable watermark \(durableWatermark), \(summary)")
        return lines.joined(separator: "\n")
    }

    private var summary: String {
        switch outcome {
        case .intact: endsClean ? "closed cleanly" : "whole; not closed cleanly, or still open"
        case .tornTail(let segment, let offset, _): "torn tail at \(segment) byte \(offset): recovery will cut it"
        case .refused(let error): "REFUSED: \(error)"
        }
    }

    fileprivate var json: String {
        var object: [String: Any] = [
            "segments": segments.map { segment -> [String: Any] in
                var entry: [String: Any] = [
                    "name": segment.name, "batches": segment.envelopes, "records": segment.records,
                    "dataBytes": segment.dataBytes, "fileBytes": segment.fileBytes,
                ]
                if let range = segment.lsnRange {
                    entry["firstLsn"] = "\(range.lowerBound)"
                    entry["lastLsn"] = "\(range.upperBound)"
                }
                if let damage = segment.firstDamage {
                    entry["damage"] = [
                        "firstByte": damage.byteRange.lowerBound, "endByte": damage.byteRange.upperBound,
                        "reason": damage.reason,
                    ]
                }
                return entry
            },
            "durableWatermark": "\(durableWatermark)", "outcome": summary, "exitCode": exitCode,
        ]
        if let range = intactRange {
            object["firstLsn"] = "\(range.lowerBound)"
            object["lastLsn"] = "\(range.upperBound)"
        }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: object, options: options) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
