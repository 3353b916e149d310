import StarlingLog
import StarlingSystem

extension Oracle {
    /// Compares a log with the records that were sequenced, from the log's first to its last, and learns ids
    /// that were never answered. Returns the log's last record.
    mutating func compare(with log: LogReader, mayBeginLater: Bool) throws(InvariantViolation) -> UInt64 {
        if let refusal = log.refusal { throw InvariantViolation(.corruption, "the log is refused: \(refusal)") }
        guard log.firstLSN == 1 || mayBeginLater else {
            throw InvariantViolation(.hole, "the log begins with record \(log.firstLSN)")
        }
        guard log.lastLSN <= lastLSN else {
            let excess = "the log holds \(log.lastLSN) records, but only \(lastLSN) were ever sequenced"
            throw InvariantViolation(.phantom, excess)
        }
        do {
            try log.forEachRecord(from: log.firstLSN) { view in try match(view) }
        } catch let violation as InvariantViolation {
            throw violation
        } catch {
            throw InvariantViolation(.corruption, "the log cannot be read: \(error)")
        }
        return log.lastLSN
    }

    private mutating func match(_ view: LogRecordView) throws {
        var fact = try FactReader.read(view)
        let expected = history[Int(view.lsn - 1)]
        if let id = fact.postID {
            if expected.postID != nil { try learn(id, ofPostAt: view.lsn) }
            fact.postID = expected.postID == 0 ? 0 : id
        }
        guard fact == expected else {
            throw InvariantViolation(.hole, "record \(view.lsn) is \(fact), but \(expected) was sequenced there")
        }
    }
}
