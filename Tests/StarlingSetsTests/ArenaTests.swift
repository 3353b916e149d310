import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// An arena as a class, because `#expect` cannot take calls of methods of values that cannot be copied.
private final class TestArena {
    let arena: Arena

    init(reservedBytes: Int) throws { arena = try Arena(reservedBytes: reservedBytes, hugePages: false) }

    func allocate(units: UInt32) -> UInt32 { arena.allocate(units: units) }
    func free(_ reference: UInt32, units: UInt32) { arena.free(reference, units: units) }
    func pointer(to reference: UInt32) -> UnsafeRawPointer { arena.pointer(to: reference) }
    func writable(_ reference: UInt32, units: UInt32) -> UnsafeMutableRawPointer {
        arena.writable(reference, units: units)
    }
    func adoptLoadedPages(usedBytes: Int) throws(ArenaError) { try arena.adoptLoadedPages(usedBytes: usedBytes) }
    func hasRoom(forBytes bytes: Int) -> Bool { arena.hasRoom(forBytes: bytes) }
    func requireRoom(forBytes bytes: Int) throws(ArenaError) { try arena.requireRoom(forBytes: bytes) }
    func brokenInvariant() -> String? { arena.brokenInvariant() }
    var bytesInUse: Int { arena.bytesInUse }
    var bytesTouched: Int { arena.bytesTouched }
    var bytesLeft: Int { arena.bytesLeft }
    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: arena.base, count: arena.bytesTouched) }
}

@Suite struct ArenaTests {
    /// Blocks of random sizes come and go; each keeps its bytes, none overlap, and free neighbours are joined.
    @Test(arguments: 1...4 as ClosedRange<UInt64>) func blocksKeepTheirBytes(seed: UInt64) throws {
        let arena = try TestArena(reservedBytes: 64 << 20)
        var random = SeededRandom(seed: seed)
        var blocks: [(reference: UInt32, units: UInt32, mark: UInt8)] = []
        var inUse = 0
        for step in 0..<20_000 {
            if blocks.isEmpty || random.next() % 100 < (step % 4000 < 2000 ? 60 : 40) {
                let units = random.next() % 4 == 0 ? 32 : UInt32(random.next() % 31 + 1)
                let reference = arena.allocate(units: units)
                let mark = UInt8(truncatingIfNeeded: step)
                let start = arena.writable(reference, units: units)
                let bytes = UnsafeMutableRawBufferPointer(start: start, count: Int(units) * 16)
                for index in bytes.indices { bytes[index] = mark }
                blocks.append((reference, units, mark))
                inUse += Int(units) * 16
            } else {
                let block = blocks.remove(at: Int(random.next() % UInt64(blocks.count)))
                let bytes = UnsafeRawBufferPointer(
                    start: arena.pointer(to: block.reference), count: Int(block.units) * 16)
                #expect(bytes.allSatisfy { $0 == block.mark })
                arena.free(block.reference, units: block.units)
                inUse -= Int(block.units) * 16
            }
            if step % 500 == 0 { #expect(arena.brokenInvariant() == nil) }
            #expect(arena.bytesInUse == inUse)
        }
    }

    /// Sizes that nobody asks for any more must serve others.
    @Test func smallFreeBlocksAreJoinedForLargerOnes() throws {
        let arena = try TestArena(reservedBytes: 64 << 20)
        let small = (0..<3200).map { _ in arena.allocate(units: 1) }
        let touched = arena.bytesTouched
        for reference in small.filter({ $0 % 2 == 0 }) { arena.free(reference, units: 1) }
        for reference in small.filter({ $0 % 2 == 1 }) { arena.free(reference, units: 1) }
        for _ in 0..<90 { _ = arena.allocate(units: 32) }
        #expect(arena.bytesTouched <= touched + 512)
    }

    @Test func roomIsKnownBeforehand() throws {
        let arena = try TestArena(reservedBytes: 4096)
        let left = arena.bytesLeft
        #expect(arena.hasRoom(forBytes: left))
        #expect(!arena.hasRoom(forBytes: left + 1))
        #expect(throws: ArenaError.outOfRoom(needed: left + 1, left: left)) {
            try arena.requireRoom(forBytes: left + 1)
        }
        for _ in 0..<(left / 16) { _ = arena.allocate(units: 1) }
        #expect(arena.bytesLeft == 0)
        #expect(!arena.hasRoom(forBytes: 1))
    }

    @Test func removalNeedsNoRoom() throws {
        let arena = SortedSetArena<UInt32>(arena: try Arena(reservedBytes: 4096, hugePages: false), seed: 1)
        let headers = try MappedTable<SortedSet>(capacity: 3, hugePages: false)
        for key in 0..<300 as Range<UInt32> { arena.insert(key, into: headers.writable(0)) }
        for key in 0..<90 as Range<UInt32> { arena.insert(key, into: headers.writable(1)) }
        while arena.arena.bytesLeft > 0 { _ = arena.arena.allocate(units: 1) }
        for key in 0..<300 as Range<UInt32> {
            arena.remove(key, from: headers.writable(0))
            arena.trim(headers.writable(1), toNewest: 89 - Int(min(key, 88)))
        }
        #expect(headers.rows[0].isEmpty)
        #expect(headers.rows[1].count == 1)
    }

