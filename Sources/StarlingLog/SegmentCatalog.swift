import StarlingSystem
import Synchronization

/// The segments of a log as readers see them: what is in which file, how far the data goes, and the sparse tables. Any
/// thread may call it; the lock is held for a search, and for an `open` when a segment was not read lately. Tables of
/// sealed segments are loaded when they are wanted, and dropped with the open file.
final class SegmentCatalog: Sendable {
    /// Where to look for a record.
    struct Location {
        let file: any DiskFile
        let name: String
        let facts: SegmentFacts
        /// An envelope at or before the record's.
        let offset: UInt64
        /// Whether `offset` rests on an index file and nothing else.
        let isHint: Bool

        var base: UInt64 { facts.base }
        /// End of the data that may be read.
        var dataEnd: UInt64 { facts.dataEnd }
    }

    struct Segment {
        /// Where the tables come from, and so how they come back once they were dropped.
        enum Source {
            /// Gathered by the writer or by recovery, and not in an index file: never dropped.
            case memory
            case indexFile
            /// The index file misled a reader.
            case segment
        }

        let name: String
        var facts: SegmentFacts
        var tables: SegmentTables?
        var source: Source
        var file: (any DiskFile)?
        var lastUse: UInt64 = 0

        init(facts: SegmentFacts, tables: SegmentTables?) {
            name = LogFiles.segment(base: facts.base)
            self.facts = facts
            self.tables = tables
            source = tables == nil ? .indexFile : .memory
        }
    }

    struct State {
        var segments: [Segment] = []
        var openFiles = 0
        var uses: UInt64 = 0
    }

    /// Most segment files that are kept open for reading.
    private static let openFileLimit = 64

    let directory: String
    let disk: any Disk
    let state: Mutex<State>
    /// How often the tables of a segment had to be gathered from the segment itself.
    let rebuiltTables = Atomic<UInt64>(0)

    init(directory: String, disk: any Disk, segments: [SegmentSurvey]) {
        self.directory = directory
        self.disk = disk
        var state = State()
        state.segments = segments.map { Segment(facts: $0.facts, tables: $0.tables) }
        self.state = Mutex(state)
    }

    var index: IndexFile { IndexFile(directory: directory, disk: disk) }

    /// First lsn of the first segment; 1 when there is none.
    var firstLSN: UInt64 { state.withLock { $0.segments.first?.facts.base ?? 1 } }

    /// Bytes of envelopes in all segments.
    var dataBytes: UInt64 { state.withLock { $0.segments.reduce(0) { $0 + $1.facts.dataEnd } } }

    /// What was gathered about the last segment, which is the one that is written. Nil when there is none.
    var lastSummary: SegmentSummary? {
        state.withLock { state in
            state.segments.last.map { SegmentSummary(facts: $0.facts, tables: $0.tables ?? SegmentTables()) }
        }
    }

    /// Adds an empty segment at the end.
    func append(base: UInt64) {
        state.withLock { $0.segments.append(Segment(facts: SegmentFacts(base: base), tables: SegmentTables())) }
    }

    /// Shows readers envelopes that were written to the last segment.
    func extend(by envelopes: ArraySlice<PendingEnvelope>) {
        state.withLock { state in
            guard let last = state.segments.indices.last, let tables = state.segments[last].tables else { return }
            var summary = SegmentSummary(facts: state.segments[last].facts, tables: tables)
            // Held by nobody else now, so that noting copies nothing.
            state.segments[last].tables = nil
            for envelope in envelopes { summary.note(envelope.header, times: envelope.times) }
            state.segments[last].facts = summary.facts
            state.segments[last].tables = summary.tables
        }
    }

    /// Lets go of the tables of a segment whose index file is written: they come back from there.
    func releaseTables(base: UInt64) {
        state.withLock { state in
            guard let number = Self.segment(holding: base, in: state.segments) else { return }
            state.segments[number].tables = nil
            state.segments[number].source = .indexFile
        }
    }

    /// Shows readers a sealed segment that was written anew with the same records. Who holds the old file finishes with it.
    func replace(_ summary: SegmentSummary) {
        state.withLock { state in
            guard let number = Self.segment(holding: summary.facts.base, in: state.segments) else { return }
            if state.segments[number].file != nil { state.openFiles -= 1 }
            state.segments[number].file = nil
            state.segments[number].facts = summary.facts
            state.segments[number].tables = summary.tables
            state.segments[number].source = .memory
        }
    }

