/// Finding places in large sets.
extension SortedSetArena {
    /// Descends to the last leaf whose first key is at most `key` (`inclusive`) or below it, or to the head node.
    /// O(log n) node visits.
    @inlinable
    func descend(_ set: UnsafePointer<SortedSet>, to key: Entry.Key, inclusive: Bool) -> TowerPath {
        var path = TowerPath(head: set.pointee.head)
        var node = set.pointee.head
        var rank: UInt32 = 0
        var level = Int(memory.header(node).pointee.level)
        while level > 0 {
            level &-= 1
            while true {
                let link = memory.link(node, level).pointee
                guard link.next != 0, isBefore(link.next, key, inclusive) else { break }
                rank &+= link.span
                node = link.next
            }
            path.nodes[level] = node
            path.ranks[level] = rank
        }
        while true {
            let next = memory.header(node).pointee.next
            guard next != 0, isBefore(next, key, inclusive) else { break }
            rank &+= memory.header(node).pointee.count
            node = next
        }
        path.leaf = node
        path.rank = rank
        return path
    }

    @inlinable @inline(__always)
    func isBefore(_ leaf: UInt32, _ key: Entry.Key, _ inclusive: Bool) -> Bool {
        let first = memory.firstKey(leaf)
        return inclusive ? first <= key : first < key
    }

    /// Descends to the leaf in which `key` is or would be: the first leaf also for keys below all others.
    @inlinable
    func descendToLeaf(_ set: UnsafePointer<SortedSet>, for key: Entry.Key) -> TowerPath {
        var path = descend(set, to: key, inclusive: true)
        guard path.leaf == set.pointee.head else { return path }
        let first = memory.header(path.leaf).pointee.next
        path.leaf = first
        for level in 0..<Int(memory.header(first).pointee.level) { path.nodes[level] = first }
        return path
    }

    /// The block in which `key` is or would be, with its number of entries. Looks at the tail before it searches.
    @inlinable
    func block(
        _ set: UnsafePointer<SortedSet>, for key: Entry.Key
    ) -> (entries: UnsafePointer<Entry>, count: Int, node: UInt32) {
        guard set.pointee.isLarge else { return (packedEntries(set), Int(set.pointee.tailCount), 0) }
        let tail = set.pointee.tail
        if key >= memory.firstKey(tail) { return (memory.entries(tail), Int(set.pointee.tailCount), tail) }
        let leaf = descendToLeaf(set, for: key).leaf
        return (memory.entries(leaf), memory.count(leaf, in: set), leaf)
    }

    /// The place of the entry with `key`, or nil.
    @inlinable
    func locate(_ key: Entry.Key, in set: UnsafePointer<SortedSet>) -> UnsafePointer<Entry>? {
        let (entries, count, _) = block(set, for: key)
        let position = Self.lowerBound(entries, count, key)
        return position < count && entries[position].key == key ? entries + position : nil
    }
}
