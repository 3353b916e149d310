/// Questions to a set.
extension SortedSetArena {
    /// Whether there is an entry with `key`. O(log n).
    @inlinable
    public func contains(_ key: Entry.Key, in set: UnsafePointer<SortedSet>) -> Bool { locate(key, in: set) != nil }

    /// The entry with `key`. O(log n).
    @inlinable
    public func find(_ key: Entry.Key, in set: UnsafePointer<SortedSet>) -> Entry? { locate(key, in: set)?.pointee }

    /// The entry with the lowest key.
    @inlinable
    public func first(of set: UnsafePointer<SortedSet>) -> Entry? {
        if set.pointee.isEmpty { return nil }
        guard set.pointee.isLarge else { return packedEntries(set)[0] }
        return memory.entries(memory.header(set.pointee.head).pointee.next)[0]
    }

    /// The entry with the highest key. O(1).
    @inlinable
    public func last(of set: UnsafePointer<SortedSet>) -> Entry? {
        if set.pointee.isEmpty { return nil }
        return packedEntries(set)[Int(set.pointee.tailCount) &- 1]
    }

    /// Number of entries with a key below `key`. O(log n).
    @inlinable
    public func rank(of key: Entry.Key, in set: UnsafePointer<SortedSet>) -> Int {
        guard set.pointee.isLarge else {
            return Self.lowerBound(packedEntries(set), Int(set.pointee.tailCount), key)
        }
        let path = descend(set, to: key, inclusive: true)
        if path.leaf == set.pointee.head { return 0 }
        let count = memory.count(path.leaf, in: set)
        return Int(path.rank) &+ Self.lowerBound(memory.entries(path.leaf), count, key)
    }

    /// The entry that has exactly `rank` entries below it; nil when there are not so many. O(log n).
    @inlinable
    public func entry(atRank rank: Int, in set: UnsafePointer<SortedSet>) -> Entry? {
        guard rank >= 0, rank < set.pointee.count else { return nil }
        guard set.pointee.isLarge else { return packedEntries(set)[rank] }
        var node = set.pointee.head
        var before = 0
        var level = Int(memory.header(node).pointee.level)
        while level > 0 {
            level &-= 1
            while true {
                let link = memory.link(node, level).pointee
                guard link.next != 0, before &+ Int(link.span) <= rank else { break }
                before &+= Int(link.span)
                node = link.next
            }
        }
        var count = Int(memory.header(node).pointee.count)
        while node != set.pointee.tail, before &+ count <= rank {
            before &+= count
            node = memory.header(node).pointee.next
            count = Int(memory.header(node).pointee.count)
        }
        return memory.entries(node)[rank &- before]
    }
}
