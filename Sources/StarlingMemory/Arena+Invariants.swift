extension Arena {
    /// Checks invariants 2 and 3 as far as free blocks show them; returns what is wrong, or nil. For tests. Cost: a
    /// visit to each free block.
    public func brokenInvariant() -> String? {
        var sum: UInt64 = 0
        var largest: UInt32 = 0
        for units in 1...Self.maximumBlockUnits {
            var reference = bins[Int(units)]
            let isOccupied = header.pointee.occupiedBins & (1 << (units - 1)) != 0
            if isOccupied != (reference != 0) { return "bin \(units) and its bit disagree" }
            while reference != 0 {
                sum += UInt64(units)
                if units == Self.maximumBlockUnits { largest += 1 }
                if sum > UInt64(header.pointee.freeUnits) { return "free list \(units) is longer than the header says" }
                if reference < Self.headerUnits || reference + units > header.pointee.top {
                    return "free block \(reference) lies outside of the arena"
                }
                if let wrong = brokenTag(reference, units: units) { return wrong }
                reference = freeBlock(reference).pointee.next
            }
        }
        if largest != header.pointee.freeLargestBlocks {
            return "\(largest) blocks of the largest size are free, the header says otherwise"
        }
        return sum == UInt64(header.pointee.freeUnits) ? nil : "\(sum) units are free, the header says otherwise"
    }

    private func brokenTag(_ reference: UInt32, units: UInt32) -> String? {
        let block = freeBlock(reference).pointee
        if block.units != units { return "free block \(reference) has a size that is not its list's" }
        guard units < Self.maximumBlockUnits else { return nil }
        let last = reference + units - 1
        if freeBlock(last).pointee.trailingUnits != units { return "free block \(reference) has two sizes" }
        if !isMarked(reference) || !isMarked(last) { return "free block \(reference) is not marked" }
        if isMarked(reference - 1) || isMarked(last + 1) { return "free block \(reference) was not joined" }
        return nil
    }
}
