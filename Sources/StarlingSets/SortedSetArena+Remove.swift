import StarlingMemory

/// Removal and trimming. Both move what is left of a set to a smaller block when that saves much; in a full arena they
/// leave it where it is, so that they never need room.
extension SortedSetArena {
    /// Removes the entry with `key`; false when there is none. O(log n), and a move of at most one leaf.
    @inlinable @inline(never) @discardableResult
    public func remove(_ key: Entry.Key, from set: UnsafeMutablePointer<SortedSet>) -> Bool {
        if set.pointee.isLarge { return removeFromLeaves(key, set) }
        let entries = packedEntries(set)
        let count = Int(set.pointee.tailCount)
        let position = Self.lowerBound(entries, count, key)
        guard position < count, entries[position].key == key else { return false }
        let place = writablePackedEntries(set, position..<count)
        Self.move(place + 1, to: place, count - position - 1)
        set.pointee.tailCount -= 1
        if !set.pointee.isInline {
            set.pointee.total -= 1
            shrinkBlock(set)
        } else if count == 1 {
            // An empty set is all zero, whatever was in it.
            set.pointee = SortedSet()
        }
        return true
    }

    /// Removes every entry and gives the memory back. Cost: a visit to each leaf.
    @inlinable @inline(never)
    public func removeAll(from set: UnsafeMutablePointer<SortedSet>) {
        if set.pointee.isLarge {
            var leaf = memory.header(set.pointee.head).pointee.next
            while leaf != 0 {
                let next = memory.header(leaf).pointee.next
                releaseLeaf(leaf)
                leaf = next
            }
            releaseHead(set.pointee.head)
        } else if !set.pointee.isInline {
            arena.free(set.pointee.tail, units: UInt32(set.pointee.blockUnits))
        }
        set.pointee = SortedSet()
    }

    /// Removes the lowest entries so that about the `cap` newest remain: exactly `cap` when the set is one block;
    /// otherwise the oldest leaves are dropped whole as long as at least `cap` entries remain, so that less than
    /// `cap + leafCapacity` are left. Returns the highest key that was dropped, or nil.
    @inlinable @inline(never) @discardableResult
    public func trim(_ set: UnsafeMutablePointer<SortedSet>, toNewest cap: Int) -> Entry.Key? {
        guard set.pointee.count > max(cap, 0) else { return nil }
        if cap <= 0 {
            let last = last(of: set)?.key
            removeAll(from: set)
            return last
        }
        if set.pointee.isLarge { return dropOldestLeaves(set, keeping: cap) }
        let entries = packedEntries(set)
        let dropped = Int(set.pointee.tailCount) - cap
        let key = entries[dropped - 1].key
        Self.move(entries + dropped, to: writablePackedEntries(set, 0..<cap), cap)
        set.pointee.tailCount = UInt8(cap)
        if !set.pointee.isInline {
            set.pointee.total = UInt32(cap)
            shrinkBlock(set)
        }
        return key
    }

    @inlinable
    func dropOldestLeaves(_ set: UnsafeMutablePointer<SortedSet>, keeping cap: Int) -> Entry.Key? {
        let path = TowerPath(head: set.pointee.head)
        var highest: Entry.Key?
        while true {
            let first = memory.header(set.pointee.head).pointee.next
            // The tail's own header may be behind the times, but the tail is never dropped: `cap` is at least 1.
            guard first != set.pointee.tail else { return highest }
            let count = memory.header(first).pointee.count
            guard Int(set.pointee.total) - Int(count) >= cap else { return highest }
            highest = memory.entries(first)[Int(count) - 1].key
            set.pointee.total -= count
            unlinkLeaf(set, after: path, removed: count)
        }
    }

    @inlinable
    func removeFromLeaves(_ key: Entry.Key, _ set: UnsafeMutablePointer<SortedSet>) -> Bool {
        settle(set)
        let path = descend(set, to: key, inclusive: true)
        guard path.leaf != set.pointee.head else { return false }
        let leaf = path.leaf
        let entries = memory.entries(leaf)
        let count = Int(memory.header(leaf).pointee.count)
        let position = Self.lowerBound(entries, count, key)
        guard position < count, entries[position].key == key else { return false }
        set.pointee.total -= 1
        if count == 1 {
            unlinkLeaf(set, after: descend(set, to: key, inclusive: false), removed: 1)
        } else {
            let place = memory.writableEntries(leaf, position..<count)
            Self.move(place + 1, to: place, count - position - 1)
            memory.writableHeader(leaf).pointee.count -= 1
            adjustSpans(set, path, by: -1)
            if count <= Self.leafCapacity / 2 { joinIfSparse(set, path) }
        }
        if set.pointee.total == 0 {
            releaseHead(set.pointee.head)
            set.pointee = SortedSet()
        } else {
            adoptTail(set)
            makeSmallIfSparse(set)
        }
        return true
    }

    /// Turns a large set of one leaf that is at most half full into a small one.
    @inlinable @inline(never)
    func makeSmallIfSparse(_ set: UnsafeMutablePointer<SortedSet>) {
        let leaf = set.pointee.tail
        guard Int(set.pointee.total) <= Self.leafCapacity / 2,
            memory.header(leaf).pointee.previous == set.pointee.head, arena.hasRoom(forBytes: Self.leafBytes)
        else { return }
        let count = Int(set.pointee.total)
        let units = Self.units(for: count + count / 4)
        let block = arena.allocate(units: UInt32(units))
        Self.move(memory.entries(leaf), to: memory.writableEntries(block, 0..<count), count)
        releaseLeaf(leaf)
        releaseHead(set.pointee.head)
        set.pointee.head = 0
        set.pointee.tail = block
        set.pointee.tailCapacity = UInt8(units * 16 / MemoryLayout<Entry>.stride)
        set.pointee.blockUnits = UInt8(units)
    }

    /// Gives back most of a block that is more than half empty; moves a few entries into the header.
    @inlinable
    func shrinkBlock(_ set: UnsafeMutablePointer<SortedSet>) {
        let count = Int(set.pointee.tailCount)
        if count == 0 || count < Self.inlineCapacity {
            let old = set.pointee
            set.pointee = SortedSet()
            set.pointee.tailCount = old.tailCount
            if count > 0 {
                Self.move(memory.entries(old.tail), to: writablePackedEntries(set, 0..<count), count)
            }
            arena.free(old.tail, units: UInt32(old.blockUnits))
        } else if Self.units(for: count) * 2 <= Int(set.pointee.blockUnits), arena.hasRoom(forBytes: Self.leafBytes) {
            moveToBlock(set, units: Self.units(for: count + count / 4))
        }
    }
}
