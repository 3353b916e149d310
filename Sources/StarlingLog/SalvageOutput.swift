import StarlingSystem

/// Writes the copy of a salvaged log: the same batches in new envelopes, with sequences and segments of their own.
///
/// Everything is written and synced under temporary names. The segments get their own names last, the first one at the
/// very end; until then the watermark file makes opening refuse.
final class SalvageOutput {
    /// The lsn of the next record.
    private(set) var nextLSN: UInt64
    /// The chain after the last one.
    private(set) var chain: UInt64
    private(set) var keptRecords: UInt64 = 0

    private let path: String
    private let disk: any Disk
    private let logID: UInt64
    private let start: StartFile?
    private let segmentBytes: UInt64
    private let watermark: WatermarkFile
    private var bases: [UInt64] = []
    private var file: (any DiskFile)?
    private var summary: SegmentSummary
    private var sequence: UInt64 = 1
    private var durableUpTo: UInt64
    private var buffer = GrowableBytes(capacity: 256 << 10)

    /// Most records that one envelope for lost ones stands for, so that stepping over them takes no time.
    private static let lostPerEnvelope: UInt64 = 1 << 20

    init(directory: String, disk: any Disk, logID: UInt64, start: StartFile?, segmentBytes: UInt64) throws(LogError) {
        self.disk = disk
        self.logID = logID
        self.start = start.map { StartFile(logID: $0.logID, firstLSN: $0.firstLSN, sequence: 1, chain: $0.chain) }
        self.segmentBytes = segmentBytes
        path = LogFiles.directory(in: directory)
        nextLSN = start?.firstLSN ?? 1
        durableUpTo = (start?.firstLSN ?? 1) - 1
        chain = start?.chain ?? logID
        summary = SegmentSummary(facts: SegmentFacts(base: start?.firstLSN ?? 1))
        do {
            let isThere = disk.exists(directory)
            if isThere, try !disk.list(directory).isEmpty { throw LogError.targetNotEmpty(path: directory) }
            try disk.createDirectory(path)
            try disk.syncNames(to: directory)
            watermark = try WatermarkFile(directory: path, disk: disk, logID: logID, previous: nil)
            // Without segments, a log that should have this record is refused.
            try watermark.write(durableLSN: max(1, durableUpTo))
            try watermark.sync()
            try disk.syncDirectory(path)
        } catch let error as LogError {
            throw error
        } catch let error as DiskError {
            throw .cannotCreate(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    /// Copies a batch, or an envelope for lost records. The lsn is the next one.
    func write(_ header: EnvelopeHeader, body: UnsafeRawBufferPointer) throws(DiskError) {
        if summary.facts.hasRecords, summary.facts.dataEnd + header.totalLength > segmentBytes { try seal() }
        var copy = header
        copy.segmentBase = summary.facts.base
        copy.sequence = sequence
        copy.durableUpTo = min(header.durableUpTo, nextLSN - 1)
        try put(copy, body: body)
        if !header.isLost { keptRecords += UInt64(header.recordCount) }
        nextLSN = header.nextLSN
        chain = header.chain
    }

    /// Notes the records up to `next` as lost. `chain` is the chain after them.
    func writeLost(upTo next: UInt64, chain after: UInt64, incarnation: UInt64) throws(DiskError) {
        while nextLSN < next {
            let count = min(Self.lostPerEnvelope, next - nextLSN)
            let header = EnvelopeHeader(
                flags: EnvelopeHeader.lostRecords, recordCount: UInt32(count), logID: logID, incarnation: incarnation,
                segmentBase: nextLSN, sequence: sequence, baseLSN: nextLSN, durableUpTo: 0, previousChain: chain,
                chain: nextLSN + count == next ? after : chain)
            try write(header, body: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Ends the copy with the marker of a clean shutdown, and gives everything its name, durably.
    func finish(incarnation: UInt64) throws(DiskError) {
        try file?.sync()
        durableUpTo = nextLSN - 1
        let marker = EnvelopeHeader(
            flags: EnvelopeHeader.cleanShutdown, logID: logID, incarnation: incarnation,
            segmentBase: summary.facts.base, sequence: sequence, baseLSN: nextLSN, durableUpTo: durableUpTo,
            previousChain: chain, chain: chain)
        try put(marker, body: UnsafeRawBufferPointer(start: nil, count: 0))
        try file?.sync()
        file?.close()
        try start?.install(directory: path, disk: disk)
        if nextLSN > 1 {
            try watermark.write(durableLSN: durableUpTo)
            try watermark.sync()
        } else {
            try disk.remove(path + "/" + LogFiles.watermark)
        }
        watermark.close()
        try disk.syncDirectory(path)
        for base in bases.reversed() {
            let name = path + "/" + LogFiles.segment(base: base)
            try disk.rename(name + LogFiles.temporarySuffix, to: name)
            // The first one must not be there before the others are.
            try disk.syncDirectory(path)
        }
    }

    private func put(_ header: EnvelopeHeader, body: UnsafeRawBufferPointer) throws(DiskError) {
        if file == nil {
            let name = LogFiles.segment(base: summary.facts.base) + LogFiles.temporarySuffix
            file = try disk.open(path + "/" + name, .create)
            bases.append(summary.facts.base)
        }
        buffer.removeAll()
        buffer.reserve(EnvelopeHeader.size + body.count)
        header.write(to: buffer.end)
        buffer.advance(EnvelopeHeader.size)
        buffer.append(body)
        try file?.write(buffer.bytes, at: summary.facts.dataEnd)
        summary.note(header, times: Self.times(of: body, in: header))
        sequence += 1
    }

    private static func times(of body: UnsafeRawBufferPointer, in header: EnvelopeHeader) -> BatchTimes? {
        guard !body.isEmpty, let batch = try? BatchDecoder.header(of: body, in: header) else { return nil }
        return BatchTimes(first: batch.baseTimestamp, highest: batch.maxTimestamp)
    }

    /// Ends the segment durably and turns to the next one.
    private func seal() throws(DiskError) {
        try file?.sync()
        file?.close()
        file = nil
        _ = IndexFile(directory: path, disk: disk).write(summary)
        summary = SegmentSummary(facts: SegmentFacts(base: nextLSN))
    }
}
