import StarlingSystem
import Synchronization

/// Where the next sealed envelope will lie: the active segment as it will be once everything pending is written.
struct SegmentPlan {
    var base: UInt64
    var position: UInt64
    /// The segment rolls when an envelope would pass this.
    var limit: UInt64
    var hasRecords: Bool
    /// Of the first record, in milliseconds.
    var firstTimestamp: UInt64?
    /// How many segments the next commit will begin.
    var rolls = 0

    init(active: ActiveSegment, segmentBytes: UInt64) {
        base = active.base
        position = active.position
        limit = max(active.capacity, segmentBytes)
        hasRecords = active.hasRecords
        firstTimestamp = active.firstTimestamp
    }
}

extension LogWriter {
    /// Closes the open batch: compresses it into the output buffer and puts the envelope around it. Touches no file.
    func sealBatch() {
        if batch.count == 0 { return }
        let start = output.bytes.count
        let overhead = LogLimits.batchOverheadBytes
        output.reserve(overhead)
        output.advance(overhead)
        let raw = batch.records
        let compressed = compressor.compress(raw, into: &output)
        if compressed == nil { output.append(raw) }
        let stored = compressed ?? raw.count
        let kafka = KafkaBatchHeader(
            baseOffset: batch.baseLSN,
            codec: compressed == nil ? KafkaBatchHeader.codecNone : KafkaBatchHeader.codecLZ4,
            baseTimestamp: batch.baseTimestamp, maxTimestamp: batch.maxTimestamp, count: batch.count)
        kafka.write(to: output.pointer(at: start + EnvelopeHeader.size), recordsLength: stored)
        finishEnvelope(
            at: start, flags: 0, baseLSN: batch.baseLSN, count: batch.count, previousChain: batch.previousChain,
            durableUpTo: log.durableLSN,
            times: BatchTimes(first: batch.baseTimestamp, highest: batch.maxTimestamp))
        let counters = log.counters
        counters.batches.wrappingAdd(1, ordering: .relaxed)
        counters.records.wrappingAdd(UInt64(batch.count), ordering: .relaxed)
        counters.bytesBeforeCompression.wrappingAdd(UInt64(raw.count), ordering: .relaxed)
        counters.bytesAfterCompression.wrappingAdd(UInt64(stored), ordering: .relaxed)
        batch.removeAll()
    }

    /// Adds an envelope without records. Everything appended so far is sealed before it.
    func sealMarker(flags: UInt8, durableUpTo: UInt64) {
        sealBatch()
        let start = output.bytes.count
        output.reserve(EnvelopeHeader.size)
        output.advance(EnvelopeHeader.size)
        finishEnvelope(
            at: start, flags: flags, baseLSN: nextLSN, count: 0, previousChain: chain, durableUpTo: durableUpTo,
            times: nil)
    }

    /// Decides which segment takes the envelope that ends the output buffer, and stores its header.
    private func finishEnvelope(
        at start: Int, flags: UInt8, baseLSN: UInt64, count: UInt32, previousChain: UInt64, durableUpTo: UInt64,
        times: BatchTimes?
    ) {
        place(length: UInt64(output.bytes.count - start), baseLSN: baseLSN, times: times)
        let body = UnsafeRawBufferPointer(rebasing: output.bytes[(start + EnvelopeHeader.size)...])
        let header = EnvelopeHeader(
            flags: flags, bodyLength: UInt32(body.count), recordCount: count, logID: log.id,
            incarnation: log.incarnation, segmentBase: plan.base, sequence: sequence, baseLSN: baseLSN,
            durableUpTo: durableUpTo, previousChain: previousChain, chain: chain,
            bodyChecksum: CRC32C.checksum(body))
        header.write(to: output.pointer(at: start))
        sequence += 1
        pending.append(PendingEnvelope(header: header, times: times))
    }

    private func place(length: UInt64, baseLSN: UInt64, times: BatchTimes?) {
        if plan.position + length > plan.limit || isDue(by: times) {
            if plan.hasRecords {
                mustRoll = false
                let prepared = plan.rolls == 0 ? spare?.capacity ?? 0 : 0
                plan.base = baseLSN
                plan.position = 0
                plan.limit = max(configuration.segmentBytes, prepared, length)
                plan.hasRecords = false
                plan.firstTimestamp = nil
                plan.rolls += 1
            } else {
                plan.limit = max(plan.limit, plan.position + length)
            }
        }
        plan.position += length
        if let times {
            plan.hasRecords = true
            plan.firstTimestamp = plan.firstTimestamp ?? times.first
        }
    }

    /// Whether the segment is to end, or too old for a batch with these times. Never while the disk has no room for the next one:
    /// that a segment grows older than it should is better than a refused write.
    private func isDue(by times: BatchTimes?) -> Bool {
        guard !isAgingSuspended, plan.rolls == 0, let times else { return false }
        if mustRoll { return true }
        guard configuration.segmentMilliseconds > 0, let first = plan.firstTimestamp, times.highest > first else {
            return false
        }
        return times.highest - first >= configuration.segmentMilliseconds
    }
}
