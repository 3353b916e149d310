import StarlingSystem
import Synchronization

/// How much of a log is kept. A segment goes when one of the two limits wants it to.
public struct RetentionPolicy: Equatable, Sendable {
    /// Most bytes of envelopes that the log should take. Nil: no limit.
    public var bytes: UInt64?
    /// Longest age of a segment's newest record, in milliseconds of log time. Nil: no limit.
    public var milliseconds: UInt64?

    /// Keeps everything, unless told otherwise.
    public init(bytes: UInt64? = nil, milliseconds: UInt64? = nil) {
        self.bytes = bytes
        self.milliseconds = milliseconds
    }

    func removes(_ segment: SegmentFacts, total: UInt64, now: UInt64) -> Bool {
        if let bytes, total > bytes { return true }
        guard let milliseconds, now > segment.maxTimestamp else { return false }
        return now - segment.maxTimestamp > milliseconds
    }
}

/// What a removal of segments came to.
public struct RetentionOutcome: Equatable, Sendable {
    /// Segments that were removed.
    public var removedSegments: Int
    /// Bytes of envelopes that were in them.
    public var removedBytes: UInt64
    /// First lsn that is left.
    public var firstLSN: UInt64
}

extension Log {
    /// Removes whole segments from the front, as far as `policy` wants it: never one with a record from `lsn` on, and
    /// never the one that is written. What readers have open they can finish reading; then they get `overtaken`.
    ///
    /// Before the first file goes, the new beginning is noted durably, so that a removal is never taken for a loss. A
    /// crash in between leaves files that the next opening removes. Any thread; calls wait for each other. Costs two
    /// syncs when something is removed, and nothing otherwise.
    ///
    /// - Parameters:
    ///   - policy: what is to be kept.
    ///   - lsn: the first record that somebody still needs: the older snapshot's lsn + 1, the slowest consumer's
    ///     position.
    ///   - now: log time in milliseconds since 1970.
    /// - Throws: `retentionFailed`. The log is whole, and the next call goes on.
    @discardableResult
    public func removeSegments(
        _ policy: RetentionPolicy, keepingFrom lsn: UInt64, now: UInt64
    ) throws(LogError) -> RetentionOutcome {
        try removals.withLock { leftovers throws(LogError) -> RetentionOutcome in
            do throws(DiskError) {
                let removed = source.catalog.removable(policy, keepingFrom: lsn, now: now)
                if let last = removed.last {
                    let end = last.end
                    let start = StartFile(
                        logID: id, firstLSN: end.lsn, sequence: end.sequence ?? 1, chain: end.chain ?? id)
                    try start.install(directory: source.catalog.directory, disk: source.catalog.disk)
                    source.catalog.removeFirst(removed.count)
                    leftovers += removed.map(\.base)
                    counters.removedSegments.wrappingAdd(UInt64(removed.count), ordering: .relaxed)
                }
                try unlink(&leftovers)
                return RetentionOutcome(
                    removedSegments: removed.count, removedBytes: removed.reduce(0) { $0 + $1.dataEnd },
                    firstLSN: firstLSN)
            } catch {
                throw .retentionFailed(error)
            }
        }
    }

    /// Removes the files of segments that are no longer part of the log.
    private func unlink(_ bases: inout [UInt64]) throws(DiskError) {
        if bases.isEmpty { return }
        let catalog = source.catalog
        while let base = bases.first {
            for name in [LogFiles.segment(base: base), LogFiles.index(base: base)] {
                let path = catalog.directory + "/" + name
                if catalog.disk.exists(path) { try catalog.disk.remove(path) }
            }
            bases.removeFirst()
        }
        try catalog.disk.syncDirectory(catalog.directory)
    }
}
