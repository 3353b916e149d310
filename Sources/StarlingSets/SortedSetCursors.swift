import CStarling

/// Walks a set from a bound towards higher keys. Reads the set in place: valid until the set changes.
@frozen
public struct AscendingEntries<Entry: SortedSetEntry>: Sequence, IteratorProtocol {
    @usableFromInline let memory: NodeMemory<Entry>
    @usableFromInline let set: UnsafePointer<SortedSet>
    @usableFromInline var entries: UnsafePointer<Entry>
    @usableFromInline var position: Int
    @usableFromInline var count: Int
    /// The leaf of `entries`; 0 in a set of one block.
    @usableFromInline var node: UInt32

    @inlinable @inline(__always)
    init(
        memory: NodeMemory<Entry>, set: UnsafePointer<SortedSet>, entries: UnsafePointer<Entry>, position: Int,
        count: Int, node: UInt32
    ) {
        self.memory = memory
        self.set = set
        self.entries = entries
        self.position = position
        self.count = count
        self.node = node
    }

    /// The next entry, or nil at the end. No allocation; a new leaf about every hundred entries.
    @inlinable @inline(__always)
    public mutating func next() -> Entry? {
        if position >= count, !advance() { return nil }
        let entry = entries[position]
        position &+= 1
        return entry
    }

    @inlinable
    mutating func advance() -> Bool {
        guard node != 0 else { return false }
        let following = memory.header(node).pointee.next
        guard following != 0 else { return false }
        node = following
        entries = memory.entries(following)
        count = memory.count(following, in: set)
        position = 0
        return true
    }
}

/// Walks a set from a bound towards lower keys. Reads the set in place: valid until the set changes.
@frozen
public struct DescendingEntries<Entry: SortedSetEntry>: Sequence, IteratorProtocol {
    @usableFromInline let memory: NodeMemory<Entry>
    @usableFromInline var entries: UnsafePointer<Entry>
    /// Entries of this block that are still to come.
    @usableFromInline var left: Int
    /// The leaf of `entries`; 0 in a set of one block.
    @usableFromInline var node: UInt32

    @inlinable @inline(__always)
    init(memory: NodeMemory<Entry>, entries: UnsafePointer<Entry>, left: Int, node: UInt32) {
        self.memory = memory
        self.entries = entries
        self.left = left
        self.node = node
    }

    /// The next lower entry, or nil at the end. No allocation; a new leaf about every hundred entries.
    @inlinable @inline(__always)
    public mutating func next() -> Entry? {
        if left == 0, !advance() { return nil }
        left &-= 1
        return entries[left]
    }

    @inlinable
    mutating func advance() -> Bool {
        guard node != 0 else { return false }
        let preceding = memory.header(node).pointee.previous
        // The head node has no entries and ends the walk.
        left = Int(memory.header(preceding).pointee.count)
        guard left > 0 else {
            node = 0
            return false
        }
        node = preceding
        entries = memory.entries(preceding)
        return true
    }
}

/// Walks a set block by block towards higher keys, for loops over whole lists. Valid until the set changes.
@frozen
public struct AscendingBlocks<Entry: SortedSetEntry>: Sequence, IteratorProtocol {
    @usableFromInline var cursor: AscendingEntries<Entry>

    @inlinable @inline(__always)
    init(cursor: AscendingEntries<Entry>) { self.cursor = cursor }

    /// The entries of the next block, ascending, never none; nil at the end.
    @inlinable @inline(__always)
    public mutating func next() -> UnsafeBufferPointer<Entry>? {
        if cursor.position >= cursor.count, !cursor.advance() { return nil }
        let rest = cursor.count &- cursor.position
        let block = UnsafeBufferPointer(start: cursor.entries + cursor.position, count: rest)
        cursor.position = cursor.count
        return block
    }
}

extension SortedSetArena {
    /// All entries, lowest key first.
    @inlinable
    public func ascending(_ set: UnsafePointer<SortedSet>) -> AscendingEntries<Entry> { ascending(set, from: 0) }

    /// Entries whose key is at least `key`, lowest first. O(log n) to begin.
    @inlinable
    public func ascending(_ set: UnsafePointer<SortedSet>, from key: Entry.Key) -> AscendingEntries<Entry> {
        let (entries, count, node) = block(set, for: key)
        let position = Self.lowerBound(entries, count, key)
        return AscendingEntries(
            memory: memory, set: set, entries: entries, position: position, count: count, node: node)
    }

    /// Entries whose key is above `key`, lowest first. O(log n) to begin.
    @inlinable
    public func ascending(_ set: UnsafePointer<SortedSet>, above key: Entry.Key) -> AscendingEntries<Entry> {
        var cursor = ascending(set, from: key)
        if cursor.position < cursor.count, cursor.entries[cursor.position].key == key { cursor.position &+= 1 }
        return cursor
    }

    /// All entries, highest key first. O(1) to begin.
    @inlinable
    public func descending(_ set: UnsafePointer<SortedSet>) -> DescendingEntries<Entry> {
        let node = set.pointee.isLarge ? set.pointee.tail : 0
        return DescendingEntries(
            memory: memory, entries: packedEntries(set), left: Int(set.pointee.tailCount), node: node)
    }

    /// Entries whose key is at most `key`, highest first. O(1) to begin in the last leaf, else O(log n).
    @inlinable
    public func descending(_ set: UnsafePointer<SortedSet>, from key: Entry.Key) -> DescendingEntries<Entry> {
        let (entries, count, node) = block(set, for: key)
        let position = Self.lowerBound(entries, count, key)
        let found = position < count && entries[position].key == key
        return DescendingEntries(memory: memory, entries: entries, left: position &+ (found ? 1 : 0), node: node)
    }

    /// Entries whose key is below `key`, highest first. O(1) to begin in the last leaf, else O(log n).
    @inlinable
    public func descending(_ set: UnsafePointer<SortedSet>, below key: Entry.Key) -> DescendingEntries<Entry> {
        let (entries, count, node) = block(set, for: key)
        let position = Self.lowerBound(entries, count, key)
        return DescendingEntries(memory: memory, entries: entries, left: position, node: node)
    }

    /// The blocks of entries whose key is at least `key`. To go on after a pause in which the set may have changed, begin
    /// again behind the last key that was seen.
    @inlinable
    public func blocks(_ set: UnsafePointer<SortedSet>, from key: Entry.Key = 0) -> AscendingBlocks<Entry> {
        AscendingBlocks(cursor: ascending(set, from: key))
    }

    /// Asks for the memory of the newest `count` entries, as far as they lie in the last leaf.
    @inlinable @inline(__always)
    public func prefetchNewest(_ set: UnsafePointer<SortedSet>, count: Int) {
        guard !set.pointee.isInline else { return }
        let entries = memory.entries(set.pointee.tail)
        let shown = min(count, Int(set.pointee.tailCount))
        var address = UnsafeRawPointer(entries + (Int(set.pointee.tailCount) &- shown))
        let end = UnsafeRawPointer(entries + Int(set.pointee.tailCount))
        if shown < count, set.pointee.isLarge { starling_prefetch_read(memory.header(set.pointee.tail)) }
        while address < end {
            starling_prefetch_read(address)
            address += 64
        }
    }

    /// Calls `body` with the packed entries of each block, ascending. `body` must not change the set.
    @inlinable @inline(__always)
    public func forEachBlock(
        _ set: UnsafePointer<SortedSet>, _ body: (UnsafeBufferPointer<Entry>) -> Void
    ) {
        var blocks = blocks(set)
        while let block = blocks.next() { body(block) }
    }
}