    /// Finds the segment that holds `lsn`. Nil when no record with that number is there.
    func locate(_ lsn: UInt64) throws(LogError) -> Location? {
        let found = try state.withLock { state throws(LogError) -> (segment: Segment, file: any DiskFile)? in
            guard let number = Self.segment(holding: lsn, in: state.segments) else { return nil }
            let file = try open(number, for: lsn, in: &state)
            return (state.segments[number], file)
        }
        guard let (segment, file) = found else { return nil }
        let tables: SegmentTables
        var isHint = segment.source == .indexFile
        if let held = segment.tables {
            tables = held
        } else if isHint, let stored = index.tables(of: segment.facts) {
            tables = stored
            keep(tables, of: segment.facts.base, source: .indexFile)
        } else {
            isHint = false
            tables = try gatherTables(segment.facts, file: file)
            keep(tables, of: segment.facts.base, source: .segment)
        }
        return Location(
            file: file, name: segment.name, facts: segment.facts, offset: tables.offsets.position(before: lsn),
            isHint: isHint)
    }

    /// Finds `lsn` again without the index file that led to `location` in vain.
    func relocate(_ lsn: UInt64, from location: Location) throws(LogError) -> Location {
        let tables = try gatherTables(location.facts, file: location.file)
        keep(tables, of: location.base, source: .segment)
        return Location(
            file: location.file, name: location.name, facts: location.facts,
            offset: tables.offsets.position(before: lsn), isHint: false)
    }

    /// Reads a sealed segment, as far as it is whole.
    private func gatherTables(_ facts: SegmentFacts, file: any DiskFile) throws(LogError) -> SegmentTables {
        rebuiltTables.wrappingAdd(1, ordering: .relaxed)
        let expected = LogPosition(logID: facts.logID, sequence: nil, lsn: facts.base, chain: nil)
        do {
            var walker = try SegmentWalker(
                name: LogFiles.segment(base: facts.base), base: facts.base, file: file, expected: expected)
            _ = try walker.walk(decoder: nil)
            return walker.summary.tables
        } catch {
            throw .readFailed(error)
        }
    }

    /// The tables of the segment that begins with `base`, from wherever they are.
    func tables(holding lsn: UInt64) throws(LogError) -> SegmentTables? {
        guard try locate(lsn) != nil else { return nil }
        return state.withLock { state in
            Self.segment(holding: lsn, in: state.segments).flatMap { state.segments[$0].tables }
        }
    }

    private func keep(_ tables: SegmentTables, of base: UInt64, source: Segment.Source) {
        state.withLock { state in
            guard let number = Self.segment(holding: base, in: state.segments), state.segments[number].source != .memory
            else { return }
            state.segments[number].tables = tables
            state.segments[number].source = source
        }
    }

    static func segment(holding lsn: UInt64, in segments: [Segment]) -> Int? {
        let after = segments.partitioningIndex { $0.facts.base > lsn }
        guard after > 0, lsn < segments[after - 1].facts.nextLSN else { return nil }
        return after - 1
    }

    private func open(_ number: Int, for lsn: UInt64, in state: inout State) throws(LogError) -> any DiskFile {
        state.uses += 1
        state.segments[number].lastUse = state.uses
        if let file = state.segments[number].file { return file }
        if state.openFiles >= Self.openFileLimit { Self.closeOldest(in: &state) }
        do {
            let file = try disk.open(directory + "/" + state.segments[number].name, .read)
            state.segments[number].file = file
            state.openFiles += 1
            return file
        } catch {
            // The log may belong to another process, whose retention has gone past.
            let start = error.code == SystemErrorCode.notFound ? startFile?.firstLSN ?? 0 : 0
            throw lsn < start ? .overtaken(lsn: lsn, first: start) : .readFailed(error)
        }
    }

    private var startFile: StartFile? { (try? StartFile.read(directory: directory, disk: disk))?.value }

    /// A reader that still holds the file keeps it open until it is done.
    private static func closeOldest(in state: inout State) {
        var oldest: Int?
        for number in state.segments.indices where state.segments[number].file != nil {
            if oldest.map({ state.segments[$0].lastUse > state.segments[number].lastUse }) ?? true { oldest = number }
        }
        guard let oldest else { return }
        state.segments[oldest].file = nil
        if state.segments[oldest].source != .memory { state.segments[oldest].tables = nil }
        state.openFiles -= 1
    }
}
