import StarlingSystem
import Synchronization

extension LogWriter {
    /// Writes everything that was appended, and syncs at level `disk`. Afterwards `log.committedLSN` covers it: `flush`,
    /// then, at level `disk`, `sync`.
    ///
    /// Does nothing when nothing waits. Blocks for one write a segment and one sync: about 0.1 to 0.4 ms on a good disk.
    /// - Throws: `writeFailed` at the first failure, also for lack of space: reserve first. Then `poisoned`.
    public func commit() throws(LogError) {
        let hasWritten = try writeOut()
        let needsSync = log.level == .disk && log.durableLSN < log.writtenLSN
        if !hasWritten, !needsSync { return }
        if needsSync { try syncOut() }
        if hasWritten { noteCommit() }
        log.listeners.notify()
    }

    /// Seals what was appended and hands it to the kernel, without a sync: it survives the end of the process, not the
    /// loss of power. Afterwards `log.writtenLSN` covers it, and it can be read. Does nothing when nothing waits.
    ///
    /// So that answers can leave at different levels: `flush`, answer those who asked for less, `sync`, answer the rest.
    /// Blocks for one write a segment.
    /// - Throws: `writeFailed` at the first failure, also for lack of space: reserve first. Then `poisoned`.
    public func flush() throws(LogError) {
        guard try writeOut() else { return }
        noteCommit()
        if log.level != .disk { log.listeners.notify() }
    }

    /// Returns whether there was something to write.
    private func writeOut() throws(LogError) -> Bool {
        try checkUsable()
        precondition(!isSyncing, "nothing is written while a sync is under way")
        sealBatch()
        if pending.isEmpty { return false }
        do {
            try writePending()
        } catch {
            throw poisoned(by: error)
        }
        return true
    }

    private func syncOut() throws(LogError) {
        do {
            try syncActive()
        } catch {
            throw poisoned(by: error)
        }
    }

    private func noteCommit() {
        log.counters.commits.wrappingAdd(1, ordering: .relaxed)
        commitsSinceWatermark += 1
        if configuration.commitsPerWatermark > 0, commitsSinceWatermark >= configuration.commitsPerWatermark {
            updateWatermark()
        }
    }

    /// Makes everything that was written durable: after `flush`, and for the periodic sync of level `os`. What was only
    /// appended stays in memory. Does nothing when all is durable already.
    /// - Throws: `writeFailed`, then `poisoned`.
    public func sync() throws(LogError) {
        try checkUsable()
        if log.durableLSN == log.writtenLSN { return }
        try syncOut()
        log.listeners.notify()
    }

    /// Begins to make everything durable that was written (`flush`), on another thread: it calls `BackgroundSync.run`, and when that
    /// has returned, the writer calls `finishSync`. Until then records may be appended and reserved, but nothing may be written. Nil
    /// when all is durable already.
    public func beginSync() throws(LogError) -> BackgroundSync? {
        try checkUsable()
        precondition(!isSyncing, "a sync is under way")
        if log.durableLSN == log.writtenLSN { return nil }
        isSyncing = true
        return BackgroundSync(file: active.file, lsn: log.writtenLSN)
    }

    /// Ends what `beginSync` has begun.
    /// - Throws: `writeFailed` when it failed, then `poisoned`.
    public func finishSync(_ sync: BackgroundSync, failure: DiskError?) throws(LogError) {
        isSyncing = false
        log.counters.syncs.wrappingAdd(1, ordering: .relaxed)
        if let failure { throw poisoned(by: failure) }
        log.publishDurable(sync.lsn)
        log.listeners.notify()
    }

