import StarlingMemory
import StarlingSystem
import Testing

@testable import StarlingSets

/// Copies of sets into another arena: the same entries in the same leaves, now and after whatever happens to both.
@Suite struct SetCopyTests {
    private final class Sets {
        let sets: SortedSetArena<UInt32>
        let table: MappedTable<SortedSet>

        init() throws {
            sets = SortedSetArena(arena: try Arena(reservedBytes: 16 << 20, hugePages: false), seed: 5)
            table = try MappedTable(capacity: 4, hugePages: false)
            table.ensure(count: 1)
        }

        var entries: [UInt32] { Array(sets.ascending(table.rows)) }

        /// Lengths of the blocks: where the set is cut into leaves.
        var leaves: [Int] {
            var result: [Int] = []
            sets.forEachBlock(table.rows) { result.append($0.count) }
            return result
        }

        func change(_ random: inout SeededRandom, cap: Int) {
            let key = UInt32.random(in: 1..<4_000, using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                _ = sets.remove(key, from: table.writable(0))
            } else {
                _ = sets.insert(key, into: table.writable(0))
            }
            if table.rows[0].count > cap + 200 { _ = sets.trim(table.writable(0), toNewest: cap) }
        }
    }

    @Test(arguments: [0, 2, 3, 30, 124, 125, 400, 3_000])
    func copyBehavesLikeItsOriginal(operations: Int) throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            let original = try Sets()
            for _ in 0..<operations { original.change(&random, cap: 900) }
            let copy = try Sets()
            let before = copy.sets.arena.bytesTouched
            copy.sets.copy(original.table.rows, of: original.sets, into: copy.table.writable(0))
            #expect(copy.sets.arena.bytesTouched - before <= original.sets.copyBytes(original.table.rows))
            #expect(copy.sets.brokenInvariant(of: copy.table.rows) == nil)
            var again = random
            for _ in 0..<500 {
                original.change(&random, cap: 300)
                copy.change(&again, cap: 300)
            }
            #expect(copy.entries == original.entries)
            #expect(copy.leaves == original.leaves)
            #expect(copy.sets.brokenInvariant(of: copy.table.rows) == nil)
        }
    }
}
