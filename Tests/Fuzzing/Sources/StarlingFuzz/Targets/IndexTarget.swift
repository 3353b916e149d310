import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// Index files of segments.
enum IndexTarget: FuzzTarget {
    static let name = "index"
    static let maximumBytes = 1024

    static func run(_ input: UnsafeRawBufferPointer) {
        check(Array(input))
        var sealed = Array(input)
        seal(&sealed)
        check(sealed)
    }

    /// Makes counts and checksums right.
    static func seal(_ file: inout [UInt8]) {
        guard file.count >= IndexFile.headerBytes else { return }
        file.removeLast((file.count - IndexFile.headerBytes) % 16)
        file.withUnsafeMutableBytes { bytes in
            let entries = UInt32((bytes.count - IndexFile.headerBytes) / 16)
            let offsets = min(bytes.load(128, UInt32.self), entries)
            bytes.store(offsets, at: 128)
            bytes.store(entries - offsets, at: 132)
            bytes.store(bytes.checksum(IndexFile.headerBytes..<bytes.count), at: 136)
            bytes.store(bytes.checksum(0..<(IndexFile.headerBytes - 4)), at: IndexFile.headerBytes - 4)
        }
    }

    private static func check(_ file: [UInt8]) {
        let base = file.dropFirst(16).prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let disk = SimulatedDisk(seed: 1)
        let index = IndexFile(directory: "log", disk: disk)
        disk.replace(index.path(base: base), with: file)
        guard let facts = index.facts(base: base), let tables = index.tables(of: facts) else { return }
        let summary = SegmentSummary(facts: facts, tables: tables)
        expect(index.matches(summary) && IndexFile.encode(summary) == file, "an index is written differently")
        expect(facts.base == base && facts.hasRecords, "facts that no sealed segment has")
        for lsn in [base, facts.nextLSN - 1, base + (facts.nextLSN - base) / 2] {
            expect(tables.offsets.position(before: lsn) < max(facts.dataEnd, 1), "a place outside of the segment")
        }
        for time in [0, facts.firstTimestamp, facts.maxTimestamp, .max] {
            guard let lsn = tables.times.lsn(before: time) else { continue }
            expect(lsn > base && lsn <= facts.nextLSN, "a record outside of the segment")
        }
        _ = facts.follows(facts.end)
    }

    static func seeds() throws -> [[UInt8]] {
        var seeds = try SeedLog.images.flatMap { image in
            image.files.filter { LogFiles.base(ofIndex: $0.name) != nil }.map(\.bytes)
        }
        // The seeds' segments are too small for more than one entry.
        var summary = SegmentSummary(facts: SegmentFacts(base: 9))
        for number in UInt64(0)..<8 {
            let header = EnvelopeHeader(
                bodyLength: 5_000, recordCount: 3, logID: SeedLog.logID, incarnation: 1, segmentBase: 9,
                sequence: number + 4, baseLSN: 9 + 3 * number, durableUpTo: 8, previousChain: number, chain: number + 1)
            summary.note(header, times: BatchTimes(first: 1_000 + number, highest: 2_000 + number))
        }
        seeds.append(IndexFile.encode(summary))
        return seeds
    }
}
