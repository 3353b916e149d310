import StarlingSystem

/// What one segment was found to hold.
struct SegmentSurvey: Sendable {
    let name: String
    let base: UInt64
    let fileSize: UInt64
    /// End of the readable data.
    let dataEnd: UInt64
    /// The lsn after the last readable record.
    let nextLSN: UInt64
    let envelopes: UInt64
    let records: UInt64
    let index: SparseIndex
    var damage: LogDamage?
}

/// The end of a log that a crash left half written.
struct TornTail: Equatable, Sendable {
    let segment: String
    let offset: UInt64
    /// End of the last byte that is not zero.
    let dataEnd: UInt64
    /// Last lsn before the tear.
    let lastLSN: UInt64
    let reason: String

    var length: UInt64 { dataEnd > offset ? dataEnd - offset : 0 }
}

/// The state of all segments of a log, and what opening it for writing has to do. Reads only.
///
/// The rule (truncate or refuse): a bad place in the last segment, behind everything that is known to have been durable,
/// is a torn tail and may be cut. Every other bad place is damage to acknowledged data and is refused.
struct LogSurvey {
    enum Verdict: Equatable, Sendable {
        case intact
        case tornTail(TornTail)
        case refused(LogError)
    }

    private(set) var segments: [SegmentSurvey] = []
    private(set) var verdict = Verdict.intact
    /// Where the next envelope goes, after the readable end.
    private(set) var end = LogPosition.start(logID: nil)
    private(set) var incarnation: UInt64 = 0
    /// Whether the last envelope is the marker of a clean shutdown.
    private(set) var endsClean = false
    private(set) var watermark: WatermarkFile.Content?
    /// Highest lsn known to have been durable: from envelopes, the watermark file, and the caller.
    private(set) var durableLSN: UInt64

    /// First lsn that can be read.
    var firstLSN: UInt64 { segments.first?.base ?? 1 }

    private let directory: String
    private let disk: any Disk
    private let expectedLogID: UInt64?
    private let decoder: BatchDecoder?

    /// Looks at every segment in `directory`.
    ///
    /// The watermark file is read before the names, and those before the data, so that a log which another process is
    /// writing never looks shorter than its watermark.
    static func run(
        directory: String, disk: any Disk, expectation: LogExpectation
    ) throws(LogError) -> LogSurvey {
        var survey = LogSurvey(directory: directory, disk: disk, expectation: expectation)
        survey.watermark = try WatermarkFile.read(directory: directory, disk: disk)
        survey.durableLSN = max(expectation.durableLSN, survey.watermark?.durableLSN ?? 0)
        do {
            let bases = try disk.list(directory).compactMap { LogFiles.base(ofSegment: $0) }.sorted()
            for (number, base) in bases.enumerated() {
                let next = number + 1 < bases.count ? bases[number + 1] : nil
                try survey.visit(base: base, next: next)
            }
        } catch {
            throw .readFailed(error)
        }
        survey.conclude()
        return survey
    }

    private init(directory: String, disk: any Disk, expectation: LogExpectation) {
        self.directory = directory
        self.disk = disk
        decoder = expectation.verifiesRecords ? BatchDecoder() : nil
        durableLSN = expectation.durableLSN
        expectedLogID = expectation.logID
    }

    /// Keeps the first problem: what comes after it may only be its consequence.
    private mutating func refuse(_ error: LogError) {
        if case .refused = verdict { return }
        verdict = .refused(error)
    }

    /// A bad place in a segment.
    private struct Problem {
        let reason: String
        let isContradiction: Bool

        init?(_ end: SegmentEnd) {
            switch end {
            case .bad(let reason): (self.reason, isContradiction) = (reason, false)
            case .contradiction(let reason): (self.reason, isContradiction) = (reason, true)
            case .clean, .unknownVersion, .foreign: return nil
            }
        }
    }

