import StarlingSystem

/// The state of all segments of a log, and what opening it for writing has to do. Reads only.
///
/// The rule (truncate or refuse): a bad place in the last segment, behind everything that is known to have been
/// durable, is a torn tail and may be cut. Every other bad place is damage to acknowledged data and is refused.
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
    private(set) var start = StartFile.Finding.none
    /// Segments that retention was about to remove: the log begins behind them.
    private(set) var leftovers: [UInt64] = []
    /// Highest lsn known to have been durable: from envelopes, the watermark file, and the caller.
    private(set) var durableLSN: UInt64

    /// First lsn that can be read.
    var firstLSN: UInt64 { segments.first?.base ?? 1 }

    /// Segments whose facts come from their index files.
    var trustedSegments: Int { segments.count { $0.tables == nil } }

    /// Largest segment that the system is asked to read into memory as a whole.
    private static let readAheadLimit: UInt64 = 256 << 20

    private let directory: String
    private let disk: any Disk
    private let expectation: LogExpectation
    private let decoder: BatchDecoder?
    /// The chain after the record of the caller's point.
    private var chainAtPoint: UInt64?

    /// Looks at the segments in `directory`: at all, or, when the caller has a point, from that record on.
    ///
    /// What index files say about the segments before the point decides nothing that matters: a tail is judged only by
    /// envelopes that were read, and before a log is refused the whole of it is read.
    static func run(
        directory: String, disk: any Disk, expectation: LogExpectation
    ) throws(LogError) -> LogSurvey {
        let survey = try consistent(directory: directory, disk: disk, expectation: expectation, trustsIndexes: true)
        guard survey.isRefused, survey.trustedSegments > 0 else { return survey }
        return try consistent(directory: directory, disk: disk, expectation: expectation, trustsIndexes: false)
    }

    /// Looks again when another process has removed segments from the front meanwhile.
    private static func consistent(
        directory: String, disk: any Disk, expectation: LogExpectation, trustsIndexes: Bool
    ) throws(LogError) -> LogSurvey {
        var attempts = 0
        while true {
            var survey = LogSurvey(directory: directory, disk: disk, expectation: expectation)
            do {
                try survey.look(trustsIndexes: trustsIndexes && !expectation.verifiesRecords)
                return survey
            } catch let error as DiskError {
                attempts += 1
                let isRemoved = error.code == SystemErrorCode.notFound && attempts < 10
                guard isRemoved, try StartFile.read(directory: directory, disk: disk) != survey.start else {
                    throw .readFailed(error)
                }
            } catch let error as LogError {
                throw error
            } catch {
                preconditionFailure("the calls above throw nothing else")
            }
        }
    }

    private init(directory: String, disk: any Disk, expectation: LogExpectation) {
        self.directory = directory
        self.disk = disk
        self.expectation = expectation
        decoder = expectation.verifiesRecords ? BatchDecoder() : nil
        durableLSN = max(expectation.durableLSN, expectation.point?.lsn ?? 0)
    }

    /// The watermark file is read before the names, and those before the data, so that a log which another process is
    /// writing never looks shorter than its watermark. The start file is read after the names, so that a log from which
    /// another process removes segments never looks as if it lacked them.
    private mutating func look(trustsIndexes: Bool) throws {
        watermark = try WatermarkFile.read(directory: directory, disk: disk)
        durableLSN = max(durableLSN, watermark?.durableLSN ?? 0)
        var bases = try disk.list(directory).compactMap { LogFiles.base(ofSegment: $0) }.sorted()
        start = try StartFile.read(directory: directory, disk: disk)
        if let start = start.value {
            leftovers = bases.filter { $0 < start.firstLSN }
            bases.removeFirst(leftovers.count)
            end = start.position
            durableLSN = max(durableLSN, start.firstLSN - 1)
        }
        let point = expectation.point?.lsn ?? 0
        let firstRead = trustsIndexes ? (bases.lastIndex { $0 <= point } ?? 0) : 0
        for (number, base) in bases.enumerated() {
            let next = number + 1 < bases.count ? bases[number + 1] : nil
            if number < firstRead, let next, try trust(base: base, next: next) { continue }
            try visit(base: base, next: next)
        }
        if bases.isEmpty, let start = start.value {
            refuse(.missing(gap(to: start.firstLSN, reason: "the log begins there, and no segment is")))
        }
        conclude()
    }

    /// Takes a sealed segment over from its index file, when that goes with everything around it.
    private mutating func trust(base: UInt64, next: UInt64) throws(DiskError) -> Bool {
        let index = IndexFile(directory: directory, disk: disk)
        guard !isRefused, let facts = index.facts(base: base) else { return false }
        let name = LogFiles.segment(base: base)
        let file = try disk.open(directory + "/" + name, .read)
        defer { file.close() }
        let size = try file.size()
        guard facts.nextLSN == next, facts.dataEnd == size, facts.follows(end) else { return false }
        segments.append(SegmentSurvey(name: name, fileSize: size, facts: facts, tables: nil))
        end = facts.end
        return true
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
                segments.last.map { "\($0.name) ends with lsn \(end.lsn - 1)" }
                ?? (start == .unreadable
                    ? "the file \(LogFiles.start) is unreadable, and the first segment is not there"
                    : "the first segment is not there")
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
        var walker = try SegmentWalker(
            name: name, base: base, file: file, expected: expected, probe: expectation.point?.lsn)
        // One large request instead of many small ones: several times faster from a cold disk.
        if walker.fileSize <= Self.readAheadLimit { file.readAhead() }
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
        let summary = walker.summary
        segments.append(
            SegmentSurvey(
                name: walker.name, fileSize: walker.fileSize, facts: summary.facts, tables: summary.tables,
                damage: damage))
        end = walker.expected
        durableLSN = max(durableLSN, walker.durableUpTo)
        incarnation = max(incarnation, walker.incarnation)
        if summary.facts.envelopes > 0 { endsClean = walker.endsClean }
        chainAtPoint = chainAtPoint ?? walker.probedChain
    }

    private mutating func conclude() {
        if let logID = end.logID, let expected = expectation.logID, logID != expected {
            refuse(.foreignFile(path: directory, found: logID, expected: expected))
        }
        if let watermark, let logID = end.logID, watermark.logID != logID {
            let path = directory + "/" + LogFiles.watermark
            refuse(.foreignFile(path: path, found: watermark.logID, expected: logID))
        }
        if durableLSN >= end.lsn, !isRefused {
            refuse(.missing(gap(to: durableLSN, reason: "the log ends with lsn \(end.lsn - 1)")))
        }
        compareWithPoint()
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

    /// Does what the caller knows belong to this log's history?
    private mutating func compareWithPoint() {
        guard let point = expectation.point, !isRefused else { return }
        var found = chainAtPoint
        if let start = start.value, point.lsn < start.firstLSN {
            if point.lsn + 1 < start.firstLSN {
                let reason = "the log begins with lsn \(start.firstLSN), which does not follow the snapshot"
                let gap = LogGap(
                    firstMissing: point.lsn + 1, lastMissing: start.firstLSN - 1, durableWatermark: durableLSN,
                    reason: reason)
                return refuse(.missing(gap))
            }
            found = start.chain
        } else if point.lsn == 0 {
            found = end.logID ?? point.chain
        }
        if found != point.chain { refuse(.otherHistory(lsn: point.lsn, expected: point.chain, found: found)) }
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
