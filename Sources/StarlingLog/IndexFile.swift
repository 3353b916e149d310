import StarlingSystem

/// The index file beside a sealed segment: its facts and its sparse tables, so that neither opening nor a search has to
/// read the segment. Whatever is wrong with it, the segment itself has the truth, and the file is made again.
///
/// Little endian: 144 bytes of header (see docs/log-format.md), then the offset entries (lsn u64, position u64), then
/// the time entries (milliseconds u64, lsn u64).
struct IndexFile {
    static let headerBytes = 144
    private static let magic: UInt32 = 0x5849_5453
    private static let version: UInt32 = 1
    private static let entryBytes = 16

    let directory: String
    let disk: any Disk

    func path(base: UInt64) -> String { directory + "/" + LogFiles.index(base: base) }

    /// The bytes that a segment's index file must have.
    static func encode(_ summary: SegmentSummary) -> [UInt8] {
        let offsets = summary.tables.offsets.entries
        let times = summary.tables.times.entries
        let count = headerBytes + (offsets.count + times.count) * entryBytes
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            var fields = FieldWriter(start + headerBytes)
            for entry in offsets {
                fields.littleEndian(entry.lsn)
                fields.littleEndian(entry.position)
            }
            for entry in times {
                fields.littleEndian(entry.time)
                fields.littleEndian(entry.lsn)
            }
            let entries = UnsafeRawBufferPointer(start: start + headerBytes, count: count - headerBytes)
            fields = FieldWriter(start)
            write(summary.facts, to: &fields)
            fields.littleEndian(UInt32(truncatingIfNeeded: offsets.count))
            fields.littleEndian(UInt32(truncatingIfNeeded: times.count))
            fields.littleEndian(CRC32C.checksum(entries))
            fields.littleEndian(CRC32C.checksum(UnsafeRawBufferPointer(start: start, count: headerBytes - 4)))
            initialized = count
        }
    }

    private static func write(_ facts: SegmentFacts, to fields: inout FieldWriter) {
        fields.littleEndian(magic)
        fields.littleEndian(version)
        for value in [
            facts.logID, facts.base, facts.nextLSN, facts.dataEnd, facts.envelopes, facts.records, facts.lostRecords,
            facts.firstSequence, facts.lastSequence, facts.chainBefore, facts.chainAfter, facts.durableUpTo,
            facts.incarnation, facts.firstTimestamp, facts.maxTimestamp,
        ] { fields.littleEndian(value) }
    }

    /// Puts the file in place: written beside, synced, renamed. The name becomes durable with the next sync of the
    /// directory; a crash before that costs only the rebuild. So does a failure, which leaves nothing behind and is told
    /// by `false`.
    func write(_ summary: SegmentSummary) -> Bool {
        let final = path(base: summary.facts.base)
        let temporary = final + LogFiles.temporarySuffix
        do {
            if disk.exists(temporary) { try disk.remove(temporary) }
            let file = try disk.open(temporary, .create)
            defer { file.close() }
            try Self.encode(summary).withUnsafeBytes { try file.write($0, at: 0) }
            try file.sync()
            try disk.rename(temporary, to: final)
            return true
        } catch {
            try? disk.remove(temporary)
            return false
        }
    }

    /// Whether the file says exactly what `summary` does.
    func matches(_ summary: SegmentSummary) -> Bool {
        let expected = Self.encode(summary)
        guard let file = try? disk.open(path(base: summary.facts.base), .read) else { return false }
        defer { file.close() }
        guard (try? file.size()) == UInt64(expected.count) else { return false }
        return Self.read(file, at: 0, count: expected.count) == expected
    }

    /// The facts. Nil when the file is missing or wrong; then the segment has to be read. Reads 144 bytes.
    func facts(base: UInt64) -> SegmentFacts? {
        guard let file = try? disk.open(path(base: base), .read) else { return nil }
        defer { file.close() }
        return Self.header(of: file, base: base)?.facts
    }

    /// The tables, when the file's facts are `facts`. Nil when it is missing or wrong. Reads the whole file, about 0.4
    /// % of its segment.
    func tables(of facts: SegmentFacts) -> SegmentTables? {
        guard let file = try? disk.open(path(base: facts.base), .read) else { return nil }
        defer { file.close() }
        guard let header = Self.header(of: file, base: facts.base), header.facts == facts else { return nil }
        let count = (header.offsetCount + header.timeCount) * Self.entryBytes
        guard let entries = Self.read(file, at: UInt64(Self.headerBytes), count: count) else { return nil }
        return entries.withUnsafeBytes { bytes in
            guard CRC32C.checksum(bytes) == header.entriesChecksum else { return nil }
            let times = UnsafeRawBufferPointer(rebasing: bytes[(header.offsetCount * Self.entryBytes)...])
            let offsets = UnsafeRawBufferPointer(rebasing: bytes[..<(header.offsetCount * Self.entryBytes)])
            guard let offsets = Self.pairs(offsets), let times = Self.pairs(times) else { return nil }
            guard offsets.allSatisfy({ facts.base <= $0.0 && $0.0 < facts.nextLSN && $0.1 < facts.dataEnd }),
                times.allSatisfy({ facts.base < $0.1 && $0.1 <= facts.nextLSN })
            else { return nil }
            return SegmentTables(
                offsets: SparseIndex(entries: offsets.map { SparseIndex.Entry(lsn: $0.0, position: $0.1) }),
                times: TimeIndex(entries: times.map { TimeIndex.Entry(time: $0.0, lsn: $0.1) }))
        }
    }

    private struct Header {
        var facts: SegmentFacts
        var offsetCount: Int
        var timeCount: Int
        var entriesChecksum: UInt32
    }

    private static func header(of file: any DiskFile, base: UInt64) -> Header? {
        guard let bytes = read(file, at: 0, count: headerBytes), let size = try? file.size() else { return nil }
        return bytes.withUnsafeBytes { bytes in
            func word(_ number: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 + number * 8, as: UInt64.self))
            }
            func half(_ offset: Int) -> UInt32 {
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(headerBytes - 4)])
            guard half(headerBytes - 4) == CRC32C.checksum(covered), half(0) == magic, half(4) == version else {
                return nil
            }
            guard word(1) == base, let facts = facts(word) else { return nil }
            // Two counts of 32 bits and their product fit 64 bits.
            let (offsetCount, timeCount) = (Int(half(128)), Int(half(132)))
            guard size == UInt64(headerBytes + (offsetCount + timeCount) * entryBytes) else { return nil }
            let most = facts.dataEnd / LogLimits.indexInterval + 1
            guard UInt64(offsetCount) <= most, UInt64(timeCount) <= most else { return nil }
            return Header(facts: facts, offsetCount: offsetCount, timeCount: timeCount, entriesChecksum: half(136))
        }
    }

    /// Nil when no sealed segment can be like that.
    private static func facts(_ word: (Int) -> UInt64) -> SegmentFacts? {
        var facts = SegmentFacts(base: word(1))
        facts.logID = word(0)
        facts.nextLSN = word(2)
        facts.dataEnd = word(3)
        facts.envelopes = word(4)
        facts.records = word(5)
        facts.lostRecords = word(6)
        facts.firstSequence = word(7)
        facts.lastSequence = word(8)
        facts.chainBefore = word(9)
        facts.chainAfter = word(10)
        facts.durableUpTo = word(11)
        facts.incarnation = word(12)
        facts.firstTimestamp = word(13)
        facts.maxTimestamp = word(14)
        guard facts.logID != 0, facts.base > 0, facts.base < facts.nextLSN, facts.nextLSN <= LogLimits.highestLSN else {
            return nil
        }
        guard facts.firstSequence > 0, facts.firstSequence <= facts.lastSequence, facts.incarnation > 0,
            facts.durableUpTo < facts.nextLSN, facts.lastSequence < .max,
            facts.records &+ facts.lostRecords == facts.nextLSN - facts.base
        else { return nil }
        return facts
    }

    private static func pairs(_ bytes: UnsafeRawBufferPointer) -> [(UInt64, UInt64)]? {
        var result: [(UInt64, UInt64)] = []
        result.reserveCapacity(bytes.count / entryBytes)
        for offset in stride(from: 0, to: bytes.count, by: entryBytes) {
            let first = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let second = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
            if let last = result.last, last.0 >= first || last.1 >= second { return nil }
            result.append((first, second))
        }
        return result
    }

    /// Nil when the file is shorter or cannot be read.
    private static func read(_ file: any DiskFile, at offset: UInt64, count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = (try? file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)) ?? 0
        }
        return bytes.count == count ? bytes : nil
    }
}
