import CStarling
import StarlingMemory

/// Fan-out: entries into many sets.
///
/// The cost of a delivery is its cache misses. For an append they are the header and the line at the end of the tail; both
/// addresses follow from the list of readers, so they are asked for some deliveries ahead. About one delivery in sixty
/// needs more (a new leaf, a trim, a late entry): a handful of misses that depend on each other. Those are put aside and
/// done together, step by step for all of them, so that their misses overlap as well.
///
/// What happens to one set happens in the order of the list, whatever is put aside: a set that needed more than an append
/// needs it again until that was done. Only a late entry could be overtaken, or overtake; it empties what was put aside
/// first.
extension SortedSetArena where Entry == UInt32 {
    /// Inserts `entry` into `sets[i]` for each of the `count` numbers i in `readers`, and keeps the sets near `cap`
    /// entries: a set that reaches `cap + leafCapacity` is trimmed as by `trim(_:toNewest:)`, and `floors[i]` becomes the
    /// highest key that was dropped, plus one. Below its floor a set is not complete, so an entry below `floors[i]` is not
    /// inserted. An entry that is there already is left alone. Returns how many deliveries were below a floor.
    ///
    /// `readers` may be in any order; ascending is fastest. `cap` is at least 1; the key `UInt32.max` must not be used, as
    /// there is no floor above it. Takes at most `count * maximumBytesPerInsert` bytes from the arena, which must have
    /// that room. What changes in the tables is announced here. Allocates nothing, counts no references, locks nothing.
    @inline(never) @discardableResult
    public func insertIntoMany(
        _ entry: UInt32, sets: MappedTable<SortedSet>, readers: UnsafePointer<UInt32>, count: Int, cap: Int,
        floors: MappedTable<UInt32>
    ) -> Int {
        precondition(entry != UInt32.max, "the highest key has no floor above it")
        let target = FanOutTarget(sets: sets, floors: floors, cap: cap, leafCapacity: Self.leafCapacity)
        return insertAll(OneEntry(entry: entry, readers: readers), count, target)
    }

    /// As `insertIntoMany(_:sets:readers:count:cap:floors:)`, for deliveries of many entries: what most authors have is a
    /// list too short to hide a cache miss, so several posts are better delivered in one call. The deliveries to one set
    /// are made in the order of the list.
    @inline(never) @discardableResult
    public func insertIntoMany(
        _ deliveries: UnsafePointer<Delivery>, count: Int, sets: MappedTable<SortedSet>, cap: Int,
        floors: MappedTable<UInt32>
    ) -> Int {
        let target = FanOutTarget(sets: sets, floors: floors, cap: cap, leafCapacity: Self.leafCapacity)
        return insertAll(ManyEntries(deliveries: deliveries), count, target)
    }

    @inline(__always)
    private func insertAll<Source: DeliverySource>(_ source: Source, _ count: Int, _ target: FanOutTarget) -> Int {
        guard count > 0 else { return 0 }
        var below = 0
        let headersEnd = count - headerDistance
        let tailsEnd = count - tailDistance
        let trimAt = target.limit &- 1
        let entriesBarrier = LoopBarrier(arena.barrier)
        let setsBarrier = LoopBarrier(target.setsBarrier)
        var aside = DeliveriesPutAside()
        for index in 0..<min(count, headerDistance) {
            starling_prefetch_write(target.sets + Int(source[index].reader))
        }
        for index in 0..<min(count, tailDistance) { prefetchTail(target.sets + Int(source[index].reader)) }
        for index in 0..<count {
            if index < headersEnd {
                starling_prefetch_write(target.sets + Int(source[index &+ headerDistance].reader))
            }
            if index < tailsEnd { prefetchTail(target.sets + Int(source[index &+ tailDistance].reader)) }
            let delivery = source[index]
            let set = target.sets + Int(delivery.reader)
            let header = set.pointee
            var isLate = false
            if header.tailCount < header.tailCapacity, header.total < trimAt {
                let end = memory.entries(header.tail) + Int(header.tailCount)
                if (end - 1).pointee < delivery.entry {
                    entriesBarrier.willWrite(end)
                    setsBarrier.willWrite(set)
                    UnsafeMutablePointer(mutating: end).pointee = delivery.entry
                    SortedSet.countAppended(UnsafeMutablePointer(mutating: set))
                    continue
                }
                isLate = true
            }
            if aside.add(delivery) || (isLate && !Source.isOneEntry) { below &+= deliver(&aside, target) }
        }
        return below &+ deliver(&aside, target)
    }

    @inline(__always)
    private func prefetchTail(_ set: UnsafePointer<SortedSet>) {
        // Of an inline set this is some address inside or outside of the arena: a prefetch never faults.
        starling_prefetch_write(memory.entries(set.pointee.tail) + Int(set.pointee.tailCount))
    }

