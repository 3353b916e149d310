import StarlingSystem
import Synchronization

/// What erasing bodies from one segment came to.
public enum ErasureOutcome: Equatable, Sendable {
    /// So many bodies are gone from the segment, which ends with record `last`; 0 when there was none to erase.
    case erased(bodies: Int, last: UInt64)
    /// The record is in the segment that is written: only sealed ones can be changed.
    case notSealed
    /// Retention has removed the record.
    case removed
}

extension Log {
    /// Erases bodies from the sealed segment that holds record `lsn`, of all its records for which `isSuperfluous` says so: puts
    /// their hashes in their place. Numbers, values and the chain stay.
    ///
    /// The segment is written anew beside the old one, synced, and renamed over it, so a crash leaves the one or the other, whole.
    /// Readers that hold the old file finish with it. Not to be called while the log is copied. Any thread; calls wait for each
    /// other and for retention. Costs reading the segment and, when there is something to erase, writing it.
    ///
    /// - Throws: `damaged` when the segment is not whole: then it is left as it is. `readFailed`, `writeFailed`, `outOfSpace`.
    public func eraseBodies(
        inSegmentHolding lsn: UInt64, where isSuperfluous: (LogRecord) -> Bool
    ) throws(LogError) -> ErasureOutcome {
        try removals.withLock { _ throws(LogError) -> ErasureOutcome in
            if lsn < firstLSN { return .removed }
            guard let facts = source.catalog.sealedSegment(from: lsn), facts.base <= lsn else { return .notSealed }
            var eraser = SegmentEraser(catalog: source.catalog, facts: facts)
            defer { eraser.discardDraft() }
            do {
                return .erased(bodies: try eraser.run(isSuperfluous), last: facts.nextLSN - 1)
            } catch let error as LogError {
                throw error
            } catch let error as DiskError {
                throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
            } catch let error as BatchFormatError {
                throw eraser.damaged(error.reason)
            } catch {
                preconditionFailure("the calls above throw nothing else")
            }
        }
    }
}

/// Writes one sealed segment anew, without some bodies.
private struct SegmentEraser: ~Copyable {
    private let catalog: SegmentCatalog
    private let facts: SegmentFacts
    private let decoder = BatchDecoder()
    private let compressor = FrameCompressor()
    private var batch = BatchBuilder(capacity: 64 << 10)
    private var output = GrowableBytes(capacity: 1 << 20)
    private var summary: SegmentSummary
    private var bodies = 0
    /// What has been written so far, beside the segment.
    private var draft: (any DiskFile)?
    private var draftBytes: UInt64 = 0

    private static let bytesAtOnce = 4 << 20

    init(catalog: SegmentCatalog, facts: SegmentFacts) {
        self.catalog = catalog
        self.facts = facts
        summary = SegmentSummary(facts: SegmentFacts(base: facts.base))
    }

    private var name: String { LogFiles.segment(base: facts.base) }
    private var path: String { catalog.directory + "/" + name }
    private var draftPath: String { path + LogFiles.temporarySuffix }

    mutating func run(_ isSuperfluous: (LogRecord) -> Bool) throws -> Int {
        let file = try catalog.disk.open(path, .read)
        defer { file.close() }
        var window = SegmentWindow(file: file, readAhead: 1 << 20)
        var expected = LogPosition(logID: facts.logID, sequence: facts.firstSequence, lsn: facts.base, chain: nil)
        var offset: UInt64 = 0
        while offset < facts.dataEnd {
            let start = try window.bytes(at: offset, count: EnvelopeHeader.size, limit: facts.dataEnd)
            guard case .header(let header) = EnvelopeHeader.parse(start), header.segmentBase == facts.base,
                header.baseLSN == expected.lsn, header.sequence == expected.sequence,
                header.previousChain == expected.chain ?? header.previousChain
            else { throw damaged("an envelope that belongs here is due at byte \(offset)") }
            let count = Int(header.totalLength)
            let envelope = try window.bytes(at: offset, count: count, limit: facts.dataEnd)
            guard envelope.count == count else { throw damaged("the file ends inside an envelope") }
            try copy(envelope, header, isSuperfluous)
            if output.bytes.count >= Self.bytesAtOnce { try flush() }
            offset += header.totalLength
            expected = LogPosition(
                logID: header.logID, sequence: header.sequence &+ 1, lsn: header.nextLSN, chain: header.chain)
        }
        guard expected == facts.end else { throw damaged("the segment is not the one that was written") }
        if bodies > 0 { try install() }
        return bodies
    }

