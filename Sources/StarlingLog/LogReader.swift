import StarlingSystem

/// Reads a log without opening it for writing: takes no lock, changes nothing. For tools. Any thread may use it.
public final class LogReader: Sendable {
    /// The log's id; 0 for a log without any envelope.
    public let logID: UInt64
    /// First lsn in the log; 1 also for an empty log.
    public let firstLSN: UInt64
    /// Last lsn that can be read without a gap from `firstLSN`. 0 for an empty log.
    public let lastLSN: UInt64
    /// Why opening for writing would be refused. The records before the damage can be read all the same.
    public let refusal: LogError?
    private let source: RecordSource

    /// Looks through the log in `directory` as opening does, and notes where its readable part ends.
    /// - Throws: `readFailed`.
    public init(directory: String, disk: any Disk) throws(LogError) {
        let path = LogFiles.directory(in: directory)
        let survey = try LogSurvey.run(directory: path, disk: disk, expectation: LogExpectation())
        if case .refused(let error) = survey.verdict { refusal = error } else { refusal = nil }
        let readable = survey.readableSegments
        source = RecordSource(catalog: SegmentCatalog(directory: path, disk: disk, segments: readable))
        logID = survey.end.logID ?? 0
        firstLSN = readable.first?.base ?? 1
        lastLSN = (readable.last?.nextLSN ?? 1) - 1
    }

    /// Hands the records from `first` to `last` to `body`, in order. The views are valid only during the call.
    /// - Throws: `LogError.notFound` when `first` is not in the log nor the next lsn, `damaged`, `readFailed`, or what
    ///   `body` throws.
    public func forEachRecord(
        from first: UInt64, upTo last: UInt64 = .max, _ body: (LogRecordView) throws -> Void
    ) throws {
        try source.forEachRecord(from: first, upTo: last, end: lastLSN, body)
    }

    /// Copies out the records with the given numbers, which must be sorted. Each batch is expanded once.
    public func readRecords(lsns: [UInt64]) throws(LogError) -> [LogRecord] {
        try source.readRecords(lsns, last: lastLSN)
    }
}

extension LogSurvey {
    /// The segments before the first gap; of a damaged one, the part before the damage.
    var readableSegments: [SegmentSurvey] {
        var result: [SegmentSurvey] = []
        for segment in segments {
            if let last = result.last, last.nextLSN != segment.base { break }
            result.append(segment)
            if segment.damage != nil { break }
        }
        return result
    }
}
