import Glibc
import StarlingMemory
import StarlingSystem
import Testing

@testable import StarlingEngine

/// The table in snapshots: what a cut hands over is what the table was when it began, and a table made of it goes on.
@Suite struct IdempotencyTableSnapshotTests {
    private typealias Modelled = ModelledIdempotencyTable

    /// Takes cuts of a table, as the engine and the thread that writes snapshots do together.
    private final class Cutter {
        let source: SnapshotSource
        let regions: [TrackedRegion]
        private let sink = PageSink(byteLimit: 1 << 30) {}
        /// The newest complete image, a byte array a region.
        private(set) var image: [[UInt8]] = []
        /// What was in use when the cut began.
        private(set) var usedBytes: [Int] = []
        private var moment: [[UInt8]] = []

        init(_ table: IdempotencyTable) {
            regions = table.regions
            source = SnapshotSource(regions: regions, sink: sink)
        }

        /// Goes on from the image of another table, which was mapped into this one.
        func adopt(_ image: [[UInt8]], usedBytes: [Int]) {
            self.image = image
            source.adoptLoadedSnapshot(usedBytes: usedBytes)
        }

        func begin(_ table: IdempotencyTable, takesAllPages: Bool) {
            usedBytes = table.usedBytes
            moment = zip(regions, usedBytes).map { region, count in
                Array(UnsafeRawBufferPointer(start: region.base, count: count))
            }
            source.beginCut(usedBytes: usedBytes, takesAllPages: takesAllPages)
            if takesAllPages { image = regions.map { _ in [] } }
        }

        /// Applies the pages of a complete cut to the image. Returns what differs from the moment of the cut.
        func complete() -> (pages: Int, wrong: String?) {
            var seen: Set<PageID> = []
            for (number, count) in usedBytes.enumerated() where image[number].count < count {
                image[number] += [UInt8](repeating: 0, count: (count + 4_095) / 4_096 * 4_096 - image[number].count)
            }
            for chunk in sink.take() {
                for place in 0..<chunk.count {
                    let id = chunk.ids[place]
                    if !seen.insert(id).inserted { return (seen.count, "\(id) came twice") }
                    let bytes = chunk.contents[place * 4_096..<place * 4_096 + 4_096]
                    let start = Int(id.page) * 4_096
                    image[Int(id.region)].replaceSubrange(start..<start + 4_096, with: bytes)
                }
                sink.giveBack(chunk)
            }
            for (number, bytes) in moment.enumerated() where memcmp(image[number], bytes, bytes.count) != 0 {
                return (seen.count, "\(IdempotencyTable.regionNames[number]) is not as it was")
            }
            return (seen.count, nil)
        }
    }

    /// A fresh table with the pages of an image.
    private static func load(_ cutter: Cutter, retention: UInt64) throws -> IdempotencyTable {
        let table = try Modelled.makeTable(retention: retention, seed: 999)
        for ((region, bytes), used) in zip(zip(table.regions, cutter.image), cutter.usedBytes) {
            let pages = (used + 4_095) / 4_096 * 4_096
            region.base.copyMemory(from: bytes, byteCount: min(pages, bytes.count))
        }
        try table.adoptLoadedPages(usedBytes: cutter.usedBytes)
        return table
    }

