import StarlingMemory
import StarlingSystem

/// Very many sorted sets of small entries in one arena: timelines, follower lists, followee lists.
///
/// A set is an unrolled skip list: leaves of packed entries, ascending, keys unique; towers of links on about one leaf in
/// four (Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990, and his "A skip list cookbook" for the
/// spans that give ranks). Sets of up to one leaf are a plain packed array, and the tiniest lie in their header; see
/// `SortedSet`.
///
/// How high a leaf's tower is follows from a hash of its first key and the arena's seed. So what happens to a set depends
/// on the operations on it alone, not on its neighbours in the arena: the same timeline is cut at the same place however
/// the readers are spread over workers.
///
/// Every method that changes a set takes a pointer to its header, which must be aligned to 4 bytes and must not move
/// while a cursor or a block of it is in use. Any change to a set ends its cursors and blocks.
///
/// What changes in the arena is announced to its `WriteBarrier` here. The header is the caller's: where a snapshot stores
/// it, its page is announced before the call, as `MappedTable.writable` does, and no cut begins between the two.
///
/// Owned by one thread; never locked. Like `Arena`, methods do not mutate the value itself.
public struct SortedSetArena<Entry: SortedSetEntry>: ~Copyable {
    /// The memory of the sets. Its `memory`, its `marks` and the headers are all there is to store.
    public let arena: Arena
    @usableFromInline let memory: NodeMemory<Entry>
    @usableFromInline let seed: UInt64

    /// Entries in a leaf without links: 124 of 4 bytes, 62 of 8, 41 of 12.
    @inlinable @inline(__always)
    public static var leafCapacity: Int { (leafBytes &- nodeHeaderBytes) / MemoryLayout<Entry>.stride }

    /// The most bytes that one insertion can take from the arena, for `Arena.hasRoom(forBytes:)`: two leaves when a small
    /// set becomes a large one, and a head node.
    @inlinable
    public static var maximumBytesPerInsert: Int { 2 * leafBytes + 128 }

    /// Puts sets into `arena`. The same `seed` must be given again when the arena is read back.
    public init(arena: consuming Arena, seed: UInt64) {
        precondition(
            MemoryLayout<Entry>.alignment <= 4 && MemoryLayout<Entry>.stride == MemoryLayout<Entry>.size
                && [4, 8, 12].contains(MemoryLayout<Entry>.size),
            "an entry has 4, 8 or 12 bytes and an alignment of at most 4")
        memory = NodeMemory(base: arena.base, barrier: arena.barrier)
        self.arena = arena
        self.seed = seed
    }

    @inlinable @inline(__always) static var leafBytes: Int { 512 }
    @inlinable @inline(__always) static var nodeHeaderBytes: Int { 16 }
    /// Links of the highest tower: enough for 4^14 leaves.
    @inlinable @inline(__always) static var maximumLevel: Int { 14 }
    /// Entries in the header of an inline set.
    @inlinable @inline(__always) static var inlineCapacity: Int { 12 / MemoryLayout<Entry>.stride }
    /// Size of the largest small set's block; one unit less than a leaf, so that it fills exactly a leaf without links.
    @inlinable @inline(__always) static var maximumSmallUnits: Int { 31 }

    /// Units that `level` links take, below a node's header.
    @inlinable @inline(__always)
    static func linkUnits(_ level: Int) -> Int { (level &+ 1) / 2 }

    /// Units of a block for `count` entries.
    @inlinable @inline(__always)
    static func units(for count: Int) -> Int { (count &* MemoryLayout<Entry>.stride &+ 15) / 16 }

    /// Height of the tower on a leaf whose first key is `key`: at least n with probability 4^-n.
    @inlinable
    func towerLevel(for key: Entry.Key) -> Int {
        var random = SeededRandom(seed: seed ^ UInt64(truncatingIfNeeded: key))
        return min(random.next().trailingZeroBitCount / 2, Self.maximumLevel)
    }

    /// The entries of a set that is not large: in its header or in its one block.
    @inlinable @inline(__always)
    func packedEntries(_ set: UnsafePointer<SortedSet>) -> UnsafePointer<Entry> {
        if set.pointee.isInline { return UnsafeRawPointer(set).assumingMemoryBound(to: Entry.self) }
        return memory.entries(set.pointee.tail)
    }

    /// The entries at `places` (at least one) of a set that is not large, about to change. Returns the first of them.
    @inlinable @inline(__always)
    func writablePackedEntries(
        _ set: UnsafeMutablePointer<SortedSet>, _ places: Range<Int>
    ) -> UnsafeMutablePointer<Entry> {
        if set.pointee.isInline {
            return UnsafeMutableRawPointer(set).assumingMemoryBound(to: Entry.self) + places.lowerBound
        }
        return memory.writableEntries(set.pointee.tail, places)
    }

    /// The first place in `entries` whose key is not below `key`, or `count`. Without branches that depend on keys.
    @inlinable @inline(__always)
    static func lowerBound(_ entries: UnsafePointer<Entry>, _ count: Int, _ key: Entry.Key) -> Int {
        var low = 0
        var length = count
        while length > 1 {
            let half = length &>> 1
            low = entries[low &+ half &- 1].key < key ? low &+ half : low
            length &-= half
        }
        return length == 1 && entries[low].key < key ? low &+ 1 : low
    }

    /// Moves `count` entries inside of a block or between blocks; they may overlap. `target` was announced.
    @inlinable @inline(__always)
    static func move(_ source: UnsafePointer<Entry>, to target: UnsafeMutablePointer<Entry>, _ count: Int) {
        UnsafeMutableRawPointer(target).copyMemory(
            from: UnsafeRawPointer(source), byteCount: count &* MemoryLayout<Entry>.stride)
    }
}
