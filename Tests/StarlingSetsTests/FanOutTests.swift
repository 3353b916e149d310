import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// `insertIntoMany` against plain arrays.
@Suite struct FanOutTests {
    @Test(arguments: [50, 800, 1], [1, 2, 3] as [UInt64]) func agreesWithArrays(cap: Int, seed: UInt64) throws {
        let readers = 60
        let sets = try TestSets<UInt32>(count: readers, seed: seed)
        let floors = try MappedTable<UInt32>(capacity: readers, hugePages: false)
        var models = Array(repeating: SetModel<UInt32>(), count: readers)
        var random = SeededRandom(seed: seed)
        let limit = cap + SortedSetArena<UInt32>.leafCapacity
        for post in 1...1500 as ClosedRange<UInt32> {
            // One in ten comes late, some of those so late that they fall below floors, some twice.
            let late = random.next() % 10 == 0
            let entry = late ? UInt32(random.next() % UInt64(post * 4)) : post * 4
            let indices = (0..<readers).filter { _ in random.next() % 4 != 0 }.map { UInt32($0) }
            for reader in indices.map(Int.init) where entry >= floors.rows[reader] { _ = models[reader].insert(entry) }
            sets.insertIntoMany(entry, indices, cap: cap, floors: floors)
            for reader in indices.map(Int.init) {
                let floor = floors.rows[reader]
                let dropped = models[reader].entries.count - sets[reader].pointee.count
                if dropped > 0 {
                    #expect(models[reader].entries.count >= limit, "trimmed too early")
                    #expect(floor == models[reader].entries[dropped - 1] + 1)
                    models[reader].entries.removeFirst(dropped)
                }
                #expect(sets[reader].pointee.count < limit)
            }
        }
        for reader in 0..<readers {
            #expect(sets.entries(reader) == models[reader].entries)
            #expect(sets[reader].pointee.count >= cap)
            #expect(sets.brokenInvariant(of: sets[reader]) == nil)
        }
        #expect(sets.brokenMemory == nil)
    }

    @Test(arguments: [0, 1, 23, 24, 25, 48, 49, 64, 65, 1000]) func everyReaderOfAListGetsTheEntry(count: Int) throws {
        let sets = try TestSets<UInt32>(count: 1001)
        let floors = try MappedTable<UInt32>(capacity: 1001, hugePages: false)
        let indices = (0..<count).map { UInt32($0) }
        for entry in [10, 20, 30, 15, 40] as [UInt32] {
            sets.insertIntoMany(entry, indices, cap: 800, floors: floors)
        }
        for reader in 0..<count { #expect(sets.entries(reader) == [10, 15, 20, 30, 40]) }
        #expect(sets[count].pointee.isEmpty)
    }

    @Test func aReaderThatIsListedTwiceGetsTheEntryOnce() throws {
        let sets = try TestSets<UInt32>(count: 3)
        let floors = try MappedTable<UInt32>(capacity: 3, hugePages: false)
        for entry in 1...2000 as ClosedRange<UInt32> {
            sets.insertIntoMany(entry, [1, 1, 2, 1], cap: 5000, floors: floors)
        }
        #expect(sets.entries(1) == Array(1...2000))
        #expect(sets.entries(2) == Array(1...2000))
    }

    @Test func anEntryBelowTheFloorOfAnEmptySetIsRefused() throws {
        let sets = try TestSets<UInt32>(count: 1)
        let floors = try MappedTable<UInt32>(capacity: 1, hugePages: false)
        floors.writable(0).pointee = 100
        for entry in [99, 100] as [UInt32] {
            sets.insertIntoMany(entry, [0], cap: 10, floors: floors)
        }
        #expect(sets.entries(0) == [100])
    }

    /// Batches of any size, late entries among them, must leave the same memory as one delivery after the other: what is
    /// put aside may not change the order in which things happen to a set.
    @Test(arguments: [50, 800], [1, 2, 3] as [UInt64]) func batchesChangeNothingButSpeed(cap: Int, seed: UInt64) throws
    {
        let readers = 40
        let batched = try TestSets<UInt32>(count: readers)
        let single = try TestSets<UInt32>(count: readers)
        let batchedFloors = try MappedTable<UInt32>(capacity: readers, hugePages: false)
        let singleFloors = try MappedTable<UInt32>(capacity: readers, hugePages: false)
        var random = SeededRandom(seed: seed)
        var batch: [Delivery] = []
        for post in 1...1500 as ClosedRange<UInt32> {
            let late = random.next() % 10 == 0
            let entry = late ? post * 4 - UInt32(random.next() % 200 % UInt64(post * 4)) : post * 4
            for reader in 0..<readers where random.next() % 4 != 0 {
                let delivery = Delivery(entry: entry, reader: UInt32(reader))
                batch.append(delivery)
                single.insertIntoMany([delivery], cap: cap, floors: singleFloors)
            }
            if random.next() % 7 == 0 {
                batched.insertIntoMany(batch, cap: cap, floors: batchedFloors)
                batch.removeAll()
            }
        }
        batched.insertIntoMany(batch, cap: cap, floors: batchedFloors)
        for reader in 0..<readers {
            #expect(batched.entries(reader) == single.entries(reader))
            #expect(batched.leafCount(of: batched[reader]) == single.leafCount(of: single[reader]))
            #expect(batchedFloors.rows[reader] == singleFloors.rows[reader])
            #expect(batched.brokenInvariant(of: batched[reader]) == nil)
        }
    }
}
