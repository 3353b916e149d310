import StarlingMemory

/// Making, releasing and linking the nodes of large sets.
///
/// Inside of the slow operations the tail's header holds its true count: they begin with `settle` and end with
/// `adoptTail`.
extension SortedSetArena {
    /// Writes the tail's count into its header.
    @inlinable @inline(__always)
    func settle(_ set: UnsafeMutablePointer<SortedSet>) {
        memory.writableHeader(set.pointee.tail).pointee.count = UInt32(set.pointee.tailCount)
    }

    /// Reads the tail's count and capacity from its header.
    @inlinable @inline(__always)
    func adoptTail(_ set: UnsafeMutablePointer<SortedSet>) {
        let header = memory.header(set.pointee.tail).pointee
        set.pointee.tailCount = UInt8(truncatingIfNeeded: header.count)
        set.pointee.tailCapacity = header.capacity
    }

    @inlinable
    func makeLeaf(level: Int) -> UInt32 {
        let linkUnits = Self.linkUnits(level)
        let leaf = arena.allocate(units: Arena.maximumBlockUnits) + 1 + UInt32(linkUnits)
        let capacity = (Self.leafBytes - Self.nodeHeaderBytes - 16 * linkUnits) / MemoryLayout<Entry>.stride
        memory.writableHeader(leaf).pointee = NodeHeader(next: 0, previous: 0, level: level, capacity: capacity)
        return leaf
    }

    @inlinable
    func releaseLeaf(_ leaf: UInt32) {
        let level = Int(memory.header(leaf).pointee.level)
        arena.free(leaf - 1 - UInt32(Self.linkUnits(level)), units: Arena.maximumBlockUnits)
    }

    @inlinable
    func makeHead(level: Int) -> UInt32 {
        let units = UInt32(1 + Self.linkUnits(level))
        let head = arena.allocate(units: units) + units
        memory.writableHeader(head).pointee = NodeHeader(next: 0, previous: 0, level: level, capacity: 0)
        for index in 0..<level { memory.writableLink(head, index).pointee = TowerLink(next: 0, span: 0) }
        return head
    }

    @inlinable
    func releaseHead(_ head: UInt32) {
        let units = UInt32(1 + Self.linkUnits(Int(memory.header(head).pointee.level)))
        arena.free(head - units, units: units)
    }

    /// Replaces the head node by one with `level` links.
    @inlinable @inline(never)
    func growHead(of set: UnsafeMutablePointer<SortedSet>, toLevel level: Int, _ path: inout TowerPath) {
        let old = set.pointee.head
        let oldLevel = Int(memory.header(old).pointee.level)
        let head = makeHead(level: level)
        for index in 0..<oldLevel { memory.writableLink(head, index).pointee = memory.link(old, index).pointee }
        let first = memory.header(old).pointee.next
        memory.writableHeader(head).pointee.next = first
        memory.writableHeader(first).pointee.previous = head
        for index in 0..<level where index >= oldLevel || path.nodes[index] == old {
            path.nodes[index] = head
            path.ranks[index] = 0
        }
        if path.leaf == old { path.leaf = head }
        set.pointee.head = head
        releaseHead(old)
    }

    /// Adds `change` to the spans of all links that lead over the place of `path`.
    @inlinable @inline(__always)
    func adjustSpans(_ set: UnsafePointer<SortedSet>, _ path: borrowing TowerPath, by change: Int32) {
        for index in 0..<Int(memory.header(set.pointee.head).pointee.level) {
            let node = path.nodes[index]
            guard memory.link(node, index).pointee.next != 0 else { continue }
            memory.writableLink(node, index).pointee.span &+= UInt32(bitPattern: change)
        }
    }

    /// Makes a leaf for entries that begin with `key` and puts it behind `path.leaf` (a leaf or the head node), whose
    /// count must already be without what the new leaf will hold, while spans already include it.
    @inlinable
    func linkNewLeaf(
        _ set: UnsafeMutablePointer<SortedSet>, firstKey key: Entry.Key, _ path: inout TowerPath
    ) -> UInt32 {
        let headLevel = Int(memory.header(set.pointee.head).pointee.level)
        let level = min(towerLevel(for: key), headLevel + 2)
        if level > headLevel { growHead(of: set, toLevel: headLevel + 2, &path) }
        let before = path.leaf
        let leaf = makeLeaf(level: level)
        let next = memory.header(before).pointee.next
        let header = memory.writableHeader(leaf)
        header.pointee.next = next
        header.pointee.previous = before
        memory.writableHeader(before).pointee.next = leaf
        if next == 0 { set.pointee.tail = leaf } else { memory.writableHeader(next).pointee.previous = leaf }
        let rank = path.rank + memory.header(before).pointee.count
        for index in 0..<level {
            let link = memory.writableLink(path.nodes[index], index)
            let old = link.pointee
            let rest = old.next == 0 ? 0 : path.ranks[index] + old.span - rank
            memory.writableLink(leaf, index).pointee = TowerLink(next: old.next, span: rest)
            link.pointee = TowerLink(next: leaf, span: rank - path.ranks[index])
        }
        return leaf
    }

    /// Unlinks and frees the leaf behind `path.leaf`, of which `removed` entries go with it; the others must have
    /// been moved to `path.leaf`.
    @inlinable
    func unlinkLeaf(_ set: UnsafeMutablePointer<SortedSet>, after path: borrowing TowerPath, removed: UInt32) {
        let before = path.leaf
        let leaf = memory.header(before).pointee.next
        let next = memory.header(leaf).pointee.next
        for index in 0..<Int(memory.header(set.pointee.head).pointee.level) {
            let node = path.nodes[index]
            let link = memory.link(node, index).pointee
            if link.next == leaf {
                let beyond = memory.link(leaf, index).pointee
                let span = beyond.next == 0 ? 0 : link.span + beyond.span - removed
                memory.writableLink(node, index).pointee = TowerLink(next: beyond.next, span: span)
            } else if link.next != 0 {
                memory.writableLink(node, index).pointee.span -= removed
            }
        }
        memory.writableHeader(before).pointee.next = next
        if next == 0 { set.pointee.tail = before } else { memory.writableHeader(next).pointee.previous = before }
        releaseLeaf(leaf)
    }
}
