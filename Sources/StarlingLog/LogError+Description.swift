import StarlingSystem

extension LogDamage: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        var text = "segment \(segment) bytes \(byteRange.lowerBound)–\(byteRange.upperBound): \(reason)"
        if let lsnRange {
            text +=
                ", lsn \(lsnRange.lowerBound)–\(lsnRange.upperBound) (\(lsnRange.upperBound &- lsnRange.lowerBound &+ 1) records)"
        }
        return text + ", durable watermark \(durableWatermark)"
    }
}

extension LogGap: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        "lsn \(firstMissing)–\(lastMissing) are not there: \(reason), durable watermark \(durableWatermark)"
    }
}

extension LogError: CustomStringConvertible {
    /// One line for people: what happened, where, and what can be done.
    public var description: String {
        switch self {
        case .damaged(let damage):
            "acknowledged data damaged: \(damage). Nothing was changed. See starling verify and starling salvage."
        case .missing(let gap):
            "acknowledged data missing: \(gap). Nothing was changed. Restore the missing files from a backup."
        case .foreignFile(let path, let found, let expected):
            "\(path) belongs to log \(hexadecimal(found)), not \(hexadecimal(expected)). Is the right directory mounted?"
        case .unknownFormat(let path, let version):
            "\(path) has a format of version \(version) that this program does not know. Use the program that wrote it."
        case .locked(let path):
            "another process holds \(path). Stop it, or choose another directory."
        case .cannotCreate(let error):
            "cannot create: \(error)"
        case .readFailed(let error):
            "cannot read the log: \(error)"
        case .writeFailed(let error):
            "cannot write the log: \(error). Writes since the last commit may or may not have happened."
        case .poisoned(let error):
            "the log stopped after an earlier failure: \(error). Restart to recover."
        case .outOfSpace(let error):
            "no space for the log: \(error). Nothing was changed; free some space."
        case .recordTooLarge(let bytes, let limit):
            "a record of \(bytes) bytes exceeds the limit of \(limit)"
        case .timestampOutOfRange(let timestamp):
            "timestamp \(timestamp) ms exceeds the limit of \(LogLimits.highestTimestamp)"
        case .tooMuchPending(let bytes, let limit):
            "\(bytes) bytes would wait for the next commit, the limit is \(limit). Commit first."
        case .notFound(let lsn, let first, let last):
            "there is no record \(lsn); the log holds \(first) to \(last)"
        case .overtaken(let lsn, let first):
            "record \(lsn) was removed by retention; the log begins with \(first). Go on there."
        case .retentionFailed(let error):
            "old segments could not be removed: \(error). The log is whole; it is tried again later."
        case .otherHistory(let lsn, let expected, let found):
            "the snapshot belongs to another history: after lsn \(lsn) it has the chain \(hexadecimal(expected)), the log"
                + " \(found.map(hexadecimal) ?? "has lost that record"). Nothing was changed. Use another snapshot."
        case .targetNotEmpty(let path):
            "\(path) is not empty. Name a directory that does not exist yet."
        case .closed:
            "the log was closed"
        case .invalidConfiguration(let text):
            "invalid log configuration: \(text)"
        }
    }
}

/// 16 lowercase digits, as log ids are shown.
func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
