import StarlingMemory

extension SortedSetArena {
    /// Bytes that `copy` of one of this arena's sets takes from the other arena at most. A visit to each leaf.
    public func copyBytes(_ set: UnsafePointer<SortedSet>) -> Int {
        if set.pointee.isInline { return 0 }
        if !set.pointee.isLarge { return Int(set.pointee.blockUnits) * Arena.unitBytes }
        var bytes = Arena.unitBytes * (1 + Self.linkUnits(Int(memory.header(set.pointee.head).pointee.level)))
        var leaf = memory.header(set.pointee.head).pointee.next
        while leaf != 0 {
            bytes += Self.leafBytes
            leaf = memory.header(leaf).pointee.next
        }
        return bytes
    }

    /// Copies a set of another arena, leaf by leaf: the copy is cut and balanced at the same places, so that whatever
    /// happens to it later leaves the same entries as it would have in the original. `target` is the header of an empty
    /// set.
    ///
    /// Cost: a visit to each leaf. The arena has room for `other.copyBytes(set)`.
    public func copy(
        _ set: UnsafePointer<SortedSet>, of other: borrowing SortedSetArena,
        into target: UnsafeMutablePointer<SortedSet>
    ) {
        precondition(target.pointee.isEmpty, "a set is copied into an empty one")
        target.pointee = set.pointee
        if set.pointee.isLarge {
            copyLeaves(set, other, target)
        } else if !set.pointee.isInline {
            let count = Int(set.pointee.tailCount)
            let block = arena.allocate(units: UInt32(set.pointee.blockUnits))
            Self.move(other.memory.entries(set.pointee.tail), to: memory.writableEntries(block, 0..<count), count)
            target.pointee.tail = block
        }
    }

    private func copyLeaves(
        _ set: UnsafePointer<SortedSet>, _ other: borrowing SortedSetArena, _ target: UnsafeMutablePointer<SortedSet>
    ) {
        let source = other.memory
        let head = makeHead(level: Int(source.header(set.pointee.head).pointee.level))
        copySpans(set.pointee.head, source, to: head)
        // The last node copied that has a link of each level: its link leads to the next one that has.
        var last = InlineArray<14, UInt32>(repeating: head)
        var previous = head
        var old = source.header(set.pointee.head).pointee.next
        while old != 0 {
            let level = Int(source.header(old).pointee.level)
            let leaf = makeLeaf(level: level)
            let count = source.count(old, in: set)
            Self.move(source.entries(old), to: memory.writableEntries(leaf, 0..<count), count)
            let header = memory.writableHeader(leaf)
            header.pointee.count = UInt32(count)
            header.pointee.previous = previous
            memory.writableHeader(previous).pointee.next = leaf
            copySpans(old, source, to: leaf)
            for index in 0..<level {
                memory.writableLink(last[index], index).pointee.next = leaf
                last[index] = leaf
            }
            previous = leaf
            old = source.header(old).pointee.next
        }
        target.pointee.head = head
        target.pointee.tail = previous
    }

    /// Copies the spans of a node's links; where they lead is filled in when that leaf is copied.
    private func copySpans(_ old: UInt32, _ source: NodeMemory<Entry>, to new: UInt32) {
        for index in 0..<Int(source.header(old).pointee.level) {
            let span = source.link(old, index).pointee.span
            memory.writableLink(new, index).pointee = TowerLink(next: 0, span: span)
        }
    }
}