    private mutating func visit(base: UInt64, next: UInt64?) throws(DiskError) {
        let name = LogFiles.segment(base: base)
        if base > end.lsn {
            let before =
                segments.last.map { "\($0.name) ends with lsn \(end.lsn - 1)" } ?? "the first segment is not there"
            refuse(.missing(gap(to: base - 1, reason: before + ", the next segment is \(name)")))
        } else if base < end.lsn {
            let reason = "the segment begins before lsn \(end.lsn), where the one before it ends"
            refuse(.damaged(damage(name, 0..<0, nil, reason)))
        }
        // Behind a gap or damage, sequence and chain are taken from what is found.
        let continues = base == end.lsn && !isRefused
        let expected = continues ? end : LogPosition(logID: end.logID, sequence: nil, lsn: base, chain: nil)
        let file = try disk.open(directory + "/" + name, .read)
        defer { file.close() }
        var walker = try SegmentWalker(name: name, base: base, file: file, expected: expected)
        var outcome = try walker.walk(decoder: decoder)
        var found: LogDamage?
        while let problem = Problem(outcome) {
            let before = walker.offset
            let search = try EnvelopeSearch.run(after: &walker)
            // Another process may have been writing here: what looked torn is complete by now.
            walker.window.forget()
            outcome = try walker.walk(decoder: decoder)
            if walker.offset == before {
                found = judge(&walker, problem: problem, search: search, next: next)
                break
            }
        }
        let rest = walker.offset..<max(walker.fileSize, walker.offset)
        if case .unknownVersion(let version) = outcome {
            refuse(.unknownFormat(path: directory + "/" + name, version: version))
            found = damage(name, rest, nil, "an envelope has the unknown version \(version)")
        }
        if case .foreign(let logID) = outcome {
            refuse(.foreignFile(path: directory + "/" + name, found: logID, expected: end.logID ?? 0))
            found = damage(name, rest, nil, "an envelope of the log \(hexadecimal(logID))")
        }
        record(walker, damage: found)
    }

    private var isRefused: Bool { if case .refused = verdict { true } else { false } }

    /// Torn or damaged? The answer for the bad place at the walker's offset.
    private mutating func judge(
        _ walker: inout SegmentWalker, problem: Problem, search: EnvelopeSearch, next: UInt64?
    ) -> LogDamage? {
        let last = walker.expected.lsn - 1
        let seenIncarnation = max(incarnation, walker.incarnation)
        let known = max(durableLSN, walker.durableUpTo, search.durableUpTo)
        durableLSN = known
        // Each incarnation begins with a marker that is durable before anything follows it. So a later incarnation
        // behind the bad place proves that the bad place was durable.
        let isDurable = last < known || problem.isContradiction || search.incarnation > seenIncarnation
        if next == nil, !isDurable, !isRefused {
            verdict = .tornTail(
                TornTail(
                    segment: walker.name, offset: walker.offset, dataEnd: search.dataEnd, lastLSN: last,
                    reason: problem.reason)
            )
            return nil
        }
        let endLSN = search.firstLSN ?? next ?? (known + 1)
        let lost = endLSN > last + 1 ? (last + 1)...(endLSN - 1) : nil
        let range = walker.offset..<max(search.firstOffset ?? search.dataEnd, walker.offset)
        let found = damage(walker.name, range, lost, problem.reason)
        refuse(.damaged(found))
        return found
    }

    private mutating func record(_ walker: borrowing SegmentWalker, damage: LogDamage?) {
        segments.append(
            SegmentSurvey(
                name: walker.name, base: walker.base, fileSize: walker.fileSize, dataEnd: walker.offset,
                nextLSN: walker.expected.lsn, envelopes: walker.envelopes, records: walker.records, index: walker.index,
                damage: damage))
        end = walker.expected
        durableLSN = max(durableLSN, walker.durableUpTo)
        incarnation = max(incarnation, walker.incarnation)
        if walker.envelopes > 0 { endsClean = walker.endsClean }
    }

    private mutating func conclude() {
        if let logID = end.logID, let expectedLogID, logID != expectedLogID {
            refuse(.foreignFile(path: directory, found: logID, expected: expectedLogID))
        }
        if let watermark, let logID = end.logID, watermark.logID != logID {
            let path = directory + "/" + LogFiles.watermark
            refuse(.foreignFile(path: path, found: watermark.logID, expected: logID))
        }
        if durableLSN >= end.lsn, !isRefused {
            refuse(.missing(gap(to: durableLSN, reason: "the log ends with lsn \(end.lsn - 1)")))
        }
        guard case .refused(var error) = verdict else { return }
        // What later segments told about the watermark is known only now.
        switch error {
        case .damaged(var damage):
            damage.durableWatermark = durableLSN
            error = .damaged(damage)
        case .missing(var gap):
            gap.durableWatermark = durableLSN
            error = .missing(gap)
        default: break
        }
        verdict = .refused(error)
    }

    private func damage(
        _ name: String, _ range: Range<UInt64>, _ lost: ClosedRange<UInt64>?, _ reason: String
    ) -> LogDamage {
        LogDamage(segment: name, byteRange: range, lsnRange: lost, durableWatermark: durableLSN, reason: reason)
    }

    private func gap(to last: UInt64, reason: String) -> LogGap {
        LogGap(firstMissing: end.lsn, lastMissing: last, durableWatermark: durableLSN, reason: reason)
    }
}
