import StarlingSystem

/// What a look through a log found. Nothing was changed.
public struct VerificationReport: Equatable, Sendable {
    /// What is beside a segment to find records without reading it. The next opening makes it again where it must.
    public enum IndexState: Equatable, Sendable {
        /// It says what the segment does.
        case whole
        /// It is not there.
        case missing
        /// It does not say what the segment does.
        case wrong
        /// There need not be one: the segment is the last, or damaged.
        case notNeeded
    }

    /// One segment.
    public struct Segment: Equatable, Sendable {
        /// File name.
        public var name: String
        /// Readable envelopes, markers included.
        public var envelopes: UInt64
        /// Readable records.
        public var records: UInt64
        /// Records of which salvage has kept only the numbers.
        public var lostRecords: UInt64
        /// The numbers of both. Nil when there is none.
        public var lsnRange: ClosedRange<UInt64>?
        /// Bytes up to the end of the readable data.
        public var dataBytes: UInt64
        /// Size of the file.
        public var fileBytes: UInt64
        /// The first damage, when there is some.
        public var firstDamage: LogDamage?
        /// Its index file.
        public var index: IndexState
    }

    /// What opening for writing would do.
    public enum Outcome: Equatable, Sendable {
        /// It would go on at the end.
        case intact
        /// It would cut a torn tail of so many bytes, in which no acknowledged record is.
        case tornTail(segment: String, offset: UInt64, length: UInt64)
        /// It would refuse.
        case refused(LogError)
    }

    /// The log's id; 0 when no envelope could be read.
    public var logID: UInt64
    /// The segments, in order.
    public var segments: [Segment]
    /// The records that can be read without a gap from the first. Nil when there is none.
    public var intactRange: ClosedRange<UInt64>?
    /// Highest lsn that is known to have been durable.
    public var durableWatermark: UInt64
    /// Where the log begins since retention removed what came before. Nil: with record 1.
    public var start: UInt64?
    /// Whether the file that says where the log begins cannot be read. No harm as long as record 1 is there.
    public var isStartUnreadable: Bool
    /// Segments that an interrupted retention has left before the log's beginning; the next opening removes them.
    public var leftovers: [String]
    /// Whether the last writer was closed cleanly.
    public var endsClean: Bool
    /// The judgement.
    public var outcome: Outcome

    /// 0 for a log that would open, else 65 damaged, 66 missing, 74 unreadable, 78 unknown format.
    public var exitCode: Int32 { if case .refused(let error) = outcome { error.exitCode } else { 0 } }
}

/// Looks through a log.
public enum LogVerifier {
    /// Verifies the log in `directory`/log: every envelope, and with `deep` every record too. Takes no lock and changes
    /// nothing, so it may run beside the writer. What the disk refuses to read becomes the report's outcome.
    public static func verify(directory: String, disk: any Disk, deep: Bool) -> VerificationReport {
        var expectation = LogExpectation()
        expectation.verifiesRecords = deep
        do {
            let path = LogFiles.directory(in: directory)
            let survey = try LogSurvey.run(directory: path, disk: disk, expectation: expectation)
            return report(of: survey, index: IndexFile(directory: path, disk: disk))
        } catch {
            return VerificationReport(
                logID: 0, segments: [], intactRange: nil, durableWatermark: 0, start: nil, isStartUnreadable: false,
                leftovers: [], endsClean: false,
                outcome: .refused(error))
        }
    }

    private static func report(of survey: LogSurvey, index: IndexFile) -> VerificationReport {
        let outcome: VerificationReport.Outcome =
            switch survey.verdict {
            case .intact: .intact
            case .tornTail(let tail): .tornTail(segment: tail.segment, offset: tail.offset, length: tail.length)
            case .refused(let error): .refused(error)
            }
        let readable = survey.readableSegments
        let first = readable.first?.base ?? 1
        let next = readable.last?.nextLSN ?? 1
        return VerificationReport(
            logID: survey.end.logID ?? 0,
            segments: survey.segments.map { segment in
                VerificationReport.Segment(
                    name: segment.name, envelopes: segment.facts.envelopes, records: segment.facts.records,
                    lostRecords: segment.facts.lostRecords,
                    lsnRange: segment.facts.hasRecords ? segment.base...(segment.nextLSN - 1) : nil,
                    dataBytes: segment.dataEnd, fileBytes: segment.fileSize, firstDamage: segment.damage,
                    index: segment.base == survey.segments.last?.base ? .notNeeded : state(of: segment, index: index))
            },
            intactRange: next > first ? first...(next - 1) : nil,
            durableWatermark: survey.durableLSN, start: survey.start.value?.firstLSN,
            isStartUnreadable: survey.start == .unreadable,
            leftovers: survey.leftovers.map { LogFiles.segment(base: $0) }, endsClean: survey.endsClean,
            outcome: outcome)
    }

    private static func state(of segment: SegmentSurvey, index: IndexFile) -> VerificationReport.IndexState {
        guard segment.damage == nil, let summary = segment.summary else { return .notNeeded }
        if index.matches(summary) { return .whole }
        return index.disk.exists(index.path(base: segment.base)) ? .wrong : .missing
    }
}
