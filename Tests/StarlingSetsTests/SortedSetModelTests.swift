import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// Random operations on sets and on plain sorted arrays must agree.
@Suite struct SortedSetModelTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>) func numbers(seed: UInt64) throws {
        try agree(UInt32.self, seed: seed)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>) func keyedValues(seed: UInt64) throws {
        try agree(KeyedValue32.self, seed: seed)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>) func scoredMembers(seed: UInt64) throws {
        try agree(ScoredMember.self, seed: seed)
    }

    /// Eight sets with key ranges from tiny to large, through phases in which they grow, churn and shrink.
    private func agree<Entry: TestEntry>(_ type: Entry.Type, seed: UInt64) throws {
        let ranges: [UInt32] = [3, 12, 60, 150, 400, 1500, 6000, 30_000]
        let sets = try TestSets<Entry>(count: ranges.count, seed: seed)
        var models = Array(repeating: SetModel<Entry>(), count: ranges.count)
        var random = SeededRandom(seed: seed)
        for (phase, removals) in [10, 45, 80, 30, 70, 97].enumerated() {
            for _ in 0..<4500 {
                // Larger sets get more of the operations.
                let index = Int(max(random.next() % 8, random.next() % 8))
                change(sets, index, &models[index], ranges[index], removals, &random)
            }
            for index in ranges.indices {
                #expect(sets.brokenInvariant(of: sets[index]) == nil, "phase \(phase), set \(index)")
                #expect(sets.entries(index) == models[index].entries, "phase \(phase), set \(index)")
                ask(sets, index, models[index], ranges[index], &random)
            }
            #expect(sets.brokenMemory == nil)
        }
        for index in ranges.indices { sets.removeAll(from: sets[index]) }
        #expect(sets.bytesInUse == 0)
    }

    private func change<Entry: TestEntry>(
        _ sets: TestSets<Entry>, _ index: Int, _ model: inout SetModel<Entry>, _ range: UInt32,
        _ removals: Int, _ random: inout SeededRandom
    ) {
        let entry = Entry.make(UInt32(random.next() % UInt64(range)), UInt32(truncatingIfNeeded: random.next()))
        let choice = Int(random.next() % 1000)
        if choice == 0 {
            trim(sets, index, &model, Int(random.next() % UInt64(range)))
        } else if choice < 50 {
            #expect(sets.replace(entry, in: sets[index]) == model.replace(entry))
        } else if choice % 100 < removals {
            #expect(sets.remove(entry.key, from: sets[index]) == model.remove(entry.key))
        } else {
            #expect(sets.insert(entry, into: sets[index]) == model.insert(entry))
        }
        #expect(sets[index].pointee.count == model.entries.count)
    }

    private func trim<Entry: TestEntry>(
        _ sets: TestSets<Entry>, _ index: Int, _ model: inout SetModel<Entry>, _ cap: Int
    ) {
        let isOneBlock = sets.leafCount(of: sets[index]) == 0
        let dropped = sets.trim(sets[index], toNewest: cap)
        let left = sets[index].pointee.count
        let expected = model.entries.count - left
        #expect(dropped == (expected > 0 ? model.entries[expected - 1].key : nil))
        #expect(left >= min(cap, model.entries.count))
        #expect(left < cap + (isOneBlock ? 1 : SortedSetArena<Entry>.leafCapacity) || expected == 0 && left <= cap)
        model.entries.removeFirst(expected)
    }

    /// Questions at bounds that are there, that are not, and at both ends.
    private func ask<Entry: TestEntry>(
        _ sets: TestSets<Entry>, _ index: Int, _ model: SetModel<Entry>, _ range: UInt32,
        _ random: inout SeededRandom
    ) {
        let arena = sets
        let set = sets[index]
        let all = model.entries
        #expect(arena.first(of: set) == all.first)
        #expect(arena.last(of: set) == all.last)
        #expect(Array(arena.descending(set)) == all.reversed())
        #expect(arena.entry(atRank: -1, in: set) == nil)
        #expect(arena.entry(atRank: all.count, in: set) == nil)
        var bounds = (0..<20).map { _ in Entry.make(UInt32(random.next() % UInt64(range + 2)), 0).key }
        bounds += [Entry.Key.min, Entry.Key.max]
        for bound in bounds {
            let place = model.position(bound)
            let found = model.find(bound)
            #expect(arena.find(bound, in: set) == found)
            #expect(arena.contains(bound, in: set) == (found != nil))
            #expect(arena.rank(of: bound, in: set) == place)
            if place < all.count { #expect(arena.entry(atRank: place, in: set) == all[place]) }
            let above = found == nil ? place : place + 1
            #expect(take(arena.ascending(set, from: bound)) == Array(all[place...].prefix(300)))
            #expect(take(arena.ascending(set, above: bound)) == Array(all[above...].prefix(300)))
            #expect(take(arena.descending(set, from: bound)) == Array(all[..<above].suffix(300).reversed()))
            #expect(take(arena.descending(set, below: bound)) == Array(all[..<place].suffix(300).reversed()))
            var fromBlocks: [Entry] = []
            var blocks = arena.blocks(set, from: bound)
            while fromBlocks.count < 300, let block = blocks.next() {
                #expect(!block.isEmpty)
                fromBlocks += block
            }
            #expect(fromBlocks.prefix(300) == all[place...].prefix(300))
        }
    }

    private func take<Entries: IteratorProtocol>(_ entries: Entries) -> [Entries.Element] {
        var rest = entries
        var taken: [Entries.Element] = []
        while taken.count < 300, let entry = rest.next() { taken.append(entry) }
        return taken
    }
}
