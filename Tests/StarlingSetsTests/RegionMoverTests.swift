import Glibc
import StarlingMemory
import StarlingSystem
import Synchronization
import Testing

/// Pages that are moved under their readers stay what they are.
@Suite struct RegionMoverTests {
    private static let wordCount = (5 << 20) / 8 + 77
    private static let byteCount = wordCount * 8

    private static func word(_ index: Int) -> UInt64 { UInt64(index) &* 0x9e37_79b9_7f4a_7c15 }

    private static func words(_ region: TrackedRegion) -> UnsafeMutablePointer<UInt64> {
        region.base.assumingMemoryBound(to: UInt64.self)
    }

    private static func firstWrongWord(_ region: TrackedRegion) -> Int? {
        (0..<wordCount).first { words(region)[$0] != word($0) }
    }

    /// A region full of words, as if just loaded from a snapshot.
    private func loadedRegion(hugePages: Bool) throws -> TrackedRegion {
        let region = try TrackedRegion(byteCount: Self.byteCount, hugePages: hugePages)
        for index in 0..<Self.wordCount { Self.words(region)[index] = Self.word(index) }
        return region
    }

    @Test(arguments: [true, false]) func readersSeeTheSameWhileMemoryMoves(hugePages: Bool) throws {
        let stop = Atomic<Bool>(false)
        let wrong = Atomic<Int>(0)
        let reads = Atomic<Int>(0)
        for round in 0..<4 as Range<UInt64> {
            let region = try loadedRegion(hugePages: hugePages)
            let mover = try #require(region.makeMover(usedBytes: Self.byteCount))
            stop.store(false, ordering: .relaxed)
            reads.store(0, ordering: .relaxed)
            withoutActuallyEscaping(
                {
                    var random = SeededRandom(seed: round)
                    while !stop.load(ordering: .relaxed) {
                        let index = Int(random.next() % UInt64(Self.wordCount))
                        if Self.words(region)[index] != Self.word(index) { wrong.wrappingAdd(1, ordering: .relaxed) }
                        reads.wrappingAdd(1, ordering: .relaxed)
                    }
                } as @Sendable () -> Void
            ) { body in
                let reader = SystemThread(name: "reader", body)
                while reads.load(ordering: .relaxed) == 0 {}
                while !mover.isDone { mover.step() }
                stop.store(true, ordering: .relaxed)
                reader.join()
            }
            #expect(wrong.load(ordering: .relaxed) == 0)
            #expect(Self.firstWrongWord(region) == nil)
        }
    }

    /// What the owner writes between two steps moves with the rest, and a move is no write: the next cut of changes has what
    /// the owner changed and nothing else.
    @Test func movingIsNoChange() throws {
        let region = try loadedRegion(hugePages: true)
        let taker = CutTaker(regions: [region])
        taker.begin(usedBytes: [Self.byteCount], takesAllPages: true)
        taker.finish()
        let mover = try #require(region.makeMover(usedBytes: Self.byteCount))
        var step = 0
        let pages = [0, 511, 512, 1023, 1024, 1280]
        while !mover.isDone {
            for page in pages {
                region.barrier.willWrite(region.base + page * PageID.byteCount)
                Self.words(region)[page * 512 + step] = 1
            }
            mover.step()
            step += 1
        }
        #expect(step == 3)
        for page in pages { for step in 0..<step { #expect(Self.words(region)[page * 512 + step] == 1) } }
        taker.begin(usedBytes: [Self.byteCount], takesAllPages: false)
        taker.finish()
        #expect(taker.image.takenCount == pages.count)
        #expect(taker.mistakes.isEmpty)
    }

    @Test func nothingIsMovedOfAnEmptyRegion() throws {
        let region = try TrackedRegion(byteCount: 1 << 20, hugePages: true)
        #expect(region.makeMover(usedBytes: 0) == nil)
    }

    /// The addresses that pages were moved away from are free: what somebody else maps there is not the mover's.
    @Test func memoryThatOthersMapMeanwhileStaysTheirs() throws {
        let region = try loadedRegion(hugePages: false)
        var mover = region.makeMover(usedBytes: Self.byteCount)
        let bytes = 1 << 20
        var others: [UnsafeMutableRawPointer] = []
        defer { for other in others { munmap(other, bytes) } }
        while let current = mover, !current.isDone {
            current.step()
            for _ in 0..<4 {
                let other = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                others.append(try #require(other))
            }
        }
        mover = nil
        var residency = [UInt8](repeating: 0, count: bytes / 4096)
        for other in others { #expect(mincore(other, bytes, &residency) == 0, "unmapped by somebody else") }
        #expect(Self.firstWrongWord(region) == nil)
    }

    /// A file's pages are mapped privately, changed, moved; then the file is cut to nothing, which would kill whoever still
    /// reads it.
    @Test func mappedPagesNoLongerNeedTheirFile() throws {
        var template = Array("/tmp/starling-mover-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
        let directory = String(cString: try #require(made))
        let path = directory + "/pages"
        defer {
            unlink(path)
            rmdir(directory)
        }
        let original = try loadedRegion(hugePages: false)
        let file = try PosixDisk().open(path, .create)
        try file.write(UnsafeRawBufferPointer(start: original.base, count: Self.byteCount), at: 0)
        try file.sync()

        let region = try TrackedRegion(byteCount: Self.byteCount + (4 << 20), hugePages: true)
        try map(path, into: region)
        let source = SnapshotSource(regions: [region], sink: PageSink(byteLimit: 1 << 20, onChunk: {}))
        source.adoptLoadedSnapshot(usedBytes: [Self.byteCount])
        #expect(Self.firstWrongWord(region) == nil)
        region.barrier.willWrite(region.base + 8 * 5000)
        Self.words(region)[5000] = 42

        let mover = try #require(region.makeMover(usedBytes: Self.byteCount))
        while !mover.isDone { mover.step() }
        try file.truncate(0)
        #expect(Self.words(region)[5000] == 42)
        Self.words(region)[5000] = Self.word(5000)
        #expect(Self.firstWrongWord(region) == nil)
        // Behind the moved pages the region goes on as before.
        let end = Self.byteCount / 8
        region.barrier.willWrite(region.base + Self.byteCount, byteCount: 4096)
        #expect(Self.words(region)[end] == 0)
        Self.words(region)[end] = 7
        source.beginCut(usedBytes: [Self.byteCount + 8], takesAllPages: false)
        while !source.copyPages(limit: 10) {}
        #expect(source.sink.take().map(\.count) == [2])
    }

    /// Maps the file at `path` over the beginning of `region`: private, so that writes do not reach the file.
    private func map(_ path: String, into region: TrackedRegion) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let mapped = mmap(
            region.base, Self.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, descriptor, 0)
        try #require(mapped == region.base)
    }
}
