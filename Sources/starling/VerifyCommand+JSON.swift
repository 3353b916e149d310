import Foundation
import StarlingEngine
import StarlingLog
import StarlingSnapshots
import StarlingTopics

extension DirectoryVerification {
    /// For programs: one object on one line. Record numbers are strings.
    var json: String {
        var object = log.members
        object["status"] = status.rawValue
        object["exitCode"] = exitCode
        object["snapshots"] = snapshots.map(\.members)
        object["topics"] = topics.partitions.map { partition in
            [
                "topic": partition.topic.text, "partition": partition.number, "path": partition.path,
                "log": partition.log.members,
            ] as [String: Any]
        }
        if let refusal { object["refusal"] = "\(refusal)" }
        let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? JSONSerialization.data(withJSONObject: object, options: options) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}

extension VerificationReport {
    fileprivate var members: [String: Any] {
        var object: [String: Any] = [
            "segments": segments.map(\.members), "durableWatermark": "\(durableWatermark)", "outcome": summary,
            "leftovers": leftovers, "isStartUnreadable": isStartUnreadable,
        ]
        if logID != 0 { object["logId"] = Self.hexadecimal(logID) }
        if let start { object["start"] = "\(start)" }
        if let range = intactRange {
            object["firstLsn"] = "\(range.lowerBound)"
            object["lastLsn"] = "\(range.upperBound)"
        }
        return object
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension VerificationReport.Segment {
    fileprivate var members: [String: Any] {
        var object: [String: Any] = [
            "name": name, "batches": envelopes, "records": records, "lostRecords": lostRecords, "dataBytes": dataBytes,
            "fileBytes": fileBytes, "index": index.name,
        ]
        if let range = lsnRange {
            object["firstLsn"] = "\(range.lowerBound)"
            object["lastLsn"] = "\(range.upperBound)"
        }
        if let damage = firstDamage {
            object["damage"] = [
                "firstByte": damage.byteRange.lowerBound, "endByte": damage.byteRange.upperBound,
                "reason": damage.reason,
            ]
        }
        return object
    }
}

extension SnapshotVerification {
    fileprivate var members: [String: Any] {
        var object: [String: Any] = ["lsn": "\(lsn)", "status": problem == nil ? "whole" : "damaged"]
        if let manifest {
            object["workers"] = manifest.workers
            object["files"] = manifest.pageFiles.count
            object["bytes"] = manifest.byteCount
            object["digest"] = manifest.stateDigest
        }
        if let problem { object["damage"] = problem.members }
        switch state {
        case .none: break
        case .likeLog: object["state"] = "likeLog"
        case .likeManifest(let reason):
            object["state"] = "likeManifest"
            object["stateReason"] = reason
        case .impossible(let reason):
            object["state"] = "notLoaded"
            object["stateReason"] = reason
        }
        return object
    }
}

extension SnapshotProblem {
    fileprivate var members: [String: Any] {
        var object: [String: Any] = ["reason": "\(self)"]
        switch self {
        case .unusable(.damaged(let file, let place, _)):
            object["file"] = file
            object["place"] = place
        case .unusable(.missing(let file)), .unusable(.unknownFormat(let file, _)), .unusable(.foreign(let file, _, _)):
            object["file"] = file
        case .unusable, .contradictsLog, .otherState: break
        }
        return object
    }
}
