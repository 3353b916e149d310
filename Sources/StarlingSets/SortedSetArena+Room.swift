import StarlingMemory

/// How much of the arena's `allocationsLeft` an operation takes at most, so that an owner can refuse work before a set runs
/// out of memory in the middle of a change.
extension SortedSetArena {
    /// Of one insertion. A small set that becomes a large one allocates a head node and a leaf; then, as any large set may,
    /// one more leaf, and a taller head node for its tower.
    @inlinable @inline(__always)
    public static var allocationsPerInsert: Int { 4 }

    /// Of one removal: what is left may move to a smaller block. In a full arena it stays where it is, so a removal never
    /// needs room; but it may take it from others.
    @inlinable @inline(__always)
    public static var allocationsPerRemove: Int { 1 }

    /// Of `count` insertions into one set from which nothing is removed but by `trim`, whenever it has `limit` entries.
    ///
    /// However many they are, the set moves through 15 sizes of a small block, becomes large with 2 blocks, and its head node
    /// grows 6 times. Leaves that trims give back serve the next ones, so of these only as many count as there are at
    /// a time: each but the first and the last is at least three eighths full, because only a full leaf is split, in halves,
    /// or gives an eighth to a neighbour, and towers take at most a quarter of a leaf.
    @inlinable
    public static func allocations(insertions count: Int, limit: Int) -> Int {
        min(count * allocationsPerInsert, 15 + 2 + 6 + limit / (leafCapacity * 3 / 8) + 4)
    }
}
