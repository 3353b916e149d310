import StarlingSystem

/// Finds, reads, verifies and expands the batch that holds a record. Keeps the last one, so that going on from record to
/// record costs no search. Owned by one thread at a time.
final class BatchLoader: @unchecked Sendable {
    private let catalog: SegmentCatalog
    private let decoder = BatchDecoder()
    private let readAhead: Int
    private var window: SegmentWindow?
    private var name = ""
    private var base: UInt64 = 0
    /// The file that the window reads. A segment that was written anew has another one.
    private var file: (any DiskFile)?
    /// End of the held batch in its file.
    private var nextOffset: UInt64 = 0
    private var envelope: EnvelopeHeader?
    private var firstRecord: RecordDecoder?

    /// `readAhead`: least number of bytes a read asks for; small for single records, large for walking through.
    init(catalog: SegmentCatalog, readAhead: Int) {
        self.catalog = catalog
        self.readAhead = readAhead
    }

    /// The batch that holds `lsn`: its envelope, a decoder before its first record, and whether it was held already.
    /// Nil when the log has no such record. What the decoder points to stays valid until the next call.
    func load(
        _ lsn: UInt64
    ) throws(LogError) -> (envelope: EnvelopeHeader, records: RecordDecoder, isHeld: Bool)? {
        if let envelope, let firstRecord, envelope.baseLSN <= lsn, lsn < envelope.nextLSN {
            return (envelope, firstRecord, true)
        }
        guard let location = try catalog.locate(lsn) else { return nil }
        var offset = location.offset
        if let envelope, location.file === file, envelope.nextLSN <= lsn { offset = max(offset, nextOffset) }
        envelope = nil
        firstRecord = nil
        prepareWindow(for: location)
        do {
            return try search(for: lsn, from: offset, in: location)
        } catch {
            // An index file may be wrong and yet have the right checksum; then the segment itself shows the way.
            guard case .damaged = error, location.isHint, offset > 0 else { throw error }
            return try search(for: lsn, from: try catalog.relocate(lsn, from: location).offset, in: location)
        }
    }

    private func prepareWindow(for location: SegmentCatalog.Location) {
        if window == nil {
            window = SegmentWindow(file: location.file, readAhead: readAhead)
        } else if location.file !== file {
            window?.replaceFile(location.file)
        }
        base = location.base
        file = location.file
        name = location.name
    }

    private func search(
        for lsn: UInt64, from start: UInt64, in location: SegmentCatalog.Location
    ) throws(LogError) -> (envelope: EnvelopeHeader, records: RecordDecoder, isHeld: Bool)? {
        var offset = start
        while offset < location.dataEnd {
            let header = try header(at: offset, in: location)
            guard lsn >= header.nextLSN else {
                guard lsn >= header.baseLSN else { break }
                let records = try open(header, at: offset, in: location)
                envelope = header
                firstRecord = records
                nextOffset = offset + header.totalLength
                return (header, records, false)
            }
            offset += header.totalLength
        }
        throw damaged(at: start, in: location, "lsn \(lsn) is not where the index says")
    }

    private func header(at offset: UInt64, in location: SegmentCatalog.Location) throws(LogError) -> EnvelopeHeader {
        let bytes = try read(at: offset, count: EnvelopeHeader.size, in: location)
        switch EnvelopeHeader.parse(bytes) {
        case .header(let header) where header.segmentBase == location.base: return header
        case .header: throw damaged(at: offset, in: location, "the envelope belongs to another segment")
        case .invalid(let reason): throw damaged(at: offset, in: location, reason)
        case .unknownVersion(let version): throw .unknownFormat(path: location.name, version: version)
        }
    }

    private func open(
        _ header: EnvelopeHeader, at offset: UInt64, in location: SegmentCatalog.Location
    ) throws(LogError) -> RecordDecoder {
        let bytes = try read(at: offset, count: Int(header.totalLength), in: location)
        guard bytes.count == Int(header.totalLength) else {
            throw damaged(at: offset, in: location, "the file ends inside an envelope")
        }
        let body = UnsafeRawBufferPointer(rebasing: bytes[EnvelopeHeader.size...])
        guard CRC32C.checksum(body) == header.bodyChecksum else {
            throw damaged(at: offset, in: location, "the checksum of the envelope's body does not match")
        }
        do {
            return try decoder.open(body, in: header)
        } catch {
            throw damaged(at: offset, in: location, error.reason)
        }
    }

    private func read(
        at offset: UInt64, count: Int, in location: SegmentCatalog.Location
    ) throws(LogError) -> UnsafeRawBufferPointer {
        do {
            // The limit keeps bytes out of the window that the writer may not have finished.
            return try window?.bytes(at: offset, count: count, limit: location.dataEnd)
                ?? UnsafeRawBufferPointer(start: nil, count: 0)
        } catch {
            throw .readFailed(error)
        }
    }

    private func damaged(at offset: UInt64, in location: SegmentCatalog.Location, _ reason: String) -> LogError {
        .damaged(
            LogDamage(
                segment: location.name, byteRange: offset..<location.dataEnd, lsnRange: nil, durableWatermark: 0,
                reason: reason))
    }

    /// The error for a record that the catalog does not know: retention has removed it.
    func absent(_ lsn: UInt64, upTo last: UInt64) -> LogError {
        let first = catalog.firstLSN
        return lsn < first ? .overtaken(lsn: lsn, first: first) : .notFound(lsn: lsn, first: first, last: last)
    }

    /// The error for records of the held batch that do not decode.
    func damaged(_ envelope: EnvelopeHeader, _ reason: String) -> LogError {
        let end = nextOffset
        let start = end - min(end, envelope.totalLength)
        return .damaged(
            LogDamage(
                segment: name, byteRange: start..<end, lsnRange: envelope.baseLSN...(envelope.nextLSN - 1),
                durableWatermark: envelope.durableUpTo, reason: reason))
    }
}
