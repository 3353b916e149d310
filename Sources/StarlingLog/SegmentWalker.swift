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

/// Walks through the envelopes of one segment and verifies each: header checksum, body checksum, log, segment, sequence,
/// lsn and chain. Reads only.
struct SegmentWalker: ~Copyable {
    let name: String
    let base: UInt64
    let fileSize: UInt64
    var window: SegmentWindow
    /// Where the next envelope must begin.
    private(set) var offset: UInt64 = 0
    /// What it must say.
    private(set) var expected: LogPosition
    private(set) var envelopes: UInt64 = 0
    private(set) var records: UInt64 = 0
    private(set) var index = SparseIndex()
    private(set) var durableUpTo: UInt64 = 0
    private(set) var incarnation: UInt64 = 0
    private(set) var endsClean = false

    init(name: String, base: UInt64, file: any DiskFile, expected: LogPosition) throws(DiskError) {
        self.name = name
        self.base = base
        self.expected = expected
        fileSize = try file.size()
        window = SegmentWindow(file: file, readAhead: Int(min(max(fileSize, 4 << 10), 1 << 20)))
    }

    /// Goes on to the end of the data or to the first bad place. With a `decoder`, also decodes every record.
    mutating func walk(decoder: BatchDecoder?) throws(DiskError) -> SegmentEnd {
        while true {
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
                if let end = try checkBody(of: header, decoder: decoder) { return end }
                accept(header)
            }
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

    private mutating func checkBody(of header: EnvelopeHeader, decoder: BatchDecoder?) throws(DiskError) -> SegmentEnd?
    {
        let count = Int(header.totalLength)
        let bytes = try window.bytes(at: offset, count: count, limit: fileSize)
        guard bytes.count == count else { return .bad("the file ends inside an envelope") }
        let body = UnsafeRawBufferPointer(rebasing: bytes[EnvelopeHeader.size...])
        guard CRC32C.checksum(body) == header.bodyChecksum else {
            return .bad("the checksum of the envelope's body does not match")
        }
        if body.isEmpty { return nil }
        do {
            if let decoder {
                try decoder.verify(body, in: header)
            } else {
                _ = try BatchDecoder.header(of: body, in: header)
            }
        } catch {
            return .contradiction(error.reason)
        }
        return nil
    }

    private mutating func accept(_ header: EnvelopeHeader) {
        if header.recordCount > 0 { index.note(lsn: header.baseLSN, position: offset) }
        offset += header.totalLength
        expected = LogPosition(
            logID: header.logID, sequence: header.sequence &+ 1, lsn: header.nextLSN, chain: header.chain)
        envelopes += 1
        records += UInt64(header.recordCount)
        durableUpTo = max(durableUpTo, header.durableUpTo)
        incarnation = max(incarnation, header.incarnation)
        endsClean = header.isCleanShutdown
    }
}
