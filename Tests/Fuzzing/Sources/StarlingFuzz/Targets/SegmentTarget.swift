import StarlingSimulation
import StarlingSystem

@testable import StarlingLog

/// The walk through a segment, and the search for envelopes behind a bad place.
enum SegmentTarget: FuzzTarget {
    static let name = "segment"
    static let maximumBytes = 4096
    private static let path = "log/" + LogFiles.segment(base: 1)

    static func run(_ input: UnsafeRawBufferPointer) throws {
        for level in SegmentSealing.Level.allCases {
            var image = Array(input)
            var position = LogPosition.start(logID: SeedLog.logID)
            SegmentSealing().seal(&image, level: level, base: 1, position: &position)
            try check(image)
        }
    }

    private static func check(_ image: [UInt8]) throws {
        let disk = SimulatedDisk(seed: 1)
        disk.replace(path, with: image)
        let file = try disk.open(path, .read)
        var deep = try walker(file)
        let deepEnd = try deep.walk(decoder: BatchDecoder())
        var plain = try walker(file)
        let plainEnd = try plain.walk(decoder: nil)
        expect(deep.offset <= deep.fileSize && deep.offset <= plain.offset, "the walks end in the wrong places")
        if deepEnd == .clean {
            expect(plainEnd == .clean && plain.summary == deep.summary, "the walk differs without the records")
            expect(plain.probedChain == deep.probedChain, "the chain after a record differs")
            checkIndex(deep.summary, disk)
        }
        let search = try EnvelopeSearch.run(after: &deep)
        expect(search.dataEnd <= deep.fileSize && search.dataEnd >= deep.offset, "the data ends outside of the file")
        if let found = search.firstOffset {
            expect(found > deep.offset && found < deep.fileSize, "an envelope was found outside of the search")
        }
    }

    private static func walker(_ file: any DiskFile) throws -> SegmentWalker {
        try SegmentWalker(
            name: LogFiles.segment(base: 1), base: 1, file: file, expected: .start(logID: nil), probe: 3)
    }

    /// What a whole segment comes to can be written to its index file and read again.
    private static func checkIndex(_ summary: SegmentSummary, _ disk: SimulatedDisk) {
        let index = IndexFile(directory: "log", disk: disk)
        guard summary.facts.hasRecords, index.write(summary) else { return }
        expect(index.matches(summary), "the index file differs from what was written")
        guard let facts = index.facts(base: 1) else { return }
        expect(facts == summary.facts, "the index file has other facts")
        if let tables = index.tables(of: facts) { expect(tables == summary.tables, "the index file has other tables") }
    }

    static func seeds() throws -> [[UInt8]] { try SeedLog.images.flatMap { $0.segments.map(\.bytes) } }
}
