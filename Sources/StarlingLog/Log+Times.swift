extension Log {
    /// The first record with a timestamp at or after `milliseconds` (since 1970). Nil when there is none. Timestamps
    /// need not rise; all records before the answer are earlier.
    ///
    /// Any thread. Costs a search in the time index and the decoding of about one batch.
    /// - Throws: `damaged`, `readFailed`, `overtaken`.
    public func firstLSN(atOrAfter milliseconds: UInt64) throws(LogError) -> UInt64? {
        let catalog = source.catalog
        guard let segment = catalog.segment(reaching: milliseconds) else { return nil }
        let earliest = try catalog.tables(holding: segment.base)?.times.lsn(before: milliseconds)
        let cursor = RecordCursor(
            catalog: catalog, startingAt: max(earliest ?? segment.base, segment.base), readAhead: 64 << 10)
        var found: UInt64?
        do {
            while found == nil, cursor.nextLSN < segment.nextLSN {
                _ = try cursor.visitBatch(upTo: segment.nextLSN - 1) { record in
                    if !record.isLost, record.timestamp >= milliseconds { found = record.lsn }
                    return found == nil
                }
            }
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("the closure throws nothing")
        }
        return found
    }
}
