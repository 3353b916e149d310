import StarlingMemory

/// Insertion. The append is short and inlined; everything else is out of line.
extension SortedSetArena {
    /// Adds an entry; false, and no change, when its key is there already.
    ///
    /// A key above all others costs a compare and a store, and once in a leaf an allocation. Any other costs O(log n) and
    /// a move of at most one leaf. Takes at most `maximumBytesPerInsert` from the arena, which must have that room.
    @inlinable @inline(__always) @discardableResult
    public func insert(_ entry: Entry, into set: UnsafeMutablePointer<SortedSet>) -> Bool {
        let count = set.pointee.tailCount
        if count < set.pointee.tailCapacity {
            let end = memory.entries(set.pointee.tail) + Int(count)
            if (end - 1).pointee.key < entry.key {
                memory.writable(end).pointee = entry
                set.pointee.tailCount = count &+ 1
                set.pointee.total &+= 1
                return true
            }
        }
        return insertSlowly(entry, into: set)
    }

    /// Replaces the entry that has the same key and returns the old one; nil, and no change, when there is none.
    @inlinable @discardableResult
    public func replace(_ entry: Entry, in set: UnsafeMutablePointer<SortedSet>) -> Entry? {
        guard let place = locate(entry.key, in: set) else { return nil }
        let old = place.pointee
        // The entry of an inline set lies in the header, which the caller announced.
        let changed = set.pointee.isInline ? UnsafeMutablePointer(mutating: place) : memory.writable(place)
        changed.pointee = entry
        return old
    }

    @inlinable @inline(never)
    func insertSlowly(_ entry: Entry, into set: UnsafeMutablePointer<SortedSet>) -> Bool {
        if set.pointee.isLarge { return insertIntoLeaves(entry, set) }
        let count = Int(set.pointee.tailCount)
        let position = Self.lowerBound(packedEntries(set), count, entry.key)
        if position < count, packedEntries(set)[position].key == entry.key { return false }
        let capacity = set.pointee.isInline ? Self.inlineCapacity : Int(set.pointee.tailCapacity)
        if count == capacity {
            let units = Int(set.pointee.blockUnits)
            if units == Self.maximumSmallUnits {
                makeLarge(set)
                return insertIntoLeaves(entry, set)
            }
            let grown = max(units + max(units / 4, 1), Self.units(for: count + 1))
            moveToBlock(set, units: min(grown, Self.maximumSmallUnits))
        }
        insertAt(writablePackedEntries(set, position..<count + 1), entry, moving: count - position)
        set.pointee.tailCount += 1
        if !set.pointee.isInline { set.pointee.total += 1 }
        return true
    }

    /// Puts `entry` at `place` and moves the `count` entries there up by one; all of it was announced.
    @inlinable @inline(__always)
    func insertAt(_ place: UnsafeMutablePointer<Entry>, _ entry: Entry, moving count: Int) {
        Self.move(place, to: place + 1, count)
        place.pointee = entry
    }

    /// Moves the entries of an inline or small set to a block of `units`.
    @inlinable @inline(never)
    func moveToBlock(_ set: UnsafeMutablePointer<SortedSet>, units: Int) {
        let old = set.pointee
        let block = arena.allocate(units: UInt32(units))
        let count = Int(old.tailCount)
        Self.move(packedEntries(set), to: memory.writableEntries(block, 0..<count), count)
        set.pointee.head = 0
        set.pointee.tail = block
        set.pointee.total = UInt32(old.tailCount)
        set.pointee.tailCapacity = UInt8(units * 16 / MemoryLayout<Entry>.stride)
        set.pointee.blockUnits = UInt8(units)
        if !old.isInline { arena.free(old.tail, units: UInt32(old.blockUnits)) }
    }

