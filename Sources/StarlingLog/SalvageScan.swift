import StarlingSystem

/// Goes through a damaged log from its first byte to its last, hands every valid batch that continues what came before
/// to the copy, and notes what is missing in between.
struct SalvageScan {
    private let source: SalvageSource
    private let output: SalvageOutput
    private let decoder = BatchDecoder()
    private var missing: [ClosedRange<UInt64>] = []
    private var lostBefore: UInt64 = 0
    private var skipped: [LogDamage] = []
    /// What the next envelope of the source must at least say.
    private var sequence: UInt64 = 1
    private var incarnation: UInt64 = 1
    private var knownLSN: UInt64

    /// Most records that can be missing in one place. Numbers further ahead are no loss but nonsense, and marking what
    /// lies between would fill the disk.
    private static let longestGap: UInt64 = 1 << 40

    init(source: SalvageSource, output: SalvageOutput) {
        self.source = source
        self.output = output
        knownLSN = source.knownLSN
        if let start = source.start { sequence = start.sequence }
    }

    mutating func run() throws {
        for base in source.bases {
            do {
                let file = try source.open(base)
                defer { file.close() }
                try visit(base, file: file)
            } catch let error as DiskError where error.path.hasSuffix(LogFiles.segment(base: base)) {
                skip(base, 0..<0, "cannot be opened: \(error)")
            }
        }
    }

    /// Fills the end up to the last record that is known to have been there, and completes the copy.
    mutating func finish() throws -> SalvageReport {
        if knownLSN >= output.nextLSN, knownLSN - output.nextLSN < Self.longestGap {
            try lose(upTo: knownLSN + 1, chain: output.chain)
        }
        try output.finish(incarnation: incarnation)
        return SalvageReport(
            logID: source.logID, keptRecords: output.keptRecords, firstLSN: source.start?.firstLSN ?? 1,
            lastLSN: output.nextLSN - 1, missing: missing, lostBefore: lostBefore, skipped: skipped)
    }

    private mutating func visit(_ base: UInt64, file: any DiskFile) throws {
        var reader = SalvageReader(file: file)
        var bad: (start: UInt64, reason: String)?
        while reader.position < reader.size {
            let position = reader.position
            let outcome = try take(&reader, base: base)
            guard let reason = outcome.reason else {
                if let bad { skip(base, bad.start..<position, bad.reason) }
                bad = nil
                continue
            }
            if bad == nil {
                if reader.isAtEnd() { break }
                // Only where an envelope is due: behind damage, a post's text may look like anything.
                if case .unknownVersion(let version) = reader.parse() {
                    throw LogError.unknownFormat(
                        path: source.directory + "/" + LogFiles.segment(base: base), version: version)
                }
                bad = (position, reason)
            }
            reader.position = outcome.next ?? position + 1
            if reader.nextCandidate() == nil { break }
        }
        if let bad { skip(base, bad.start..<reader.size, bad.reason) }
    }

    /// Why an envelope was not taken, nil when it was, and where the next one begins, when that is known all the same.
    private struct Outcome {
        var reason: String?
        var next: UInt64?
    }

    /// Takes the envelope at the reader's position and moves behind it; or says why there is none to be taken.
    private mutating func take(_ reader: inout SalvageReader, base: UInt64) throws -> Outcome {
        let position = reader.position
        let header: EnvelopeHeader
        switch reader.parse() {
        case .header(let found): header = found
        case .unknownVersion(let version): return Outcome(reason: "an envelope has the unknown version \(version)")
        case .invalid(let reason): return Outcome(reason: reader.unreadable.map { "\($0)" } ?? reason)
        }
        if let reason = contradiction(in: header, base: base) { return Outcome(reason: reason) }
        knownLSN = max(knownLSN, header.durableUpTo)
        let bytes = reader.bytes(Int(header.totalLength))
        guard bytes.count == Int(header.totalLength) else { return Outcome(reason: "the file ends inside an envelope") }
        let body = UnsafeRawBufferPointer(rebasing: bytes[EnvelopeHeader.size...])
        if let reason = problem(with: body, of: header) {
            // The header's own checksum vouches for the length, so what lies inside need not be searched, where a post's
            // text could look like an envelope.
            let next = reader.header(at: position + header.totalLength)
            let isFollowed = next?.sequence == header.sequence &+ 1 && next?.logID == header.logID
            return Outcome(reason: reason, next: isFollowed ? position + header.totalLength : nil)
        }
        try keep(header, body: body)
        reader.position = position + header.totalLength
        return Outcome()
    }

    private func problem(with body: UnsafeRawBufferPointer, of header: EnvelopeHeader) -> String? {
        guard CRC32C.checksum(body) == header.bodyChecksum else {
            return "the checksum of the envelope's body does not match"
        }
        do {
            if !body.isEmpty { try decoder.verify(body, in: header) }
            return nil
        } catch {
            return error.reason
        }
    }

    /// Why a whole envelope is not one that can come here.
    private func contradiction(in header: EnvelopeHeader, base: UInt64) -> String? {
        if header.logID != source.logID { return "an envelope of the log \(hexadecimal(header.logID))" }
        if header.segmentBase != base || header.baseLSN < base { return "the envelope belongs to another segment" }
        if header.sequence < sequence || header.incarnation < incarnation {
            return "the envelope is older than the one before it"
        }
        if header.baseLSN < output.nextLSN { return "lsn \(header.baseLSN) comes a second time" }
        if header.baseLSN - output.nextLSN > Self.longestGap { return "lsn \(header.baseLSN) lies too far ahead" }
        if header.baseLSN == output.nextLSN, header.previousChain != output.chain {
            return "the chain breaks before this envelope"
        }
        return nil
    }

    private mutating func keep(_ header: EnvelopeHeader, body: UnsafeRawBufferPointer) throws {
        sequence = header.sequence &+ 1
        incarnation = header.incarnation
        if header.baseLSN > output.nextLSN { try lose(upTo: header.baseLSN, chain: header.previousChain) }
        // Markers say nothing that the copy needs; it gets one of its own.
        if header.recordCount == 0 { return }
        if header.isLost { lostBefore += UInt64(header.recordCount) }
        try output.write(header, body: body)
    }

    private mutating func lose(upTo next: UInt64, chain: UInt64) throws {
        missing.append(output.nextLSN...(next - 1))
        try output.writeLost(upTo: next, chain: chain, incarnation: incarnation)
    }

    private mutating func skip(_ base: UInt64, _ range: Range<UInt64>, _ reason: String) {
        skipped.append(
            LogDamage(
                segment: LogFiles.segment(base: base), byteRange: range, lsnRange: nil, durableWatermark: knownLSN,
                reason: reason))
    }
}
