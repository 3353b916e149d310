import StarlingSystem
import Synchronization

extension LogWriter {
    /// Writes everything that was appended, and syncs at level `disk`. Afterwards `log.committedLSN` covers it.
    ///
    /// Does nothing when nothing was appended. Blocks for one write a segment and one sync: about 0.1 to 0.4 ms on a good
    /// disk.
    /// - Throws: `writeFailed` at the first failure, also for lack of space: reserve first. Then `poisoned`.
    public func commit() throws(LogError) {
        try checkUsable()
        sealBatch()
        if pending.isEmpty { return }
        do {
            try writePending()
            if log.level == .disk { try syncActive() }
        } catch {
            throw poisoned(by: error)
        }
        log.counters.commits.wrappingAdd(1, ordering: .relaxed)
        commitsSinceWatermark += 1
        if configuration.commitsPerWatermark > 0, commitsSinceWatermark >= configuration.commitsPerWatermark {
            updateWatermark()
        }
        log.listeners.notify()
    }

    /// Makes everything that was written durable, for the periodic sync of level `os`. Does nothing when it is already.
    /// - Throws: `writeFailed`, then `poisoned`.
    public func sync() throws(LogError) {
        try checkUsable()
        if log.durableLSN == log.writtenLSN { return }
        do {
            try syncActive()
        } catch {
            throw poisoned(by: error)
        }
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
            let base = pending[first].segmentBase
            var last = first
            var length = 0
            while last < pending.count, pending[last].segmentBase == base {
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
        log.source.catalog.extend(by: envelopes, from: active.position)
        active.position += UInt64(length)
        log.counters.bytesWritten.wrappingAdd(UInt64(length), ordering: .relaxed)
        guard let last = envelopes.last else { return }
        if envelopes.contains(where: { $0.recordCount > 0 }) { active.hasRecords = true }
        log.publishWritten(last.baseLSN + UInt64(last.recordCount) - 1)
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
        active = ActiveSegment(file: file, base: base, position: 0, capacity: next.capacity, hasRecords: false)
        log.source.catalog.append(base: base)
        log.counters.segments.wrappingAdd(1, ordering: .relaxed)
    }
}