    @Test func anImpossibleReservationIsAnError() {
        #expect(throws: MemoryReservationError.self) { _ = try MemoryReservation(byteCount: 1 << 60, hugePageBytes: 0) }
        #expect(throws: MemoryReservationError.self) { _ = try MemoryReservation(byteCount: .max, hugePageBytes: 0) }
        #expect(throws: MemoryReservationError.self) { _ = try MemoryReservation(byteCount: 0, hugePageBytes: 0) }
    }
}

@Suite struct LoadedArenaTests {
    @Test func setsLiveOnInACopyOfTheirMemory() throws {
        let sets = try TestSets<UInt32>(count: 30)
        var random = SeededRandom(seed: 6)
        fill(sets, 6000, &random)
        let copy = try TestSets<UInt32>(loading: sets.contents)
        for index in 0..<30 {
            #expect(copy.entries(index) == sets.entries(index))
            #expect(copy.brokenInvariant(of: copy[index]) == nil)
        }
        // Both go the same way from here, allocation for allocation.
        var again = random
        fill(sets, 6000, &random)
        fill(copy, 6000, &again)
        #expect(copy.brokenMemory == nil)
        #expect(copy.contents == sets.contents)
    }

    private func fill(_ sets: TestSets<UInt32>, _ steps: Int, _ random: inout SeededRandom) {
        for _ in 0..<steps {
            let index = Int(random.next() % 30)
            let key = UInt32(random.next() % UInt64(20 * (index + 1)))
            if random.next() % 3 == 0 {
                sets.remove(key, from: sets[index])
            } else {
                sets.insert(key, into: sets[index])
            }
        }
    }

    /// Each bit of the arena's counts in turn is wrong: refused, but never a trap. Checksums guard the rest of a page.
    @Test func aHeaderThatDoesNotFitItsPagesIsRefused() throws {
        let arena = try TestArena(reservedBytes: 1 << 20)
        for units in 1...20 as ClosedRange<UInt32> { _ = arena.allocate(units: units) }
        let good = Array(arena.contents)
        try load(good, usedBytes: good.count)
        for length in [-16, 0, 16, 240, good.count - 16, good.count - 1, good.count + 16, 2 << 20] {
            #expect(throws: ArenaError.self) { try load(good, usedBytes: length) }
        }
        // The magic number and the end of use; of the free units those bits that make them more than there are.
        for bit in Array(0..<96) + Array(110..<128) {
            var bad = good
            bad[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ArenaError.self, "bit \(bit)") { try load(bad, usedBytes: bad.count) }
        }
    }

    private func load(_ bytes: [UInt8], usedBytes: Int) throws {
        let arena = try TestArena(reservedBytes: 1 << 20)
        UnsafeMutableRawBufferPointer(start: arena.arena.memory.base, count: bytes.count).copyBytes(from: bytes)
        try arena.adoptLoadedPages(usedBytes: usedBytes)
    }

    /// An arena that was read back knows which of its blocks are free, also next to each other.
    @Test func freeBlocksOfALoadedArenaAreJoined() throws {
        let arena = try TestArena(reservedBytes: 1 << 20)
        let blocks = (1...20).map { (arena.allocate(units: UInt32($0)), UInt32($0)) }
        for (reference, units) in blocks where units % 2 == 0 { arena.free(reference, units: units) }
        let loaded = try TestArena(reservedBytes: 1 << 20)
        for (from, to) in [(arena.arena.memory, loaded.arena.memory), (arena.arena.marks, loaded.arena.marks)] {
            to.base.copyMemory(from: from.base, byteCount: 8192)
        }
        try loaded.adoptLoadedPages(usedBytes: arena.bytesTouched)
        for (reference, units) in blocks where units % 2 == 1 { loaded.free(reference, units: units) }
        #expect(loaded.brokenInvariant() == nil)
        #expect(loaded.bytesInUse == 0)
        let touched = loaded.bytesTouched
        for _ in 0..<6 { _ = loaded.allocate(units: 32) }
        #expect(loaded.bytesTouched == touched)
    }
}

@Suite struct MappedTableTests {
    @Test func rowsAreZeroThenWhatWasAppended() throws {
        let table = try MappedTable<UInt64>(capacity: 1000, hugePages: false)
        #expect(table.append(7) == 0)
        #expect(table.append(8) == 1)
        table.ensure(count: 500)
        #expect(table.append(9) == 500)
        table.ensure(count: 3)
        #expect(table.count == 501)
        #expect(table.bytesInUse == 501 * 8)
        #expect((0..<501).map { table.rows[$0] } == [7, 8] + Array(repeating: 0, count: 498) + [9])
        #expect(table.hasRoom(for: 499))
        #expect(!table.hasRoom(for: 500))
    }
}
