import StarlingMemory
import StarlingSets
import StarlingSystem
import Testing

/// A cut lies between any two changes, so that each change by itself must announce every page that it writes, before it
/// writes: no other change announces the page for it.
@Suite struct AnnouncementTests {
    /// A cut between any two changes: each change by itself must announce every page that it writes.
    @Test(arguments: 1...4 as ClosedRange<UInt64>) func eachChangeAnnouncesAllItsPages(seed: UInt64) throws {
        try changeOneByOne(UInt32.self, seed)
        try changeOneByOne(KeyedValue32.self, seed)
        try changeOneByOne(ScoredMember.self, seed)
    }

    /// Sets that go to and fro between their forms, so that blocks are taken, moved, joined and given back all the time.
    private func changeOneByOne<Entry: TestEntry>(_ type: Entry.Type, _ seed: UInt64) throws {
        let ranges: [UInt32] = [2, 5, 40, 70, 130, 200, 260, 1800]
        let sets = try TestSets<Entry>(count: ranges.count, seed: seed)
        let taker = CutTaker(regions: sets.regions)
        var random = SeededRandom(seed: seed)
        for key in 0..<1800 as Range<UInt32> where random.next() % 2 == 0 {
            sets.insert(Entry.make(key, 0), into: sets[7])
        }
        for step in 0..<4000 {
            taker.begin(usedBytes: sets.usedBytes, takesAllPages: false)
            let index = Int(random.next() % UInt64(ranges.count))
            let entry = Entry.make(UInt32(random.next() % UInt64(ranges[index])), UInt32(step))
            let choice = random.next() % 400
            if choice == 0 {
                _ = sets.trim(sets[index], toNewest: Int(ranges[index] / 3))
            } else if choice < 20 {
                _ = sets.replace(entry, in: sets[index])
            } else if choice % 100 < (step % 1000 < 500 ? 25 : 75) {
                sets.remove(entry.key, from: sets[index])
            } else {
                sets.insert(entry, into: sets[index])
            }
            taker.finish()
        }
        #expect(taker.mistakes.isEmpty)
    }

    /// Leaves are started, links are made and the head node grows, one entry after the other; then all of it goes again.
    @Test(arguments: 1...4 as ClosedRange<UInt64>, [true, false])
    func eachStepOfAGrowingSetAnnouncesAllItsPages(seed: UInt64, ascending: Bool) throws {
        let sets = try TestSets<ScoredMember>(count: 1, seed: seed)
        let taker = CutTaker(regions: sets.regions)
        var random = SeededRandom(seed: seed)
        var keys = Array(0..<4500 as Range<UInt32>)
        if !ascending { keys.shuffle(using: &random) }
        for key in keys {
            taker.begin(usedBytes: sets.usedBytes, takesAllPages: false)
            sets.insert(ScoredMember.make(key, 1), into: sets[0])
            taker.finish()
        }
        keys.shuffle(using: &random)
        for key in keys {
            taker.begin(usedBytes: sets.usedBytes, takesAllPages: false)
            sets.remove(ScoredMember.make(key, 1).key, from: sets[0])
            taker.finish()
        }
        #expect(taker.mistakes.isEmpty)
    }

    /// The one change with which a set takes another form or another block, again and again, at all places in pages.
    @Test(arguments: 1...2 as ClosedRange<UInt64>) func eachChangeOfFormAnnouncesAllItsPages(seed: UInt64) throws {
        try changeForms(UInt32.self, seed)
        try changeForms(KeyedValue32.self, seed)
        try changeForms(ScoredMember.self, seed)
    }

    private func changeForms<Entry: TestEntry>(_ type: Entry.Type, _ seed: UInt64) throws {
        let capacity = SortedSetArena<Entry>.leafCapacity
        let sets = try TestSets<Entry>(count: 20, seed: seed)
        let taker = CutTaker(regions: sets.regions)
        var random = SeededRandom(seed: seed)
        for _ in 0..<1200 {
            let index = Int(random.next() % 20)
            let set = sets[index]
            let count = [0, 1, 2, 3, 4, 7, capacity / 4, capacity / 2, capacity, capacity * 2][Int(random.next() % 10)]
            // To a number of entries at which the next change is one of form, or near it; not under a cut.
            while set.pointee.count > count, let last = sets.last(of: set) { sets.remove(last.key, from: set) }
            while set.pointee.count < count { sets.insert(Entry.make(UInt32(random.next() % 4000), 1), into: set) }
            taker.begin(usedBytes: sets.usedBytes, takesAllPages: false)
            let writable = sets[index]
            if random.next() % 2 == 0 {
                sets.insert(Entry.make(UInt32(random.next() % 5000), 2), into: writable)
            } else if let last = sets.last(of: writable) {
                sets.remove(last.key, from: writable)
            }
            taker.finish()
        }
        #expect(taker.mistakes.isEmpty)
    }

    /// Deliveries, late ones and trims among them.
    @Test(arguments: 1...3 as ClosedRange<UInt64>, [true, false])
    func eachDeliveryAnnouncesAllItsPages(seed: UInt64, single: Bool) throws {
        let sets = try TestSets<UInt32>(count: 1200, seed: seed)
        let floors = try MappedTable<UInt32>(capacity: 1200, hugePages: false)
        floors.ensure(count: 1200)
        let taker = CutTaker(regions: sets.regions + [floors.region])
        var random = SeededRandom(seed: seed)
        for post in 1...3000 as ClosedRange<UInt32> {
            let entry = random.next() % 8 == 0 ? post * 4 - UInt32(random.next() % 400 % UInt64(post * 4)) : post * 4
            // Few readers, far apart: a page that one delivery forgets is not announced by another.
            let readers = [UInt32(random.next() % 6) * 220 + 3]
            taker.begin(usedBytes: sets.usedBytes + [floors.bytesInUse], takesAllPages: false)
            if single {
                sets.insertIntoMany(entry, readers, cap: 150, floors: floors)
            } else {
                sets.insertIntoMany(readers.map { Delivery(entry: entry, reader: $0) }, cap: 150, floors: floors)
            }
            taker.finish()
        }
        #expect(taker.mistakes.isEmpty)
    }
}
