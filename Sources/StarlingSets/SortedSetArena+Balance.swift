/// Making room in full leaves, and joining leaves that have become empty.
extension SortedSetArena {
    /// Makes room in the full leaf at `path.leaf`: moves entries to a neighbour that has some room, else splits. The path is
    /// worth nothing afterwards.
    @inlinable @inline(never)
    func makeRoom(_ set: UnsafeMutablePointer<SortedSet>, _ path: inout TowerPath) {
        let leaf = path.leaf
        let header = memory.header(leaf).pointee
        if header.next == 0 {
            // Late entries come in small numbers: the old tail stays nearly full.
            return split(set, &path, moving: max(Int(header.count) / 16, 1))
        }
        let roomAhead = room(header.next)
        if roomAhead >= Self.leastRoom { return shiftUp(path, amountForRoom(roomAhead)) }
        if header.previous != set.pointee.head {
            let roomBehind = room(header.previous)
            if roomBehind >= Self.leastRoom {
                let before = descend(set, to: memory.firstKey(leaf), inclusive: false)
                return shiftDown(before, amountForRoom(roomBehind))
            }
        }
        split(set, &path, moving: Int(header.count) / 2)
    }

    /// Room below which a neighbour is not worth a move.
    @inlinable @inline(__always) static var leastRoom: Int { max(leafCapacity / 16, 2) }

    @inlinable @inline(__always)
    func room(_ leaf: UInt32) -> Int {
        let header = memory.header(leaf).pointee
        return Int(header.capacity) &- Int(header.count)
    }

    /// How many entries to move to a leaf with `room`, so that both leaves have room afterwards.
    @inlinable @inline(__always)
    func amountForRoom(_ room: Int) -> Int { min(room / 2, max(Self.leafCapacity / 8, 1)) }

    /// Puts a new leaf behind `path.leaf` and moves its last `amount` entries there.
    @inlinable @inline(never)
    func split(_ set: UnsafeMutablePointer<SortedSet>, _ path: inout TowerPath, moving amount: Int) {
        precondition(set.pointee.total < UInt32.max - 1024, "a set holds at most four billion entries")
        let leaf = path.leaf
        let kept = Int(memory.header(leaf).pointee.count) - amount
        let moved = memory.entries(leaf) + kept
        memory.writableHeader(leaf).pointee.count = UInt32(kept)
        let added = linkNewLeaf(set, firstKey: moved.pointee.key, &path)
        Self.move(moved, to: memory.writableEntries(added, 0..<amount), amount)
        memory.writableHeader(added).pointee.count = UInt32(amount)
    }

    /// Moves the last `amount` entries of `path.leaf` to the front of the leaf behind it.
    @inlinable @inline(never)
    func shiftUp(_ path: borrowing TowerPath, _ amount: Int) {
        let lower = path.leaf
        let upper = memory.header(lower).pointee.next
        let kept = Int(memory.header(lower).pointee.count) - amount
        let upperCount = Int(memory.header(upper).pointee.count)
        let target = memory.writableEntries(upper, 0..<upperCount + amount)
        Self.move(target, to: target + amount, upperCount)
        Self.move(memory.entries(lower) + kept, to: target, amount)
        memory.writableHeader(lower).pointee.count = UInt32(kept)
        memory.writableHeader(upper).pointee.count = UInt32(upperCount + amount)
        moveBoundary(path, upper, by: Int32(amount))
    }

    /// Moves the first `amount` entries of the leaf behind `path.leaf` to the end of `path.leaf`.
    @inlinable @inline(never)
    func shiftDown(_ path: borrowing TowerPath, _ amount: Int) {
        let lower = path.leaf
        let upper = memory.header(lower).pointee.next
        let lowerCount = Int(memory.header(lower).pointee.count)
        let kept = Int(memory.header(upper).pointee.count) - amount
        let target = memory.writableEntries(lower, lowerCount..<lowerCount + amount)
        let source = memory.writableEntries(upper, 0..<kept + amount)
        Self.move(source, to: target, amount)
        Self.move(source + amount, to: source, kept)
        memory.writableHeader(lower).pointee.count = UInt32(lowerCount + amount)
        memory.writableHeader(upper).pointee.count = UInt32(kept)
        moveBoundary(path, upper, by: -Int32(amount))
    }

    /// Corrects the spans after `amount` entries went from `path.leaf` to its successor `upper`.
    @inlinable @inline(__always)
    func moveBoundary(_ path: borrowing TowerPath, _ upper: UInt32, by amount: Int32) {
        for level in 0..<Int(memory.header(upper).pointee.level) {
            memory.writableLink(path.nodes[level], level).pointee.span &-= UInt32(bitPattern: amount)
            guard memory.link(upper, level).pointee.next != 0 else { continue }
            memory.writableLink(upper, level).pointee.span &+= UInt32(bitPattern: amount)
        }
    }

    /// Joins the leaf at `path.leaf` with a neighbour when the two fill at most three quarters of a leaf: the rest is left
    /// free so that the next insertion does not split them again.
    @inlinable @inline(never)
    func joinIfSparse(_ set: UnsafeMutablePointer<SortedSet>, _ path: borrowing TowerPath) {
        let leaf = path.leaf
        let header = memory.header(leaf).pointee
        if header.next != 0, fits(leaf, header.next) { return joinWithNext(set, path) }
        if header.previous != set.pointee.head, fits(header.previous, leaf) {
            joinWithNext(set, descend(set, to: memory.firstKey(leaf), inclusive: false))
        }
    }

    @inlinable @inline(__always)
    func fits(_ lower: UInt32, _ upper: UInt32) -> Bool {
        let sum = memory.header(lower).pointee.count + memory.header(upper).pointee.count
        return Int(sum) <= min(Self.leafCapacity * 3 / 4, Int(memory.header(lower).pointee.capacity))
    }

    @inlinable @inline(never)
    func joinWithNext(_ set: UnsafeMutablePointer<SortedSet>, _ path: borrowing TowerPath) {
        let lower = path.leaf
        let upper = memory.header(lower).pointee.next
        let lowerCount = Int(memory.header(lower).pointee.count)
        let upperCount = Int(memory.header(upper).pointee.count)
        let target = memory.writableEntries(lower, lowerCount..<lowerCount + upperCount)
        Self.move(memory.entries(upper), to: target, upperCount)
        memory.writableHeader(lower).pointee.count = UInt32(lowerCount + upperCount)
        unlinkLeaf(set, after: path, removed: 0)
    }
}
