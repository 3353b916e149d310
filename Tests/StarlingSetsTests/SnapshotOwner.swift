import StarlingMemory
import StarlingSets
import StarlingSystem

/// An owner like the engine's: sets of all three sizes of entries, floors, and rows that lie across pages.
final class SnapshotOwner {
    let timelines: TestSets<UInt32>
    let floors: MappedTable<UInt32>
    let keyed: TestSets<KeyedValue32>
    let scored: TestSets<ScoredMember>
    let rows: MappedTable<ScoredMember>
    private var random: SeededRandom
    /// Out of 100 changes to a set, how many remove.
    var removals = 20
    private var post: UInt32 = 1000

    /// Headers; the sets in use lie far apart, so that they spread over pages.
    static let setCount = 1400
    private static let spread = 101
    private static let ranges: [UInt32] = [1, 3, 12, 60, 150, 400, 1500, 6000]
    private static let cap = 300

    init(seed: UInt64) throws {
        timelines = try TestSets(count: Self.setCount, seed: seed)
        floors = try MappedTable(capacity: Self.setCount, hugePages: false)
        keyed = try TestSets(count: Self.setCount, seed: seed)
        scored = try TestSets(count: Self.setCount, seed: seed)
        rows = try MappedTable(capacity: 20_000, hugePages: false)
        random = SeededRandom(seed: seed)
        floors.ensure(count: Self.setCount)
    }

    /// An owner whose regions hold `bytes`, and which does from here on what `other` does.
    init(loading bytes: [[UInt8]], as other: SnapshotOwner, seed: UInt64) throws {
        timelines = try TestSets(loading: Array(bytes[0..<3]), seed: seed)
        keyed = try TestSets(loading: Array(bytes[3..<6]), seed: seed)
        scored = try TestSets(loading: Array(bytes[6..<9]), seed: seed)
        floors = try MappedTable(capacity: Self.setCount, hugePages: false)
        rows = try MappedTable(capacity: 20_000, hugePages: false)
        for (region, used) in [(floors.region, bytes[9]), (rows.region, bytes[10])] {
            UnsafeMutableRawBufferPointer(start: region.base, count: region.byteCount).copyBytes(from: used)
        }
        floors.ensure(count: bytes[9].count / MemoryLayout<UInt32>.stride)
        rows.ensure(count: bytes[10].count / MemoryLayout<ScoredMember>.stride)
        random = other.random
        removals = other.removals
        post = other.post
    }

    var regions: [TrackedRegion] {
        timelines.regions + keyed.regions + scored.regions + [floors.region, rows.region]
    }

    var usedBytes: [Int] {
        timelines.usedBytes + keyed.usedBytes + scored.usedBytes + [floors.bytesInUse, rows.bytesInUse]
    }

    /// A random change to one of the parts.
    func change() {
        switch random.next() % 16 {
        case 0...3: change(timelines)
        case 4...7: change(keyed)
        case 8...12: change(scored)
        case 13: deliverOne()
        case 14: deliverMany()
        default: changeRow()
        }
    }

    private func below(_ bound: UInt64) -> UInt64 { random.next() % bound }

    private func change<Entry: TestEntry>(_ sets: TestSets<Entry>) {
        // Larger sets get more of the changes.
        let size = Int(max(below(8), below(8)))
        let range = Self.ranges[size]
        let set = sets[size * Self.spread]
        let entry = Entry.make(UInt32(below(UInt64(range))), UInt32(truncatingIfNeeded: random.next()))
        let choice = Int(below(2000))
        if choice == 0 {
            sets.removeAll(from: set)
        } else if choice < 12 {
            _ = sets.trim(set, toNewest: Int(below(UInt64(range))))
        } else if choice < 200 {
            _ = sets.replace(entry, in: set)
        } else if choice % 100 < removals {
            sets.remove(entry.key, from: set)
        } else {
            sets.insert(entry, into: set)
        }
    }

    /// Posts rise, and a few come late.
    private func nextPost() -> UInt32 {
        post += 8
        return below(6) == 0 ? post - UInt32(below(900)) : post
    }

    /// Timelines that only get deliveries: behind those that `change` uses.
    private func deliverOne() {
        let readers = (800..<Self.setCount).filter { _ in below(40) == 0 }.map { UInt32($0) }
        timelines.insertIntoMany(nextPost(), readers, cap: Self.cap, floors: floors)
    }

    private func deliverMany() {
        var deliveries: [Delivery] = []
        for _ in 0..<8 {
            let entry = nextPost()
            for _ in 0..<6 { deliveries.append(Delivery(entry: entry, reader: UInt32(1000 + below(6) * 77))) }
        }
        timelines.insertIntoMany(deliveries, cap: Self.cap, floors: floors)
    }

    private func changeRow() {
        if rows.count > 0, below(2) == 0 {
            rows.writable(Int(below(UInt64(rows.count)))).pointee.member = UInt32(truncatingIfNeeded: random.next())
        } else if below(20) == 0, rows.hasRoom(for: 3000) {
            rows.ensure(count: rows.count + Int(below(1500)))
        } else if rows.hasRoom(for: 1) {
            rows.append(ScoredMember(key: random.next(), member: 1))
        }
    }

    /// What is wrong with any set or arena, or nil.
    var brokenInvariant: String? {
        broken(timelines) ?? broken(keyed) ?? broken(scored)
    }

    private func broken<Entry: TestEntry>(_ sets: TestSets<Entry>) -> String? {
        for index in 0..<sets.headers.count {
            if let wrong = sets.arena.brokenInvariant(of: sets.headers.rows + index) { return "set \(index): \(wrong)" }
        }
        return sets.brokenMemory
    }
}
