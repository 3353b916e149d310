import StarlingSystem

/// What one step of a scrub came to.
public enum ScrubStep: Equatable, Sendable {
    /// So many bytes were read and are whole.
    case progress(bytes: Int)
    /// A sealed segment is damaged. The scrub goes on with the next one.
    case damaged(LogDamage)
    /// The index file of a segment was missing or wrong, and was made again. Costs nothing.
    case indexRebuilt(String)
    /// The disk could not read a segment. The scrub goes on with the next one.
    case unreadable(DiskError)
    /// All sealed segments have been read. The next step begins again with the first.
    case finished
}

/// Reads the sealed segments of an open log again, piece by piece, from the device and not from the kernel's memory,
/// and verifies every checksum and the chain, also from segment to segment. So damage to cold data is found while a
/// backup still has it. The caller decides when and how much, for example 5 MB/s, and counts what is found.
///
/// Owned by one thread at a time; the log may be written, read and shortened meanwhile. Holds about 1 MiB.
public final class LogScrubber {
    private let log: Log
    private let decoder: BatchDecoder?
    private var walker: SegmentWalker?
    private var facts: SegmentFacts?
    /// What the next segment must begin with.
    private var end: LogPosition?
    private var nextLSN: UInt64 = 0

    /// Begins before the first segment. With `verifiesRecords`, every batch is expanded, too.
    public init(log: Log, verifiesRecords: Bool = false) {
        self.log = log
        decoder = verifiesRecords ? BatchDecoder() : nil
    }

    /// First lsn that this round has not verified.
    public var position: UInt64 { walker?.expected.lsn ?? nextLSN }

    /// Verifies envelopes until about `maximumBytes` are read; at least one.
    public func step(maximumBytes: Int) -> ScrubStep {
        do {
            if walker == nil, try !beginSegment() { return .finished }
            return try walk(maximumBytes: maximumBytes)
        } catch {
            skipSegment()
            if let facts, facts.base < log.firstLSN { return .progress(bytes: 0) }
            return .unreadable(error)
        }
    }

    /// Returns whether there is another segment.
    private func beginSegment() throws(DiskError) -> Bool {
        let catalog = log.source.catalog
        guard let next = catalog.sealedSegment(from: nextLSN) else {
            nextLSN = 0
            end = nil
            return false
        }
        facts = next
        let name = LogFiles.segment(base: next.base)
        let file = try catalog.disk.open(catalog.directory + "/" + name, .read)
        file.dropCache()
        let unknown = LogPosition(logID: log.id, sequence: nil, lsn: next.base, chain: nil)
        // Segments that were removed meanwhile leave a hole between the last one and this one.
        let expected = end.map { $0.lsn == next.base ? $0 : unknown } ?? unknown
        walker = try SegmentWalker(name: name, base: next.base, file: file, expected: expected)
        return true
    }

    private func walk(maximumBytes: Int) throws(DiskError) -> ScrubStep {
        guard let facts else { return .finished }
        let start = walker?.offset ?? 0
        while true {
            let end = try walker?.step(decoder: decoder)
            let offset = walker?.offset ?? 0
            if let end { return conclude(facts, end: end, offset: offset, bytes: Int(clamping: offset - start)) }
            if offset - start >= UInt64(max(0, maximumBytes)) {
                return .progress(bytes: Int(clamping: offset - start))
            }
        }
    }

    private func conclude(_ facts: SegmentFacts, end: SegmentEnd, offset: UInt64, bytes: Int) -> ScrubStep {
        let summary = walker?.summary
        let position = walker?.expected
        let name = LogFiles.segment(base: facts.base)
        walker?.window.file.dropCache()
        skipSegment()
        // Retention may have removed it under our hands; that is no damage.
        if facts.base < log.firstLSN { return .progress(bytes: bytes) }
        // Nor is it when bodies were erased from it: then another file has its name.
        if log.source.catalog.sealedSegment(from: facts.base) != facts { return .progress(bytes: bytes) }
        guard end == .clean, offset == facts.dataEnd, let summary, position == facts.end else {
            let last = position?.lsn ?? facts.base
            let lost = last < facts.nextLSN ? last...(facts.nextLSN - 1) : nil
            return .damaged(
                LogDamage(
                    segment: name, byteRange: offset..<max(offset, facts.dataEnd), lsnRange: lost,
                    durableWatermark: log.durableLSN, reason: Self.reason(end)))
        }
        self.end = position
        let index = log.source.catalog.index
        if index.matches(summary) || !index.write(summary) { return .progress(bytes: bytes) }
        return .indexRebuilt(LogFiles.index(base: facts.base))
    }

    private func skipSegment() {
        walker = nil
        end = nil
        nextLSN = facts?.nextLSN ?? nextLSN
    }

    private static func reason(_ end: SegmentEnd) -> String {
        switch end {
        case .clean: "the segment ends early, or is not the one that was written"
        case .bad(let reason), .contradiction(let reason): reason
        case .unknownVersion(let version): "an envelope has the unknown version \(version)"
        case .foreign(let logID): "an envelope of the log \(hexadecimal(logID))"
        }
    }
}