    /// Makes the deliveries that were put aside, in their order. Returns how many were below a floor.
    @inline(never)
    private func deliver(_ aside: inout DeliveriesPutAside, _ target: FanOutTarget) -> Int {
        for index in 0..<aside.count {
            let reader = Int(aside.deliveries[index].reader)
            starling_prefetch_write(target.floors + reader)
            starling_prefetch_write(memory.header(target.sets[reader].tail))
            starling_prefetch_write(memory.header(target.sets[reader].head))
        }
        // What a trim touches: the head node, the first leaf (its header and its last entries), the second leaf.
        for index in 0..<aside.count {
            guard let first = leafToDrop(aside.deliveries[index], target) else { continue }
            starling_prefetch_write(memory.header(first))
            starling_prefetch_read(memory.entries(first) + (Self.leafCapacity - 1))
        }
        for index in 0..<aside.count {
            guard let first = leafToDrop(aside.deliveries[index], target) else { continue }
            starling_prefetch_write(memory.header(memory.header(first).pointee.next))
        }
        var below = 0
        for index in 0..<aside.count where !deliverSlowly(aside.deliveries[index], target) { below &+= 1 }
        aside.count = 0
        return below
    }

    /// The first leaf of a large set that is about to be trimmed.
    @inline(__always)
    private func leafToDrop(_ delivery: Delivery, _ target: FanOutTarget) -> UInt32? {
        let set = target.sets + Int(delivery.reader)
        guard set.pointee.isLarge, set.pointee.total >= target.limit - 1 else { return nil }
        return memory.header(set.pointee.head).pointee.next
    }

    /// False when the entry is below the floor.
    private func deliverSlowly(_ delivery: Delivery, _ target: FanOutTarget) -> Bool {
        guard delivery.entry >= target.floors[Int(delivery.reader)] else { return false }
        let set = target.writableSet(delivery.reader)
        guard insert(delivery.entry, into: set) else { return true }
        guard set.pointee.count >= target.limit, let dropped = trim(set, toNewest: target.cap) else { return true }
        target.writableFloor(delivery.reader).pointee = dropped + 1
        return true
    }
}

/// How many deliveries ahead headers are asked for.
@inline(__always) private var headerDistance: Int { 48 }
/// How many deliveries ahead the ends of tails are asked for; their headers have come by then.
@inline(__always) private var tailDistance: Int { 24 }

/// One entry for one reader.
@frozen
public struct Delivery: BitwiseCopyable, Sendable {
    /// The entry; not `UInt32.max`.
    public var entry: UInt32
    /// The number of the set that gets it.
    public var reader: UInt32

    /// Creates a delivery.
    @inlinable @inline(__always)
    public init(entry: UInt32, reader: UInt32) {
        self.entry = entry
        self.reader = reader
    }
}

/// Where deliveries go: the tables' addresses and barriers, so that no reference is counted for a delivery.
private struct FanOutTarget {
    let sets: UnsafePointer<SortedSet>
    let floors: UnsafePointer<UInt32>
    let setsBarrier: WriteBarrier
    let floorsBarrier: WriteBarrier
    let cap: Int
    /// The number of entries at which a set is trimmed.
    let limit: Int

    init(sets: MappedTable<SortedSet>, floors: MappedTable<UInt32>, cap: Int, leafCapacity: Int) {
        precondition(cap >= 1 && cap <= Int(UInt32.max) - 2 * leafCapacity, "a cap is at least one entry")
        self.sets = sets.rows
        self.floors = floors.rows
        setsBarrier = sets.barrier
        floorsBarrier = floors.barrier
        self.cap = cap
        limit = cap + leafCapacity
    }

    /// A set's header, about to change. Headers of 16 bytes never lie across two pages.
    @inline(__always)
    func writableSet(_ reader: UInt32) -> UnsafeMutablePointer<SortedSet> {
        let set = sets + Int(reader)
        setsBarrier.willWrite(set)
        return UnsafeMutablePointer(mutating: set)
    }

    /// A floor, about to change.
    @inline(__always)
    func writableFloor(_ reader: UInt32) -> UnsafeMutablePointer<UInt32> {
        let floor = floors + Int(reader)
        floorsBarrier.willWrite(floor)
        return UnsafeMutablePointer(mutating: floor)
    }
}

private protocol DeliverySource {
    static var isOneEntry: Bool { get }
    subscript(index: Int) -> Delivery { get }
}

private struct OneEntry: DeliverySource {
    let entry: UInt32
    let readers: UnsafePointer<UInt32>

    @inline(__always) static var isOneEntry: Bool { true }
    @inline(__always) subscript(index: Int) -> Delivery { Delivery(entry: entry, reader: readers[index]) }
}

private struct ManyEntries: DeliverySource {
    let deliveries: UnsafePointer<Delivery>

    @inline(__always) static var isOneEntry: Bool { false }
    @inline(__always) subscript(index: Int) -> Delivery { deliveries[index] }
}

/// Deliveries that are more than an append.
private struct DeliveriesPutAside {
    var deliveries = InlineArray<64, Delivery>(repeating: Delivery(entry: 0, reader: 0))
    var count = 0

    /// Adds one; true when there is no room for another.
    @inline(__always)
    mutating func add(_ delivery: Delivery) -> Bool {
        deliveries[count] = delivery
        count &+= 1
        return count == 64
    }
}