    /// Writes how far the log is durable to the watermark file, without a sync. Call it at most every 100 ms; commits also
    /// do it now and then. A failure only leaves an older lower bound, so it is counted and not thrown.
    public func updateWatermark() {
        commitsSinceWatermark = 0
        do {
            try watermark.write(durableLSN: log.durableLSN)
        } catch {
            log.counters.watermarkFailures.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Commits, then writes and syncs a marker that says how far the log is durable. Call it after 50 to 100 ms without
    /// writes: from then on damage to the last batch cannot be taken for a torn tail.
    public func writeSyncMarker() throws(LogError) { try writeMarker(flags: EnvelopeHeader.syncMarker) }

    /// Ends the writing. With `clean`, commits and leaves the marker of a clean shutdown; without, drops what was not
    /// committed. Releases the lock. The log can still be read.
    public func close(clean: Bool) throws(LogError) {
        if isClosed { return }
        defer { endWriting() }
        if !clean || poison != nil { return }
        try writeMarker(flags: EnvelopeHeader.cleanShutdown)
        updateWatermark()
        do {
            try watermark.sync()
        } catch {
            throw poisoned(by: error)
        }
    }

    func writeMarker(flags: UInt8) throws(LogError) {
        try commit()
        try sync()
        sealMarker(flags: flags, durableUpTo: log.durableLSN)
        do {
            try writePending()
            try syncActive()
        } catch {
            throw poisoned(by: error)
        }
    }

    private func endWriting() {
        isClosed = true
        active.file.close()
        spare?.file.close()
        watermark.close()
        lock = nil
        log.publishEnd()
    }

    /// Writes the output buffer: one write for each segment that it touches.
    private func writePending() throws(DiskError) {
        var first = 0
        var offset = 0
        while first < pending.count {
            let base = pending[first].header.segmentBase
            var last = first
            var length = 0
            while last < pending.count, pending[last].header.segmentBase == base {
                length += pending[last].length
                last += 1
            }
            if base != active.base { try roll(to: base, capacity: UInt64(length)) }
            if active.position + UInt64(length) > active.capacity {
                try active.file.preallocate(active.position + UInt64(length))
                active.capacity = active.position + UInt64(length)
            }
            let bytes = UnsafeRawBufferPointer(rebasing: output.bytes[offset..<(offset + length)])
            try active.file.write(bytes, at: active.position)
            publish(pending[first..<last], length: length)
            offset += length
            first = last
        }
        output.removeAll()
        pending.removeAll(keepingCapacity: true)
        plan = SegmentPlan(active: active, segmentBytes: configuration.segmentBytes)
    }

    private func publish(_ envelopes: ArraySlice<PendingEnvelope>, length: Int) {
        log.source.catalog.extend(by: envelopes)
        active.position += UInt64(length)
        log.counters.bytesWritten.wrappingAdd(UInt64(length), ordering: .relaxed)
        guard let last = envelopes.last else { return }
        if let times = envelopes.lazy.compactMap(\.times).first {
            active.hasRecords = true
            active.firstTimestamp = active.firstTimestamp ?? times.first
        }
        log.publishWritten(last.header.nextLSN - 1)
        if spare == nil, active.position >= configuration.segmentBytes / 4 {
            preparer.want(bytes: configuration.segmentBytes)
        }
    }

    private func syncActive() throws(DiskError) {
        log.counters.syncs.wrappingAdd(1, ordering: .relaxed)
        try active.file.sync()
        log.publishDurable(log.writtenLSN)
    }

    /// Ends the active segment, durably, and begins the next one.
    private func roll(to base: UInt64, capacity: UInt64) throws(DiskError) {
        try active.file.truncate(active.position)
        try syncActive()
        active.file.close()
        let next = try preparedSpare(capacity: capacity)
        next.file.close()
        spare = nil
        let file = try store.install(base: base)
        writeIndex()
        active = ActiveSegment(file: file, base: base, position: 0, capacity: next.capacity, hasRecords: false)
        log.source.catalog.append(base: base)
        log.counters.segments.wrappingAdd(1, ordering: .relaxed)
    }

    /// Leaves the index of the segment that was ended beside it. The log does not need it, so a failure is only counted.
    private func writeIndex() {
        let catalog = log.source.catalog
        guard let summary = catalog.lastSummary else { return }
        if catalog.index.write(summary) {
            catalog.releaseTables(base: summary.facts.base)
        } else {
            log.counters.indexFailures.wrappingAdd(1, ordering: .relaxed)
        }
    }
}

/// A sync that runs beside the writer: see `LogWriter.beginSync`.
public struct BackgroundSync: Sendable {
    let file: any DiskFile
    /// What is durable after it.
    let lsn: UInt64

    /// Syncs, on any thread. Returns why that failed, or nil. Call it once: a sync that failed is never repeated.
    public func run() -> DiskError? {
        do {
            try file.sync()
            return nil
        } catch {
            return error
        }
    }
}