    @Test(arguments: 1...9 as ClosedRange<UInt64>)
    func cutsAtRandomMomentsAreTheTableAtThatMoment(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let retention: UInt64 = [200, 5_000, 1 << 40][Int(seed % 3)]
        var both = try Modelled(keyCount: 400, retention: retention, random: &random)
        var cutter = Cutter(both.table)
        for number in 0..<25 {
            for _ in 0..<Int.random(in: 0...200, using: &random) { #expect(both.step(&random) == nil) }
            let takesAllPages = cutter.source.needsAllPages || UInt8.random(in: 0..<6, using: &random) == 0
            cutter.begin(both.table, takesAllPages: takesAllPages)
            var then = both
            while !cutter.source.copyPages(limit: Int.random(in: 1...4, using: &random)) {
                for _ in 0..<Int.random(in: 0...20, using: &random) { #expect(both.step(&random) == nil) }
            }
            let wrong = cutter.complete().wrong
            // A wrong image is not looked into: its chains may lead anywhere.
            try #require(wrong == nil, "cut \(number)")
            guard UInt8.random(in: 0..<3, using: &random) == 0 else { continue }
            // The model of that moment and the table of the image go on from there.
            then.table = try Self.load(cutter, retention: retention)
            #expect(then.difference() == nil, "cut \(number)")
            both = then
            let stored = cutter
            cutter = Cutter(both.table)
            cutter.adopt(stored.image, usedBytes: stored.usedBytes)
        }
        #expect(both.difference() == nil)
    }

    /// With one change between two cuts, nothing else announces a page that the change forgot.
    @Test(arguments: [50, 1_030])
    func eachChangeAloneIsInTheNextCutAndNotInTheLast(keyCount: Int) throws {
        var random = SeededRandom(seed: 8)
        var both = try Modelled(keyCount: keyCount, retention: 1 << 40, random: &random)
        for key in both.keys { both.insert(key, .deleted(changed: true)) }
        let cutter = Cutter(both.table)
        for number in 0..<240 {
            cutter.begin(both.table, takesAllPages: number == 0)
            let key = both.keys[Int.random(in: 0..<keyCount, using: &random)]
            switch number % 3 {
            case 0: both.table.expire(now: .max, limit: 1)
            case 1: both.insert(key, .deleted(changed: false))
            default: both.insert(.init(actor: 9, text: "new \(number)"), Modelled.randomAnswer(&random))
            }
            while !cutter.source.copyPages(limit: 100) {}
            #expect(cutter.complete().wrong == nil, "cut \(number)")
        }
        #expect(both.table.brokenInvariant() == nil)
    }

    @Test func growingTableIsCutRightThroughManyEpochs() throws {
        var random = SeededRandom(seed: 9)
        let table = try Modelled.makeTable()
        let cutter = Cutter(table)
        for number in 0..<300 {
            cutter.begin(table, takesAllPages: number == 0)
            var isDone = false
            for key in 0..<10 {
                try table.insert(
                    .init(actor: 1, text: "key \(number * 10 + key)"),
                    .init(fingerprint: .zero, lsn: 1, milliseconds: 0, answer: Modelled.randomAnswer(&random)))
                if !isDone { isDone = cutter.source.copyPages(limit: 2) }
            }
            while !isDone { isDone = cutter.source.copyPages(limit: 100) }
            #expect(cutter.complete().wrong == nil, "cut \(number)")
        }
        #expect(table.buckets.count == 3_000)
    }

    @Test func tableThatWasJustLoadedHasNothingToStore() throws {
        let table = try Modelled.makeTable()
        try table.insert(
            .init(actor: 1, text: "k"),
            .init(fingerprint: .zero, lsn: 1, milliseconds: 0, answer: .deleted(changed: true)))
        let first = Cutter(table)
        first.begin(table, takesAllPages: true)
        #expect(first.source.copyPages(limit: 1_000))
        #expect(first.complete() == (4, nil))
        let loaded = try Self.load(first, retention: 1_000)
        let second = Cutter(loaded)
        second.adopt(first.image, usedBytes: first.usedBytes)
        second.begin(loaded, takesAllPages: false)
        #expect(second.source.copyPages(limit: 1_000))
        #expect(second.complete() == (0, nil))
    }

    @Test func emptyTableIsStoredAndLoaded() throws {
        let table = try Modelled.makeTable()
        let cutter = Cutter(table)
        cutter.begin(table, takesAllPages: true)
        #expect(cutter.source.copyPages(limit: 1_000))
        #expect(cutter.complete().wrong == nil)
        var random = SeededRandom(seed: 5)
        var both = try Modelled(keyCount: 20, retention: 1_000, random: &random)
        both.table = try Self.load(cutter, retention: 1_000)
        for _ in 0..<500 { #expect(both.step(&random) == nil) }
        #expect(both.difference() == nil)
    }

    @Test func sizesThatAreNotTheTablesAreRefused() throws {
        var random = SeededRandom(seed: 6)
        var both = try Modelled(keyCount: 50, retention: 1 << 40, random: &random)
        for _ in 0..<300 { _ = both.step(&random) }
        let used = both.table.usedBytes
        var wrong: [[Int]] = [[], Array(used.dropLast()), used + [0]]
        for region in used.indices {
            for change in [-4_096, -16, -4, 4, 16, 1 << 20] {
                var sizes = used
                sizes[region] += change
                wrong.append(sizes)
            }
        }
        for sizes in wrong {
            #expect(throws: ArenaError.self, "\(sizes)") { try both.table.adoptLoadedPages(usedBytes: sizes) }
        }
        #expect(throws: Never.self) { try both.table.adoptLoadedPages(usedBytes: used) }
    }

    @Test(arguments: 0..<6)
    func rootThatCannotBeIsRefused(field: Int) throws {
        let table = try Modelled.makeTable()
        try table.insert(
            .init(actor: 1, text: "k"),
            .init(fingerprint: .zero, lsn: 1, milliseconds: 0, answer: .deleted(changed: true)))
        let root = table.root.writable(0)
        switch field {
        case 0: root.pointee.count = 2
        case 1: root.pointee.front = 17
        case 2: root.pointee.back = .max
        case 3: root.pointee.bucketCount = .max
        case 4: root.pointee.count = 0
        default: root.pointee.front = 0
        }
        #expect(throws: ArenaError.self) { try table.adoptLoadedPages(usedBytes: table.usedBytes) }
    }
}
