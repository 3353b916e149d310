import StarlingSystem

/// What the next envelope of a log must say. Nil where nothing is known yet, after damage or at a log's start.
struct LogPosition: Equatable {
    var logID: UInt64?
    var sequence: UInt64?
    var lsn: UInt64
    var chain: UInt64?

    /// Before the first envelope of a log.
    static func start(logID: UInt64?) -> LogPosition { LogPosition(logID: logID, sequence: 1, lsn: 1, chain: logID) }
}

/// How a walk through a segment ended.
enum SegmentEnd: Equatable {
    /// Behind an envelope, where the file ends or only zeros follow.
    case clean
    /// At bytes that are not a whole envelope. A write that did not finish can leave them.
    case bad(String)
    /// At a whole envelope of this log that does not belong there, or whose content is wrong although its checksum
    /// agrees. No unfinished write leaves that.
    case contradiction(String)
    /// At an envelope of an unknown version.
    case unknownVersion(Int)
    /// At a valid envelope of the log with this id, which is not the one that is read.
    case foreign(UInt64)
}

/// Walks through the envelopes of one segment and verifies each: header checksum, body checksum, log, segment,
/// sequence, lsn and chain. Reads only.
struct SegmentWalker: ~Copyable {
    let name: String
    let base: UInt64
    let fileSize: UInt64
    var window: SegmentWindow
    /// What was gathered from the envelopes so far.
    private(set) var summary: SegmentSummary
    /// What the next envelope must say.
    private(set) var expected: LogPosition
    private(set) var endsClean = false
    /// The record after which the chain is wanted, and the chain there once it was passed.
    private let probe: UInt64?
    private(set) var probedChain: UInt64?

    /// Where the next envelope must begin.
    var offset: UInt64 { summary.facts.dataEnd }
    var durableUpTo: UInt64 { summary.facts.durableUpTo }
    var incarnation: UInt64 { summary.facts.incarnation }

    init(
        name: String, base: UInt64, file: any DiskFile, expected: LogPosition, probe: UInt64? = nil
    ) throws(DiskError) {
        self.name = name
        self.base = base
        self.expected = expected
        self.probe = probe
        summary = SegmentSummary(facts: SegmentFacts(base: base))
        fileSize = try file.size()
        window = SegmentWindow(file: file, readAhead: Int(min(max(fileSize, 4 << 10), 1 << 20)))
    }

    /// Goes on to the end of the data or to the first bad place. With a `decoder`, also decodes every record.
    mutating func walk(decoder: BatchDecoder?) throws(DiskError) -> SegmentEnd {
        while true {
            if let end = try step(decoder: decoder) { return end }
        }
    }

    /// Goes past one envelope. Gives an end where there is none.
    mutating func step(decoder: BatchDecoder?) throws(DiskError) -> SegmentEnd? {
        let bytes = try window.bytes(at: offset, count: EnvelopeHeader.largestSize, limit: fileSize)
        if bytes.isEmpty { return .clean }
        if bytes.count < 4 || bytes.loadUnaligned(as: UInt32.self) == 0 {
            guard try window.firstNonZero(from: offset, limit: fileSize) != nil else { return .clean }
            return .bad("no envelope starts here, but data follows")
        }
        switch EnvelopeHeader.parse(bytes) {
        case .unknownVersion(let version): return .unknownVersion(version)
        case .invalid(let reason): return .bad(reason)
        case .header(let header):
            if let logID = expected.logID, header.logID != logID { return .foreign(header.logID) }
            if let reason = contradiction(in: header) { return .contradiction(reason) }
            return try take(header, decoder: decoder)
        }
    }

    private func contradiction(in header: EnvelopeHeader) -> String? {
        if header.segmentBase != base { return "the envelope belongs to another segment" }
        if header.baseLSN != expected.lsn { return "lsn \(header.baseLSN) follows where \(expected.lsn) is due" }
        if let sequence = expected.sequence, header.sequence != sequence {
            return "sequence \(header.sequence) follows where \(sequence) is due"
        }
        let chain = expected.chain ?? (header.baseLSN == 1 ? header.logID : header.previousChain)
        return header.previousChain == chain ? nil : "the chain breaks before this envelope"
    }

    /// Verifies the body behind a header that belongs here, and accepts the envelope.
    private mutating func take(_ header: EnvelopeHeader, decoder: BatchDecoder?) throws(DiskError) -> SegmentEnd? {
        let count = Int(header.totalLength)
        let bytes = try window.bytes(at: offset, count: count, limit: fileSize)
        guard bytes.count == count else { return .bad("the file ends inside an envelope") }
        let body = UnsafeRawBufferPointer(rebasing: bytes[EnvelopeHeader.size...])
        guard CRC32C.checksum(body) == header.bodyChecksum else {
            return .bad("the checksum of the envelope's body does not match")
        }
        var times: BatchTimes?
        do {
            if !body.isEmpty {
                let batch = try BatchDecoder.header(of: body, in: header)
                if let decoder { try decoder.verify(body, in: header) }
                times = BatchTimes(first: batch.baseTimestamp, highest: batch.maxTimestamp)
            }
            if let probe, header.baseLSN <= probe, probe < header.nextLSN {
                probedChain = try Self.chain(after: probe, body: body, in: header)
            }
        } catch {
            return .contradiction(error.reason)
        }
        accept(header, times: times)
        return nil
    }

    /// Nil inside lost records.
    private static func chain(
        after lsn: UInt64, body: UnsafeRawBufferPointer, in header: EnvelopeHeader
    ) throws(BatchFormatError) -> UInt64? {
        if lsn == header.nextLSN - 1 { return header.chain }
        return header.isLost ? nil : try BatchDecoder().chain(after: lsn, of: body, in: header)
    }

    private mutating func accept(_ header: EnvelopeHeader, times: BatchTimes?) {
        summary.note(header, times: times)
        expected = LogPosition(
            logID: header.logID, sequence: header.sequence &+ 1, lsn: header.nextLSN, chain: header.chain)
        endsClean = header.isCleanShutdown
    }
}