    /// Turns a small set into a large one of one leaf.
    @inlinable @inline(never)
    func makeLarge(_ set: UnsafeMutablePointer<SortedSet>) {
        let old = set.pointee
        let head = makeHead(level: 2)
        let leaf = makeLeaf(level: 0)
        let count = Int(old.tailCount)
        Self.move(memory.entries(old.tail), to: memory.writableEntries(leaf, 0..<count), count)
        arena.free(old.tail, units: UInt32(old.blockUnits))
        memory.writableHeader(head).pointee.next = leaf
        let header = memory.writableHeader(leaf)
        header.pointee.previous = head
        header.pointee.count = UInt32(count)
        set.pointee.head = head
        set.pointee.tail = leaf
        set.pointee.blockUnits = 0
        adoptTail(set)
    }

    @inlinable @inline(never)
    func insertIntoLeaves(_ entry: Entry, _ set: UnsafeMutablePointer<SortedSet>) -> Bool {
        let key = entry.key
        let tail = set.pointee.tail
        // Asked first, because the end of the tail is in the cache and its beginning may not be.
        if set.pointee.tailCount == set.pointee.tailCapacity,
            memory.entries(tail)[Int(set.pointee.tailCount) &- 1].key < key
        {
            appendLeaf(entry, set)
            return true
        }
        // Entries that come a little late belong to the tail. No link leads over it, so no search is needed.
        if key >= memory.firstKey(tail) {
            let count = Int(set.pointee.tailCount)
            let entries = memory.entries(tail)
            let position = Self.lowerBound(entries, count, key)
            if position < count, entries[position].key == key { return false }
            if count < Int(set.pointee.tailCapacity) {
                insertAt(memory.writableEntries(tail, position..<count + 1), entry, moving: count - position)
                set.pointee.tailCount += 1
                set.pointee.total += 1
                return true
            }
        }
        settle(set)
        let isNew = insertBySearch(entry, set)
        adoptTail(set)
        return isNew
    }

    /// Starts a new tail with `entry`, whose key is above all others, and leaves the old tail as it is.
    @inlinable @inline(never)
    func appendLeaf(_ entry: Entry, _ set: UnsafeMutablePointer<SortedSet>) {
        precondition(set.pointee.total < UInt32.max - 1024, "a set holds at most four billion entries")
        settle(set)
        var path: TowerPath
        if towerLevel(for: entry.key) == 0 {
            // Without a tower the new leaf is on no path.
            path = TowerPath(head: set.pointee.head)
            path.leaf = set.pointee.tail
        } else {
            path = descend(set, to: entry.key, inclusive: true)
        }
        beginLeaf(linkNewLeaf(set, firstKey: entry.key, &path), with: entry)
        set.pointee.total += 1
        adoptTail(set)
    }

    @inlinable @inline(never)
    func insertBySearch(_ entry: Entry, _ set: UnsafeMutablePointer<SortedSet>) -> Bool {
        let key = entry.key
        // At most two rounds: room is made on both sides of the place at which the leaf is full.
        while true {
            var path = descendToLeaf(set, for: key)
            let leaf = path.leaf
            let header = memory.header(leaf).pointee
            let count = Int(header.count)
            let position = Self.lowerBound(memory.entries(leaf), count, key)
            if position < count, memory.entries(leaf)[position].key == key { return false }
            if count < Int(header.capacity) {
                insertAt(memory.writableEntries(leaf, position..<count + 1), entry, moving: count - position)
                memory.writableHeader(leaf).pointee.count += 1
                adjustSpans(set, path, by: 1)
                set.pointee.total += 1
                return true
            }
            if position == 0, header.previous == set.pointee.head {
                prependLeaf(entry, set)
                return true
            }
            makeRoom(set, &path)
        }
    }

    /// Starts a new first leaf with `entry`, whose key is below all others.
    @inlinable @inline(never)
    func prependLeaf(_ entry: Entry, _ set: UnsafeMutablePointer<SortedSet>) {
        var path = TowerPath(head: set.pointee.head)
        adjustSpans(set, path, by: 1)
        beginLeaf(linkNewLeaf(set, firstKey: entry.key, &path), with: entry)
        set.pointee.total += 1
    }

    /// Puts the first entry into a new leaf.
    @inlinable @inline(__always)
    func beginLeaf(_ leaf: UInt32, with entry: Entry) {
        memory.writable(memory.entries(leaf)).pointee = entry
        memory.writableHeader(leaf).pointee.count = 1
    }
}