    /// Appends an envelope to the output, without the bodies that are to go.
    private mutating func copy(
        _ envelope: UnsafeRawBufferPointer, _ header: EnvelopeHeader, _ isSuperfluous: (LogRecord) -> Bool
    ) throws {
        let body = UnsafeRawBufferPointer(rebasing: envelope[EnvelopeHeader.size...])
        guard CRC32C.checksum(body) == header.bodyChecksum else {
            throw damaged("the checksum of an envelope's body does not match")
        }
        if body.isEmpty {
            output.append(envelope)
            return summary.note(header, times: nil)
        }
        let kafka = try BatchDecoder.header(of: body, in: header)
        let times = BatchTimes(first: kafka.baseTimestamp, highest: kafka.maxTimestamp)
        try decoder.verify(body, in: header)
        guard try rebuild(body, header, kafka, isSuperfluous) else {
            output.append(envelope)
            return summary.note(header, times: times)
        }
        summary.note(appendRebuilt(header, kafka), times: times)
    }

    /// Fills the batch with the records of `body`, of which some lose theirs. False when none does.
    private mutating func rebuild(
        _ body: UnsafeRawBufferPointer, _ header: EnvelopeHeader, _ kafka: KafkaBatchHeader,
        _ isSuperfluous: (LogRecord) -> Bool
    ) throws -> Bool {
        var records = try decoder.open(body, in: header)
        let before = bodies
        batch.start(baseLSN: header.baseLSN, timestamp: kafka.baseTimestamp, chain: header.previousChain)
        while !records.isAtEnd {
            let lsn = header.baseLSN + UInt64(records.index)
            let record = try records.next()
            var erased = record.erasedBodyHash
            if let words = record.body {
                let copy = LogRecord(
                    lsn: lsn, timestamp: record.timestamp, key: record.key, value: Array(record.value),
                    body: Array(words))
                if isSuperfluous(copy) {
                    erased = record.bodyHash
                    bodies += 1
                }
            }
            batch.append(
                timestamp: record.timestamp, key: record.key, value: record.value,
                body: erased == nil ? record.body : nil, erasedBodyHash: erased)
        }
        return bodies > before
    }

    private mutating func appendRebuilt(_ header: EnvelopeHeader, _ kafka: KafkaBatchHeader) -> EnvelopeHeader {
        let start = output.bytes.count
        output.reserve(LogLimits.batchOverheadBytes)
        output.advance(LogLimits.batchOverheadBytes)
        let raw = batch.records
        let compressed = compressor.compress(raw, into: &output)
        if compressed == nil { output.append(raw) }
        let rebuilt = KafkaBatchHeader(
            baseOffset: kafka.baseOffset,
            codec: compressed == nil ? KafkaBatchHeader.codecNone : KafkaBatchHeader.codecLZ4,
            baseTimestamp: kafka.baseTimestamp, maxTimestamp: kafka.maxTimestamp, count: kafka.count)
        rebuilt.write(
            to: output.pointer(at: start + EnvelopeHeader.size), recordsLength: compressed ?? raw.count)
        let body = UnsafeRawBufferPointer(rebasing: output.bytes[(start + EnvelopeHeader.size)...])
        var envelope = header
        envelope.bodyLength = UInt32(body.count)
        envelope.bodyChecksum = CRC32C.checksum(body)
        envelope.write(to: output.pointer(at: start))
        return envelope
    }

    /// Puts what was written anew into the place of the segment, and shows it to readers.
    private mutating func install() throws(DiskError) {
        let disk = catalog.disk
        try flush()
        try draft?.sync()
        draft?.close()
        draft = nil
        try disk.rename(draftPath, to: path)
        // From here on the new file is the segment, whether or not its name is durable yet: old and new stand for the same.
        catalog.replace(summary)
        if catalog.index.write(summary) { catalog.releaseTables(base: facts.base) }
        try disk.syncDirectory(catalog.directory)
    }

    private mutating func flush() throws(DiskError) {
        if draft == nil {
            if catalog.disk.exists(draftPath) { try catalog.disk.remove(draftPath) }
            draft = try catalog.disk.open(draftPath, .create)
        }
        try draft?.write(output.bytes, at: draftBytes)
        draftBytes += UInt64(output.bytes.count)
        output.removeAll()
    }

    /// Takes away what was written when it did not become the segment. Where that fails, the next opening does it.
    mutating func discardDraft() {
        draft?.close()
        draft = nil
        if catalog.disk.exists(draftPath) { try? catalog.disk.remove(draftPath) }
    }

    func damaged(_ reason: String) -> LogError {
        .damaged(
            LogDamage(
                segment: name, byteRange: 0..<facts.dataEnd, lsnRange: facts.base...(facts.nextLSN - 1),
                durableWatermark: 0, reason: reason))
    }
}
