import StarlingSystem

/// Follows a log: hands out acknowledged records from a position on, as they come. Each worker or consumer has its own.
/// Owned by one thread at a time.
public final class LogTail: @unchecked Sendable {
    private let log: Log
    private let cursor: RecordCursor
    private let parker = Parker()
    private let subscription: CommitSubscription

    init(log: Log, startingAt lsn: UInt64) {
        self.log = log
        cursor = RecordCursor(catalog: log.source.catalog, startingAt: lsn, readAhead: 64 << 10)
        subscription = log.onCommit { [parker] in parker.wake() }
    }

    /// The lsn of the next record that `read` hands out.
    public var nextLSN: UInt64 { cursor.nextLSN }

    /// Acknowledged records that have not been read.
    public var lag: UInt64 {
        let end = log.committedLSN + 1
        return end > nextLSN ? end - nextLSN : 0
    }

    /// Hands out what is there, in order, up to about `maximumBytes` of values and bodies; at least one record when there
    /// is one. Does not wait. The views are valid only during the call.
    ///
    /// - Returns: the number of records.
    /// - Throws: `LogError`, or what `body` throws; the record whose call threw comes again.
    @discardableResult
    public func read(maximumBytes: Int, _ body: (LogRecordView) throws -> Void) throws -> Int {
        let last = log.committedLSN
        var bytes = 0
        var count = 0
        var isFull = false
        while !isFull, cursor.nextLSN <= last {
            let goesOn = try cursor.visitBatch(upTo: last) { view in
                let size = view.value.count + (view.body?.count ?? 0)
                if count > 0, size > maximumBytes - bytes {
                    isFull = true
                    return false
                }
                try body(view)
                bytes += size
                count += 1
                return true
            }
            if !goesOn { break }
        }
        return count
    }

    /// Sleeps until there is something to read, the log has ended, or `milliseconds` have passed. Returns whether there is
    /// something to read.
    public func wait(milliseconds: Int) -> Bool {
        if lag > 0 { return true }
        if !log.hasEnded { parker.park(milliseconds: milliseconds) }
        return lag > 0
    }
}

extension Log {
    /// Follows the log from `lsn` on: a record that is there, or the one that comes next.
    /// - Throws: `notFound` for a record before the log's first or beyond the next.
    public func makeTail(startingAt lsn: UInt64) throws(LogError) -> LogTail {
        let first = firstLSN
        guard lsn >= first, lsn <= writtenLSN + 1 else { throw .notFound(lsn: lsn, first: first, last: writtenLSN) }
        return LogTail(log: self, startingAt: lsn)
    }
}
