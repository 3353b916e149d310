import StarlingEngine
import StarlingLog
import StarlingSnapshots
import StarlingTopics

extension DirectoryVerification {
    /// For people: a line for each file of the log and each snapshot, then the judgement.
    var text: String {
        var lines = log.lines + snapshots.map(\.line) + topics.partitions.map(\.line)
        switch status {
        case .whole: break
        case .degraded:
            let bad = snapshots.count { $0.problem != nil }
            lines.append(
                "DEGRADED: \(bad) of \(snapshots.count) snapshots cannot be trusted. Nothing acknowledged is lost: the log "
                    + "stands for it\(log.start == nil ? "" : ", with another snapshot"); a start may take longer")
        case .damaged:
            if case .refused = log.outcome { break }
            lines.append("REFUSED: \(refusal.map { "\($0)" } ?? "")")
        }
        return lines.joined(separator: "\n")
    }
}

extension TopicsVerification.Partition {
    fileprivate var line: String {
        let range = log.intactRange.map { "offsets \($0.lowerBound - 1)..\($0.upperBound - 1)" } ?? "no records"
        return "topic \(topic)/\(number) (\(path)): \(range), \(log.summary)"
    }
}

extension VerificationReport {
    /// Whether it ends well, in words.
    var summary: String {
        switch outcome {
        case .intact: endsClean ? "closed cleanly" : "whole; not closed cleanly, or still open"
        case .tornTail(let segment, let offset, _): "torn tail at \(segment) byte \(offset): recovery will cut it"
        case .refused(let error): "REFUSED: \(error)"
        }
    }

    fileprivate var lines: [String] {
        var lines = segments.map(\.line)
        if let start { lines.append("the log begins with record \(start): retention has removed what came before") }
        if isStartUnreadable { lines.append("the file start cannot be read") }
        if !leftovers.isEmpty {
            lines.append("left over by retention, removed at the next start: \(leftovers.joined(separator: ", "))")
        }
        let range = intactRange.map { "\($0.lowerBound)..\($0.upperBound)" } ?? "none"
        lines.append("intact \(range), durable watermark \(durableWatermark), \(summary)")
        return lines
    }
}

extension VerificationReport.Segment {
    fileprivate var line: String {
        let range = lsnRange.map { "lsn \($0.lowerBound)..\($0.upperBound)" } ?? "no records"
        let lost = lostRecords == 0 ? "" : ", \(lostRecords) LOST"
        let damage = firstDamage.map { ", DAMAGED at bytes \($0.byteRange): \($0.reason)" } ?? ""
        return "\(name): \(envelopes) batches, \(records) records\(lost), \(range),"
            + " \(dataBytes) of \(fileBytes) bytes\(index.remark)\(damage)"
    }
}

extension VerificationReport.IndexState {
    /// Its name in JSON.
    var name: String {
        switch self {
        case .whole: "whole"
        case .missing: "missing"
        case .wrong: "wrong"
        case .notNeeded: "notNeeded"
        }
    }

    fileprivate var remark: String {
        switch self {
        case .whole, .notNeeded: ""
        case .missing: ", index missing"
        case .wrong: ", index wrong"
        }
    }
}

extension SnapshotVerification {
    fileprivate var line: String {
        guard let manifest else { return "snapshot \(lsn): DAMAGED: \(problem.map { "\($0)" } ?? "")" }
        let size = "\(manifest.workers) workers, \(manifest.pageFiles.count) files, \(manifest.byteCount) bytes"
        if let problem { return "snapshot \(lsn): \(size), DAMAGED: \(problem)" }
        return "snapshot \(lsn): \(size), whole\(state.remark)"
    }
}

extension SnapshotVerification.StateCheck {
    fileprivate var remark: String {
        switch self {
        case .none: ""
        case .likeLog: ", the state that the log gives"
        case .likeManifest(let reason): ", the state that its manifest says; not compared with the log: \(reason)"
        case .impossible(let reason): ", NOT LOADED: \(reason)"
        }
    }
}
