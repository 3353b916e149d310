import StarlingMemory
import StarlingSets
import StarlingSystem

/// An entry that a test can make from a key and a value; the value is lost where the entry has none.
protocol TestEntry: SortedSetEntry, Equatable {
    static func make(_ key: UInt32, _ value: UInt32) -> Self
}

extension UInt32: TestEntry {
    static func make(_ key: UInt32, _ value: UInt32) -> UInt32 { key }
}

extension KeyedValue32: TestEntry {
    static func make(_ key: UInt32, _ value: UInt32) -> KeyedValue32 { KeyedValue32(key: key, value: value) }
}

extension ScoredMember: TestEntry {
    // The factor spreads keys over both halves without changing their order.
    static func make(_ key: UInt32, _ value: UInt32) -> ScoredMember {
        ScoredMember(key: UInt64(key) * 0x1_0000_0001, member: value)
    }
}

/// Sets under test: headers at fixed addresses and an arena of moderate size. A class with the arena's methods, because
/// `#expect` cannot take calls of methods of values that cannot be copied.
final class TestSets<Entry: TestEntry> {
    typealias Header = UnsafeMutablePointer<SortedSet>

    let arena: SortedSetArena<Entry>
    let headers: MappedTable<SortedSet>

    init(count: Int, seed: UInt64 = 1) throws {
        arena = SortedSetArena(arena: try Arena(reservedBytes: 1 << 30, hugePages: false), seed: seed)
        headers = try MappedTable(capacity: count, hugePages: false)
        headers.ensure(count: count)
    }

    /// Sets in memory that is mapped or copied from elsewhere: `bytes` are the used bytes of `regions`.
    init(loading bytes: [[UInt8]], seed: UInt64 = 1) throws {
        arena = SortedSetArena(arena: try Arena(reservedBytes: 1 << 30, hugePages: false), seed: seed)
        let rows = bytes[0].count / MemoryLayout<SortedSet>.stride
        headers = try MappedTable(capacity: rows, hugePages: false)
        headers.ensure(count: rows)
        for (region, used) in zip(regions, bytes) {
            UnsafeMutableRawBufferPointer(start: region.base, count: region.byteCount).copyBytes(from: used)
        }
        try arena.arena.adoptLoadedPages(usedBytes: bytes[1].count)
    }

    /// What a snapshot stores: the headers, the arena and its marks.
    var regions: [TrackedRegion] { [headers.region, arena.arena.memory, arena.arena.marks] }

    /// How much of each of `regions` is in use.
    var usedBytes: [Int] { [headers.bytesInUse, arena.arena.bytesTouched, arena.arena.markBytes] }

    /// The used bytes of `regions`.
    var contents: [[UInt8]] {
        zip(regions, usedBytes).map { Array(UnsafeRawBufferPointer(start: $0.base, count: $1)) }
    }

    /// A set's header, announced to be changed.
    subscript(index: Int) -> Header { headers.writable(index) }

    func entries(_ index: Int) -> [Entry] { Array(arena.ascending(headers.rows + index)) }

    var bytesInUse: Int { arena.arena.bytesInUse }
    var bytesTouched: Int { arena.arena.bytesTouched }
    var brokenMemory: String? { arena.arena.brokenInvariant() }

    @discardableResult
    func insert(_ entry: Entry, into set: Header) -> Bool { arena.insert(entry, into: set) }
    func replace(_ entry: Entry, in set: Header) -> Entry? { arena.replace(entry, in: set) }
    @discardableResult
    func remove(_ key: Entry.Key, from set: Header) -> Bool { arena.remove(key, from: set) }
    func removeAll(from set: Header) { arena.removeAll(from: set) }
    func trim(_ set: Header, toNewest cap: Int) -> Entry.Key? { arena.trim(set, toNewest: cap) }
    func first(of set: Header) -> Entry? { arena.first(of: set) }
    func last(of set: Header) -> Entry? { arena.last(of: set) }
    func find(_ key: Entry.Key, in set: Header) -> Entry? { arena.find(key, in: set) }
    func contains(_ key: Entry.Key, in set: Header) -> Bool { arena.contains(key, in: set) }
    func rank(of key: Entry.Key, in set: Header) -> Int { arena.rank(of: key, in: set) }
    func entry(atRank rank: Int, in set: Header) -> Entry? { arena.entry(atRank: rank, in: set) }
    func descending(_ set: Header) -> DescendingEntries<Entry> { arena.descending(set) }
    func ascending(_ set: Header, from key: Entry.Key) -> AscendingEntries<Entry> { arena.ascending(set, from: key) }
    func ascending(_ set: Header, above key: Entry.Key) -> AscendingEntries<Entry> { arena.ascending(set, above: key) }
    func descending(_ set: Header, from key: Entry.Key) -> DescendingEntries<Entry> {
        arena.descending(set, from: key)
    }
    func descending(_ set: Header, below key: Entry.Key) -> DescendingEntries<Entry> {
        arena.descending(set, below: key)
    }
    func blocks(_ set: Header, from key: Entry.Key) -> AscendingBlocks<Entry> { arena.blocks(set, from: key) }
    func leafCount(of set: Header) -> Int { arena.leafCount(of: set) }
    func searchSteps(to key: Entry.Key, in set: Header) -> Int { arena.searchSteps(to: key, in: set) }
    func brokenInvariant(of set: Header) -> String? { arena.brokenInvariant(of: set) }
}

extension TestSets<UInt32> {
    func insertIntoMany(_ entry: UInt32, _ readers: [UInt32], cap: Int, floors: MappedTable<UInt32>) {
        arena.insertIntoMany(
            entry, sets: headers, readers: readers, count: readers.count, cap: cap, floors: floors)
    }

    func insertIntoMany(_ deliveries: [Delivery], cap: Int, floors: MappedTable<UInt32>) {
        arena.insertIntoMany(deliveries, count: deliveries.count, sets: headers, cap: cap, floors: floors)
    }
}

/// The plain truth: a sorted array.
struct SetModel<Entry: TestEntry> {
    var entries: [Entry] = []

    func position(_ key: Entry.Key) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func find(_ key: Entry.Key) -> Entry? {
        let place = position(key)
        return place < entries.count && entries[place].key == key ? entries[place] : nil
    }

    mutating func insert(_ entry: Entry) -> Bool {
        let place = position(entry.key)
        if place < entries.count, entries[place].key == entry.key { return false }
        entries.insert(entry, at: place)
        return true
    }

    mutating func replace(_ entry: Entry) -> Entry? {
        guard let old = find(entry.key) else { return nil }
        entries[position(entry.key)] = entry
        return old
    }

    mutating func remove(_ key: Entry.Key) -> Bool {
        guard find(key) != nil else { return false }
        entries.remove(at: position(key))
        return true
    }
}
