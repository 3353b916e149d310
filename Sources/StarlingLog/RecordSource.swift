import Synchronization

/// Reads records of the segments in a catalog, for any number of threads. Keeps a few loaders with their buffers.
final class RecordSource: Sendable {
    let catalog: SegmentCatalog
    private let idle = Mutex<[BatchLoader]>([])
    /// Loaders that are kept for the next caller.
    private static let idleLimit = 8

    init(catalog: SegmentCatalog) { self.catalog = catalog }

    /// Hands records `first` to `last` to `body`, in order. `end` is the last that may be read.
    func forEachRecord(
        from first: UInt64, upTo last: UInt64, end: UInt64, _ body: (LogRecordView) throws -> Void
    ) throws {
        let oldest = catalog.firstLSN
        if first < oldest || first > end + 1 { throw LogError.notFound(lsn: first, first: oldest, last: end) }
        let cursor = RecordCursor(catalog: catalog, startingAt: first)
        while try cursor.visitBatch(
            upTo: min(last, end),
            {
                try body($0)
                return true
            })
        {}
    }

    /// Copies out the records with the given numbers, which must not fall. Each batch is expanded once.
    func readRecords(_ lsns: [UInt64], last: UInt64) throws(LogError) -> [LogRecord] {
        let oldest = catalog.firstLSN
        let loader = idle.withLock { $0.popLast() } ?? BatchLoader(catalog: catalog, readAhead: 16 << 10)
        // After an error the loader holds nothing worth keeping, so it is dropped.
        var result: [LogRecord] = []
        result.reserveCapacity(lsns.count)
        var current: (envelope: EnvelopeHeader, records: RecordDecoder)?
        var previous: UInt64 = 0
        for lsn in lsns {
            precondition(lsn >= previous, "record numbers must be sorted")
            if lsn == previous, let same = result.last {
                result.append(same)
                continue
            }
            previous = lsn
            if current.map({ lsn >= $0.envelope.nextLSN }) ?? true {
                guard lsn >= oldest, lsn <= last, let loaded = try loader.load(lsn) else {
                    throw .notFound(lsn: lsn, first: catalog.firstLSN, last: last)
                }
                current = (loaded.envelope, loaded.records)
            }
            guard let envelope = current?.envelope, var records = current?.records else { continue }
            do {
                while envelope.baseLSN + UInt64(records.index) < lsn { try records.skip() }
                result.append(Self.copy(try records.next(), lsn: lsn))
            } catch {
                throw loader.damaged(envelope, error.reason)
            }
            current?.records = records
        }
        idle.withLock { if $0.count < Self.idleLimit { $0.append(loader) } }
        return result
    }

    private static func copy(_ record: DecodedRecord, lsn: UInt64) -> LogRecord {
        LogRecord(
            lsn: lsn, timestamp: record.timestamp, key: record.key, value: Array(record.value),
            body: record.body.map { Array($0) }, isErased: record.erasedBodyHash != nil, isLost: record.isLost)
    }
}

extension Log {
    /// Hands the records from `first` to `last` to `body`, in order, while others write. `last` is `writtenLSN` unless a
    /// lower one is given. The views are valid only during the call.
    ///
    /// - Throws: `LogError.notFound` when `first` is not in the log nor the next lsn, `damaged`, `readFailed`, or what
    ///   `body` throws.
    public func forEachRecord(
        from first: UInt64, upTo last: UInt64 = .max, _ body: (LogRecordView) throws -> Void
    ) throws {
        try source.forEachRecord(from: first, upTo: last, end: writtenLSN, body)
    }

    /// Copies out one record. Costs one read and the expansion of one batch, about 10 us when the file is in memory.
    public func readRecord(lsn: UInt64) throws(LogError) -> LogRecord {
        let records = try readRecords(lsns: [lsn])
        guard let record = records.first else { throw .notFound(lsn: lsn, first: firstLSN, last: writtenLSN) }
        return record
    }

    /// Copies out the records with the given numbers, which must be sorted. Each batch is expanded once.
    public func readRecords(lsns: [UInt64]) throws(LogError) -> [LogRecord] {
        try source.readRecords(lsns, last: writtenLSN)
    }
}
