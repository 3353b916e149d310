import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// What a snapshot stores of sets that change all the time must be the memory as it was at the cut, byte for byte.
@Suite struct SnapshotCutTests {
    /// Cuts follow each other closely, so that a page is mostly written once between two of them: a write that is not
    /// announced is then a page that is wrong or missing.
    @Test(arguments: 1...6 as ClosedRange<UInt64>) func cutsAreTheMemoryAtTheirMoment(seed: UInt64) throws {
        let owner = try SnapshotOwner(seed: seed)
        let taker = CutTaker(regions: owner.regions)
        var random = SeededRandom(seed: ~seed)
        for (phase, removals) in [5, 45, 80, 25, 70, 96].enumerated() {
            owner.removals = removals
            for _ in 0..<(phase == 0 ? 12_000 : 1500) { owner.change() }
            for _ in 0..<60 {
                for _ in 0..<(random.next() % 12) { owner.change() }
                taker.begin(usedBytes: owner.usedBytes, takesAllPages: random.next() % 12 == 0)
                var changes = Int(random.next() % 40)
                let limit = Int(random.next() % 4) + 1
                while !taker.step(limit: changes > 0 ? limit : 40) {
                    if changes > 0 { owner.change() }
                    changes -= 1
                }
            }
            #expect(taker.mistakes.isEmpty, "phase \(phase)")
            #expect(owner.brokenInvariant == nil)
        }
        #expect(taker.completed == 360, "more cuts than epochs")
    }

    /// After a cancelled cut nobody knows which pages the disk has: the next one takes all.
    @Test func aCancelledCutIsFollowedByOneOfAllPages() throws {
        let owner = try SnapshotOwner(seed: 77)
        let taker = CutTaker(regions: owner.regions)
        for _ in 0..<4000 { owner.change() }
        taker.begin(usedBytes: owner.usedBytes, takesAllPages: false)
        taker.finish()
        let pages = owner.usedBytes.reduce(0) { $0 + ($1 + PageID.byteCount - 1) / PageID.byteCount }
        #expect(taker.image.takenCount == pages)
        for round in 0..<20 {
            for _ in 0..<30 { owner.change() }
            taker.begin(usedBytes: owner.usedBytes, takesAllPages: false)
            for _ in 0..<round {
                owner.change()
                if taker.step(limit: 1) { break }
            }
            taker.cancel()
            #expect(taker.source.needsAllPages)
            #expect(!taker.source.isCutting)
            for _ in 0..<30 { owner.change() }
            let used = owner.usedBytes
            taker.begin(usedBytes: used, takesAllPages: false)
            for _ in 0..<30 { owner.change() }
            taker.finish()
            #expect(taker.image.takenCount == used.reduce(0) { $0 + ($1 + PageID.byteCount - 1) / PageID.byteCount })
            #expect(!taker.source.needsAllPages)
        }
        #expect(taker.mistakes.isEmpty)
    }

    /// A cut that was complete but could not be written is cancelled as well.
    @Test func aCompleteCutCanStillBeGivenUp() throws {
        let owner = try SnapshotOwner(seed: 78)
        let taker = CutTaker(regions: owner.regions)
        for _ in 0..<1000 { owner.change() }
        taker.begin(usedBytes: owner.usedBytes, takesAllPages: true)
        taker.finish()
        #expect(!taker.source.needsAllPages)
        taker.cancel()
        #expect(taker.source.needsAllPages)
    }

    /// Pages that are written into fresh memory are the same owner: it goes on as the first does, also with cuts of
    /// changes over the same image.
    @Test(arguments: 1...3 as ClosedRange<UInt64>) func loadedPagesAreWorkingSets(seed: UInt64) throws {
        let owner = try SnapshotOwner(seed: seed)
        let taker = CutTaker(regions: owner.regions)
        for _ in 0..<9000 { owner.change() }
        taker.begin(usedBytes: owner.usedBytes, takesAllPages: true)
        for _ in 0..<200 { owner.change() }
        taker.finish()
        for _ in 0..<50 { owner.change() }
        let used = owner.usedBytes
        taker.begin(usedBytes: used, takesAllPages: false)
        taker.finish()
        try #require(taker.mistakes.isEmpty)
        let stored = taker.image.bytes(usedBytes: used)
        let loaded = try SnapshotOwner(loading: stored, as: owner, seed: seed)
        #expect(loaded.brokenInvariant == nil)
        #expect(loaded.usedBytes == used)
        for index in 0..<SnapshotOwner.setCount {
            #expect(loaded.timelines.entries(index) == owner.timelines.entries(index))
            #expect(loaded.keyed.entries(index) == owner.keyed.entries(index))
            #expect(loaded.scored.entries(index) == owner.scored.entries(index))
        }
        let source = SnapshotSource(regions: loaded.regions, sink: PageSink(byteLimit: 1 << 20, onChunk: {}))
        source.adoptLoadedSnapshot(usedBytes: used)
        #expect(!source.needsAllPages)
        for _ in 0..<3000 {
            owner.change()
            loaded.change()
        }
        #expect(loaded.brokenInvariant == nil)
        let copies = RegionCopies(loaded.regions, usedBytes: loaded.usedBytes)
        #expect(copies.bytes == RegionCopies(owner.regions, usedBytes: owner.usedBytes).bytes)
        taker.image.begin(usedBytes: loaded.usedBytes)
        source.beginCut(usedBytes: loaded.usedBytes, takesAllPages: false)
        while !source.copyPages(limit: 5) { loaded.change() }
        taker.image.absorb(source.sink)
        #expect(taker.image.difference(from: copies) == nil)
        #expect(taker.image.mistakes.isEmpty)
    }
}
