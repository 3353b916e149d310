import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// Orders of insertion and removal that are hard on leaves.
@Suite struct SortedSetOrderTests {
    static let count: UInt32 = 6000

    enum Order: CaseIterable {
        case ascending, descending, alternatingEnds, fromTheMiddle, oneGap, strided

        /// The numbers 0..<count, each once.
        func keys(_ count: UInt32) -> [UInt32] {
            switch self {
            case .ascending: Array(0..<count)
            case .descending: (0..<count).reversed()
            case .alternatingEnds: (0..<count).map { $0 % 2 == 0 ? $0 / 2 : count - 1 - $0 / 2 }
            case .fromTheMiddle: (0..<count).map { $0 % 2 == 0 ? count / 2 + $0 / 2 : count / 2 - 1 - $0 / 2 }
            case .oneGap: Array(0..<1000) + (2000..<count) + (1000..<2000)
            case .strided: (0..<count).map { $0 % 60 * (count / 60) + $0 / 60 }
            }
        }
    }

    @Test(arguments: Order.allCases) func fillsAndEmpties(order: Order) throws {
        let sets = try TestSets<UInt32>(count: 1)
        let keys = order.keys(Self.count)
        try #require(Set(keys).count == Int(Self.count))
        for key in keys { sets.insert(key, into: sets[0]) }
        #expect(sets.brokenInvariant(of: sets[0]) == nil)
        #expect(sets.entries(0) == Array(0..<Self.count))
        #expect(sets.insert(keys[7], into: sets[0]) == false)
        for key in keys.dropLast(100) { #expect(sets.remove(key, from: sets[0])) }
        #expect(sets.brokenInvariant(of: sets[0]) == nil)
        #expect(sets.entries(0) == keys.suffix(100).sorted())
        for key in keys.suffix(100).reversed() { #expect(sets.remove(key, from: sets[0])) }
        #expect(sets[0].pointee.isEmpty)
        #expect(sets.bytesInUse == 0)
    }

    @Test(arguments: [Order.ascending, .descending]) func ordersInOneDirectionFillLeavesCompletely(order: Order) throws
    {
        let sets = try TestSets<UInt32>(count: 1)
        for key in order.keys(Self.count) { sets.insert(key, into: sets[0]) }
        let leaves = sets.leafCount(of: sets[0])
        #expect(Double(Self.count) / Double(leaves * SortedSetArena<UInt32>.leafCapacity) > 0.95)
    }

    @Test func randomOrderFillsFourFifths() throws {
        let sets = try TestSets<UInt32>(count: 1)
        var random = SeededRandom(seed: 3)
        while sets[0].pointee.count < 30_000 {
            sets.insert(UInt32(truncatingIfNeeded: random.next()), into: sets[0])
        }
        let leaves = sets.leafCount(of: sets[0])
        #expect(Double(30_000) / Double(leaves * SortedSetArena<UInt32>.leafCapacity) >= 0.8)
    }

    /// Few entries come late, as posts do: closed leaves must stay nearly full.
    @Test func lateEntriesDoNotThinOutAppendedLeaves() throws {
        let sets = try TestSets<UInt32>(count: 1)
        var random = SeededRandom(seed: 4)
        for step in 1...30_000 as ClosedRange<UInt32> {
            let late = random.next() % 20 == 0
            let key = late ? step * 8 - UInt32(random.next() % 400 % UInt64(step * 8)) | 1 : step * 8
            sets.insert(key, into: sets[0])
        }
        let leaves = sets.leafCount(of: sets[0])
        #expect(sets.brokenInvariant(of: sets[0]) == nil)
        #expect(Double(sets[0].pointee.count) / Double(leaves * SortedSetArena<UInt32>.leafCapacity) > 0.85)
    }

    @Test func removalAndInsertionAgainDoNotGrow() throws {
        let sets = try TestSets<KeyedValue32>(count: 40)
        var random = SeededRandom(seed: 9)
        var touched = 0
        for round in 0..<12 {
            for index in 0..<40 {
                for _ in 0..<(index * index / 2) {
                    let key = UInt32(random.next() % 5000)
                    sets.insert(KeyedValue32(key: key, value: 1), into: sets[index])
                }
            }
            if round == 3 { touched = sets.bytesTouched }
            for index in 0..<40 {
                if round % 2 == 0 { sets.removeAll(from: sets[index]) }
                for key in 0..<5000 as Range<UInt32> where !sets[index].pointee.isEmpty {
                    sets.remove(key, from: sets[index])
                }
            }
            #expect(sets.bytesInUse == 0, "round \(round)")
        }
        #expect(sets.brokenMemory == nil)
        #expect(sets.bytesTouched <= touched + touched / 5)
    }

    @Test func aMillionEntriesStayLogarithmic() throws {
        let sets = try TestSets<UInt32>(count: 1)
        for key in 0..<1_000_000 as Range<UInt32> { sets.insert(key &* 4, into: sets[0]) }
        var random = SeededRandom(seed: 12)
        var most = 0
        var sum = 0
        for _ in 0..<2000 {
            let key = UInt32(random.next() % 4_000_000)
            let steps = sets.searchSteps(to: key, in: sets[0])
            most = max(most, steps)
            sum += steps
            #expect(sets.rank(of: key, in: sets[0]) == Int(key + 3) / 4)
        }
        // 8,100 leaves, a tower on one in four: seven levels of about four nodes.
        #expect(sum / 2000 < 45)
        #expect(most < 100)
    }

    @Test func towersDoNotDependOnOtherSets() throws {
        let alone = try TestSets<UInt32>(count: 1)
        let crowded = try TestSets<UInt32>(count: 3)
        var random = SeededRandom(seed: 5)
        for step in 0..<20_000 as Range<UInt32> {
            let key = random.next() % 10 == 0 ? step / 2 : step
            alone.insert(key, into: alone[0])
            crowded.insert(key, into: crowded[0])
            crowded.insert(UInt32(truncatingIfNeeded: random.next()), into: crowded[1])
            let cut = alone.trim(alone[0], toNewest: 5000)
            #expect(cut == crowded.trim(crowded[0], toNewest: 5000))
        }
        #expect(alone.entries(0) == crowded.entries(0))
    }

    @Test func headersAndEntriesAreAsSmallAsPromised() {
        #expect(MemoryLayout<SortedSet>.size == 16)
        #expect(MemoryLayout<ScoredMember>.stride == 12)
        #expect(MemoryLayout<KeyedValue32>.stride == 8)
        #expect(SortedSetArena<UInt32>.leafCapacity == 124)
        #expect(SortedSetArena<KeyedValue32>.leafCapacity == 62)
        #expect(SortedSetArena<ScoredMember>.leafCapacity == 41)
    }

    @Test func aSetIsEmptyWhenAllZero() throws {
        let sets = try TestSets<UInt32>(count: 1)
        for key in [5, 9, 7] as [UInt32] { sets.insert(key, into: sets[0]) }
        #expect(sets.bytesInUse == 0, "three numbers lie in the header")
        for key in [9, 5, 7] as [UInt32] { sets.remove(key, from: sets[0]) }
        let bytes = UnsafeRawBufferPointer(start: sets[0], count: 16)
        #expect(bytes.allSatisfy { $0 == 0 })
    }

    @Test func aSetThatShrinksGivesItsBlockBack() throws {
        let sets = try TestSets<UInt32>(count: 1)
        for key in 0..<100 as Range<UInt32> { sets.insert(key, into: sets[0]) }
        for key in 0..<90 as Range<UInt32> { sets.remove(key, from: sets[0]) }
        #expect(sets.bytesInUse <= 80, "ten numbers take three to five units")
        for key in 90..<98 as Range<UInt32> { sets.remove(key, from: sets[0]) }
        #expect(sets.bytesInUse == 0, "two numbers lie in the header again")
        #expect(sets.entries(0) == [98, 99])
    }
}
