import StarlingSystem
import Synchronization

/// The segments of a log as readers see them: what is in which file, how far the data goes, and the sparse indexes. Any
/// thread may call it; the lock is held for a search, and for an `open` when a segment was not read lately.
final class SegmentCatalog: Sendable {
    /// Where to look for a record.
    struct Location {
        let file: any DiskFile
        let name: String
        let base: UInt64
        /// An envelope at or before the record's.
        let offset: UInt64
        /// End of the data that may be read.
        let dataEnd: UInt64
        /// The lsn after the segment's last record.
        let nextLSN: UInt64
    }

    private struct Segment {
        let base: UInt64
        let name: String
        var dataEnd: UInt64
        var nextLSN: UInt64
        var index: SparseIndex
        var file: (any DiskFile)?
        var lastUse: UInt64 = 0
    }

    private struct State {
        var segments: [Segment] = []
        var openFiles = 0
        var uses: UInt64 = 0
    }

    /// Most segment files that are kept open for reading.
    private static let openFileLimit = 64

    private let directory: String
    private let disk: any Disk
    private let state: Mutex<State>

    init(directory: String, disk: any Disk, segments: [SegmentSurvey]) {
        self.directory = directory
        self.disk = disk
        var state = State()
        for survey in segments {
            state.segments.append(
                Segment(
                    base: survey.base, name: survey.name, dataEnd: survey.dataEnd, nextLSN: survey.nextLSN,
                    index: survey.index))
        }
        self.state = Mutex(state)
    }

    /// First lsn of the first segment; 1 when there is none.
    var firstLSN: UInt64 { state.withLock { $0.segments.first?.base ?? 1 } }

    /// The lsn after the last record.
    var nextLSN: UInt64 { state.withLock { $0.segments.last?.nextLSN ?? 1 } }

    /// Bytes of envelopes in all segments.
    var dataBytes: UInt64 { state.withLock { $0.segments.reduce(0) { $0 + $1.dataEnd } } }

    /// Adds an empty segment at the end.
    func append(base: UInt64) {
        state.withLock { state in
            state.segments.append(
                Segment(
                    base: base, name: LogFiles.segment(base: base), dataEnd: 0, nextLSN: base, index: SparseIndex()))
        }
    }

    /// Shows readers envelopes that were written to the last segment.
    func extend(by envelopes: ArraySlice<PendingEnvelope>, from offset: UInt64) {
        state.withLock { state in
            guard let last = state.segments.indices.last else { return }
            var position = offset
            for envelope in envelopes {
                if envelope.recordCount > 0 {
                    state.segments[last].index.note(lsn: envelope.baseLSN, position: position)
                }
                position += UInt64(envelope.length)
                state.segments[last].nextLSN = envelope.baseLSN + UInt64(envelope.recordCount)
            }
            state.segments[last].dataEnd = position
        }
    }

    /// Finds the segment that holds `lsn`. Nil when no record with that number is there.
    func locate(_ lsn: UInt64) throws(LogError) -> Location? {
        try state.withLock { state throws(LogError) -> Location? in
            guard let number = Self.segment(holding: lsn, in: state.segments) else { return nil }
            let file = try open(number, in: &state)
            let segment = state.segments[number]
            return Location(
                file: file, name: segment.name, base: segment.base, offset: segment.index.position(before: lsn),
                dataEnd: segment.dataEnd, nextLSN: segment.nextLSN)
        }
    }

    private static func segment(holding lsn: UInt64, in segments: [Segment]) -> Int? {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].base <= lsn { low = middle + 1 } else { high = middle }
        }
        guard low > 0, lsn < segments[low - 1].nextLSN else { return nil }
        return low - 1
    }

    private func open(_ number: Int, in state: inout State) throws(LogError) -> any DiskFile {
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
            throw .readFailed(error)
        }
    }

    /// A reader that still holds the file keeps it open until it is done.
    private static func closeOldest(in state: inout State) {
        var oldest: Int?
        for number in state.segments.indices where state.segments[number].file != nil {
            if oldest.map({ state.segments[$0].lastUse > state.segments[number].lastUse }) ?? true { oldest = number }
        }
        guard let oldest else { return }
        state.segments[oldest].file = nil
        state.openFiles -= 1
    }
}
