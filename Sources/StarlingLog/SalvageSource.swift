import StarlingSystem

/// What is left of a damaged log: its segments, and the id that most of what is there agrees on.
struct SalvageSource {
    let directory: String
    let disk: any Disk
    let logID: UInt64
    let start: StartFile?
    /// Ascending. What retention was about to remove is left out.
    let bases: [UInt64]
    /// Highest lsn that the watermark file, or a segment's name, proves to have been there.
    let knownLSN: UInt64

    init(directory: String, disk: any Disk) throws(LogError) {
        self.directory = directory
        self.disk = disk
        let watermark = try Self.unlessUnreadable { () throws(LogError) in
            try WatermarkFile.read(directory: directory, disk: disk)
        }
        let start = try Self.unlessUnreadable { () throws(LogError) in
            try StartFile.read(directory: directory, disk: disk).value
        }
        let all: [UInt64]
        do {
            all = try disk.list(directory).compactMap { LogFiles.base(ofSegment: $0) }.sorted()
        } catch {
            throw .readFailed(error)
        }
        let votes = all.compactMap { Self.firstHeader(ofSegment: $0, directory: directory, disk: disk)?.logID }
        guard
            let logID = Self.winner([start?.logID, watermark?.logID].compactMap(\.self) + votes)
                ?? Self.anyLogID(all, directory: directory, disk: disk)
        else {
            let name = all.first.map { LogFiles.segment(base: $0) } ?? "(none)"
            throw .damaged(
                LogDamage(
                    segment: name, byteRange: 0..<0, lsnRange: nil, durableWatermark: 0,
                    reason: "not one envelope of a log could be read"))
        }
        self.logID = logID
        self.start = start?.logID == logID ? start : nil
        let first = self.start?.firstLSN ?? 1
        bases = all.filter { $0 >= first }
        let named = Self.lastProvenBase(bases, logID: logID, directory: directory, disk: disk)
        knownLSN = max(watermark?.logID == logID ? watermark?.durableLSN ?? 0 : 0, named - 1)
    }

    /// Nil for what the disk does not give back. An unknown format still ends the salvage.
    private static func unlessUnreadable<Value>(_ read: () throws(LogError) -> Value?) throws(LogError) -> Value? {
        do {
            return try read()
        } catch {
            if case .readFailed = error { return nil }
            throw error
        }
    }

    func open(_ base: UInt64) throws(DiskError) -> any DiskFile {
        try disk.open(directory + "/" + LogFiles.segment(base: base), .read)
    }

    private static func firstHeader(ofSegment base: UInt64, directory: String, disk: any Disk) -> EnvelopeHeader? {
        guard let file = try? disk.open(directory + "/" + LogFiles.segment(base: base), .read) else { return nil }
        defer { file.close() }
        var window = SegmentWindow(file: file, readAhead: EnvelopeHeader.largestSize)
        guard let bytes = try? window.bytes(at: 0, count: EnvelopeHeader.largestSize, limit: .max) else { return nil }
        if case .header(let header) = EnvelopeHeader.parse(bytes), header.segmentBase == base { return header }
        return nil
    }

    /// The most frequent id; of several, the one that comes first.
    private static func winner(_ votes: [UInt64]) -> UInt64? {
        var best: (logID: UInt64, votes: Int)?
        for vote in votes {
            let count = votes.count { $0 == vote }
            if count > best?.votes ?? 0 { best = (vote, count) }
        }
        return best?.logID
    }

    /// The id of the first valid header anywhere.
    private static func anyLogID(_ bases: [UInt64], directory: String, disk: any Disk) -> UInt64? {
        for base in bases {
            guard let file = try? disk.open(directory + "/" + LogFiles.segment(base: base), .read) else { continue }
            var reader = SalvageReader(file: file)
            while let position = reader.nextCandidate() {
                if case .header(let header) = reader.parse(), header.segmentBase == base { return header.logID }
                reader.position = position + 1
            }
        }
        return nil
    }

    /// The last segment that really is one of this log. 1 when there is none.
    private static func lastProvenBase(_ bases: [UInt64], logID: UInt64, directory: String, disk: any Disk) -> UInt64 {
        bases.last { firstHeader(ofSegment: $0, directory: directory, disk: disk)?.logID == logID } ?? 1
    }
}

/// Reads a file that the disk may not give back in whole: what cannot be read is passed over, 4 KiB at a time.
struct SalvageReader: ~Copyable {
    var position: UInt64 = 0
    let size: UInt64
    private(set) var unreadable: DiskError?
    private var window: SegmentWindow
    private let file: any DiskFile
    private static let pageBytes: UInt64 = 4096

    init(file: any DiskFile) {
        self.file = file
        size = (try? file.size()) ?? 0
        window = SegmentWindow(file: file, readAhead: 1 << 20)
    }

    /// `count` bytes from `position`, fewer at the end. Empty where the disk refuses.
    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer {
        do {
            return try window.bytes(at: position, count: count, limit: size)
        } catch {
            unreadable = error
            // From here on each read asks for no more than it must, so that little is lost around a bad place.
            window = SegmentWindow(file: file, readAhead: Int(Self.pageBytes))
        }
        return (try? window.bytes(at: position, count: count, limit: size))
            ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// What stands at `position`.
    mutating func parse() -> EnvelopeParse { EnvelopeHeader.parse(bytes(EnvelopeHeader.largestSize)) }

    /// Moves to the next place, from `position` on, where a header might begin. Nil at the end of the file.
    mutating func nextCandidate() -> UInt64? {
        while position < size {
            let chunk = bytes(Int(Self.pageBytes))
            if chunk.isEmpty {
                position = (position / Self.pageBytes + 1) * Self.pageBytes
                continue
            }
            if let index = chunk.firstIndex(of: UInt8(truncatingIfNeeded: EnvelopeHeader.magic)) {
                position += UInt64(index)
                return position
            }
            position += UInt64(chunk.count)
        }
        return nil
    }

    /// The header at `offset`, when there is a valid one.
    mutating func header(at offset: UInt64) -> EnvelopeHeader? {
        let before = position
        defer { position = before }
        position = offset
        if case .header(let header) = parse() { return header }
        return nil
    }

    /// Whether nothing but zeros follows.
    mutating func isAtEnd() -> Bool {
        if position >= size { return true }
        do {
            return try window.firstNonZero(from: position, limit: size) == nil
        } catch {
            return false
        }
    }
}
