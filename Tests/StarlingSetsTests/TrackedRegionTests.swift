import Glibc
import StarlingMemory
import StarlingSystem
import Synchronization
import Testing

/// Page tracking by itself: which pages a cut hands over, and as what.
@Suite struct TrackedRegionTests {
    /// Bytes of a region that a test may use: not a whole number of pages.
    private static let byteCount = 150 * 4096 + 1234

    /// A region that is written to at random, and the pages that its next cut of changes must hand over.
    private final class Writer {
        let region: TrackedRegion
        var usedBytes = 0
        private(set) var touched: Set<Int> = []
        private var random: SeededRandom

        init(seed: UInt64) throws {
            region = try TrackedRegion(byteCount: TrackedRegionTests.byteCount, hugePages: false)
            random = SeededRandom(seed: seed)
        }

        func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

        /// Changes 1 to 4096 bytes among the first `limit`, often across two pages.
        func write(below limit: Int = .max) {
            guard usedBytes > 0 else { return }
            let start = below(min(limit, usedBytes))
            let count = min(below(8) == 0 ? 1 + below(4096) : 1 + below(16), usedBytes - start)
            region.barrier.willWrite(region.base + start, byteCount: count)
            memset(region.base + start, Int32(below(256)), count)
            touched.formUnion(start / 4096...(start + count - 1) / 4096)
        }

        /// Takes more of the region into use, as it is.
        func grow(by bytes: Int) {
            let pages = (usedBytes + 4095) / 4096
            usedBytes = min(usedBytes + bytes, TrackedRegionTests.byteCount)
            touched.formUnion(pages..<max(pages, (usedBytes + 4095) / 4096))
        }

        func forgetTouched() { touched = [] }
    }

    /// Exactly the pages that were written since the last cut, or came into use, each as it was; through more cuts than
    /// there are epochs.
    @Test(arguments: 1...3 as ClosedRange<UInt64>) func cutsOfChangesHaveTheWrittenPagesAndNoOthers(seed: UInt64) throws
    {
        let writer = try Writer(seed: seed)
        let taker = CutTaker(regions: [writer.region])
        writer.grow(by: 40_000)
        taker.begin(usedBytes: [writer.usedBytes], takesAllPages: true)
        taker.finish()
        writer.forgetTouched()
        for cut in 0..<800 {
            if cut % 9 == 0 { writer.grow(by: writer.below(12_000)) }
            // Most pages are left alone for so long that the epochs of their stamps come again meanwhile.
            let limit = cut % 270 < 10 ? Int.max : 60_000
            for _ in 0..<writer.below(12) { writer.write(below: limit) }
            let expected = writer.touched.count
            taker.begin(usedBytes: [writer.usedBytes], takesAllPages: false)
            writer.forgetTouched()
            while !taker.step(limit: 1 + writer.below(3)) {
                for _ in 0..<writer.below(3) { writer.write(below: limit) }
            }
            #expect(taker.image.takenCount == expected, "cut \(cut)")
        }
        #expect(taker.mistakes.isEmpty)
        #expect(taker.completed == 801)
    }

    @Test func cutsOfAllPagesHaveEveryPageInUse() throws {
        let writer = try Writer(seed: 4)
        let taker = CutTaker(regions: [writer.region])
        for _ in 0..<600 {
            writer.grow(by: writer.below(2000))
            for _ in 0..<writer.below(5) { writer.write() }
            let pages = (writer.usedBytes + 4095) / 4096
            taker.begin(usedBytes: [writer.usedBytes], takesAllPages: true)
            for _ in 0..<writer.below(5) { writer.write() }
            while !taker.step(limit: 1 + writer.below(20)) { for _ in 0..<writer.below(4) { writer.write() } }
            #expect(taker.image.takenCount == pages)
        }
        #expect(taker.mistakes.isEmpty)
    }

    @Test func oneCallCopiesNoMoreThanItsLimit() throws {
        let regions = try (0..<3).map { _ in try TrackedRegion(byteCount: 50 * 4096, hugePages: false) }
        let sink = PageSink(byteLimit: 1 << 20, onChunk: {})
        let source = SnapshotSource(regions: regions, sink: sink)
        source.beginCut(usedBytes: [50 * 4096, 0, 30 * 4096], takesAllPages: true)
        var calls = 1
        while !source.copyPages(limit: 8) { calls += 1 }
        #expect(calls == 10)
        #expect(sink.take().map(\.count) == [64, 16])
    }

    @Test func aSinkIsFullUntilItsCopiesAreGivenBack() throws {
        let region = try TrackedRegion(byteCount: 200 * 4096, hugePages: false)
        let sink = PageSink(byteLimit: 100 * 4096, onChunk: {})
        let source = SnapshotSource(regions: [region], sink: sink)
        source.beginCut(usedBytes: [200 * 4096], takesAllPages: true)
        #expect(!source.copyPages(limit: 99))
        #expect(!sink.isFull)
        #expect(!source.copyPages(limit: 1))
        #expect(sink.isFull)
        let chunks = sink.take()
        #expect(chunks.map(\.count) == [64])
        #expect(sink.isFull)
        for chunk in chunks { sink.giveBack(chunk) }
        #expect(!sink.isFull)
    }

    /// The copies go through another thread, as in the engine.
    @Test func copiesArriveOnAnotherThread() throws {
        let writer = try Writer(seed: 5)
        let parker = Parker()
        let sink = PageSink(byteLimit: 64 * 4096, onChunk: { parker.wake() })
        let source = SnapshotSource(regions: [writer.region], sink: sink)
        writer.grow(by: .max / 2)
        for round in 0..<40 {
            for _ in 0..<200 { writer.write() }
            let copies = RegionCopies([writer.region], usedBytes: [writer.usedBytes])
            let isComplete = Atomic<Bool>(false)
            let wrong = Atomic<Int>(0)
            let arrived = Atomic<Int>(0)
            source.beginCut(usedBytes: [writer.usedBytes], takesAllPages: round % 2 == 0)
            withoutActuallyEscaping(
                {
                    while true {
                        let isLast = isComplete.load(ordering: .acquiring)
                        for chunk in sink.take() {
                            for index in 0..<chunk.count where !Self.isEqual(chunk, index, copies) {
                                wrong.wrappingAdd(1, ordering: .relaxed)
                            }
                            arrived.wrappingAdd(chunk.count, ordering: .relaxed)
                            sink.giveBack(chunk)
                        }
                        if isLast { return }
                        parker.park(milliseconds: 10)
                    }
                } as @Sendable () -> Void
            ) { body in
                let thread = SystemThread(name: "drain", body)
                while true {
                    if sink.isFull { continue }
                    if source.copyPages(limit: 3) { break }
                    writer.write()
                }
                isComplete.store(true, ordering: .releasing)
                parker.wake()
                thread.join()
            }
            #expect(wrong.load(ordering: .relaxed) == 0)
            if round % 2 == 0 { #expect(arrived.load(ordering: .relaxed) == 151) }
        }
    }

    private static func isEqual(_ chunk: PageChunk, _ index: Int, _ copies: RegionCopies) -> Bool {
        let start = Int(chunk.ids[index].page) * PageID.byteCount
        let bytes = copies.bytes[Int(chunk.ids[index].region)]
        return bytes.withUnsafeBytes { wanted in
            guard let base = wanted.baseAddress else { return false }
            let page = chunk.bytes + index * PageID.byteCount
            return memcmp(page, base + start, min(PageID.byteCount, bytes.count - start)) == 0
        }
    }
}
