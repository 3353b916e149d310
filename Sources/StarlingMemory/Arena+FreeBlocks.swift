/// Allocation: exact bins by size, best fit, boundary tags (Knuth, The Art of Computer Programming 1, 2.5, algorithm C).
///
/// Sets grow by moving to a slightly larger block, so what they leave behind is of a size that nobody asks for any more.
/// Free neighbours are therefore joined. A block in use carries no tag: a bit map beside the arena says which units are
/// the ends of free blocks, and the tags themselves lie in the free memory. Blocks of the largest size are kept whole
/// and unmarked: leaves come and go by the million, and each finds its successor of the same size without a look at
/// its neighbours.
extension Arena {
    /// Takes a block of `units` (1...32) units; its bytes are not cleared. Cost: some ten nanoseconds, a cache miss or
    /// two more when a larger block is cut.
    ///
    /// The reserved range must have room: see `hasRoom(forBytes:)`.
    public func allocate(units: UInt32) -> UInt32 {
        precondition(units >= 1 && units <= Self.maximumBlockUnits, "an arena block has 1 to 32 units")
        let fitting = header.pointee.occupiedBins & (UInt32.max << (units - 1))
        headerWillChange()
        guard fitting != 0 else { return extend(by: units) }
        let found = UInt32(fitting.trailingZeroBitCount) + 1
        let reference = bins[Int(found)]
        takeFromBin(reference, units: found)
        header.pointee.freeUnits -= units
        if found > units { join(reference + units, units: found - units) }
        return reference
    }

    /// Gives a block back. `units` must be what it was allocated with; nothing may use it afterwards.
    public func free(_ reference: UInt32, units: UInt32) {
        precondition(
            reference >= Self.headerUnits && units >= 1 && units <= Self.maximumBlockUnits
                && header.pointee.top >= units && reference <= header.pointee.top - units,
            "a block outside of the arena was freed")
        headerWillChange()
        header.pointee.freeUnits += units
        if units < Self.maximumBlockUnits {
            join(reference, units: units)
        } else {
            putIntoBin(reference, units: units)
        }
    }

    /// Puts a free block away together with its free neighbours, in pieces of the largest size and a rest.
    private func join(_ reference: UInt32, units: UInt32) {
        var start = reference
        var length = units
        if isMarked(start - 1) {
            let before = freeBlock(start - 1).pointee.trailingUnits
            start -= before
            takeFromBin(start, units: before)
            length += before
        }
        if isMarked(start + length) {
            let after = freeBlock(start + length).pointee.units
            takeFromBin(start + length, units: after)
            length += after
        }
        while length >= Self.maximumBlockUnits {
            putIntoBin(start, units: Self.maximumBlockUnits)
            start += Self.maximumBlockUnits
            length -= Self.maximumBlockUnits
        }
        if length > 0 { putIntoBin(start, units: length) }
    }

    private func extend(by units: UInt32) -> UInt32 {
        let reference = header.pointee.top
        precondition(
            unitLimit - reference >= units, "arena full: callers ask hasRoom before they change anything")
        header.pointee.top = reference + units
        return reference
    }

    private func putIntoBin(_ reference: UInt32, units: UInt32) {
        let next = bins[Int(units)]
        let block = changeableFreeBlock(reference)
        block.pointee.next = next
        block.pointee.units = units
        bins[Int(units)] = reference
        header.pointee.occupiedBins |= 1 << (units - 1)
        guard units < Self.maximumBlockUnits else {
            header.pointee.freeLargestBlocks += 1
            return
        }
        block.pointee.previous = 0
        changeableFreeBlock(reference + units - 1).pointee.trailingUnits = units
        if next != 0 { changeableFreeBlock(next).pointee.previous = reference }
        setMark(reference, true)
        setMark(reference + units - 1, true)
    }

    /// Unlinks any free block; one of the largest size only from the front of its bin, which is linked one way.
    private func takeFromBin(_ reference: UInt32, units: UInt32) {
        let block = freeBlock(reference).pointee
        let previous = units < Self.maximumBlockUnits ? block.previous : 0
        if previous != 0 {
            changeableFreeBlock(previous).pointee.next = block.next
        } else {
            bins[Int(units)] = block.next
            if block.next == 0 { header.pointee.occupiedBins &= ~(1 << (units - 1)) }
        }
        guard units < Self.maximumBlockUnits else {
            header.pointee.freeLargestBlocks -= 1
            return
        }
        if block.next != 0 { changeableFreeBlock(block.next).pointee.previous = previous }
        setMark(reference, false)
        setMark(reference + units - 1, false)
    }

    func freeBlock(_ reference: UInt32) -> UnsafePointer<FreeBlock> {
        pointer(to: reference).assumingMemoryBound(to: FreeBlock.self)
    }

    /// The first unit of a block; it never lies across two pages.
    private func changeableFreeBlock(_ reference: UInt32) -> UnsafeMutablePointer<FreeBlock> {
        let block = base + Int(reference) &* Self.unitBytes
        barrier.willWrite(block)
        return block.assumingMemoryBound(to: FreeBlock.self)
    }

    func isMarked(_ unit: UInt32) -> Bool { markWords[Int(unit >> 6)] & (1 << UInt64(unit & 63)) != 0 }

    func setMark(_ unit: UInt32, _ marked: Bool) {
        markBarrier.willWrite(markWords + Int(unit >> 6))
        let bit: UInt64 = 1 << UInt64(unit & 63)
        if marked { markWords[Int(unit >> 6)] |= bit } else { markWords[Int(unit >> 6)] &= ~bit }
    }
}

/// What a free block holds. Its first unit has the links and the size; its last unit has the size once more, in the
/// last word, so that the block behind finds the start. In a block of one unit both lie side by side.
struct FreeBlock: BitwiseCopyable {
    var next: UInt32
    var previous: UInt32
    var units: UInt32
    var trailingUnits: UInt32
}
