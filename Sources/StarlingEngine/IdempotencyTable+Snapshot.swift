import StarlingMemory

/// What a snapshot stores of the table: its regions are all of it.
extension IdempotencyTable {
    /// Names of the regions for a snapshot's manifest.
    static let regionNames = [
        "idempotency.root", "idempotency.buckets", "idempotency.entries", "idempotency.entryMarks",
    ]

    /// The regions in the order of their names.
    var regions: [TrackedRegion] { [root.region, buckets.region, arena.memory, arena.marks] }

    /// Bytes of each region that are in use now.
    var usedBytes: [Int] { [root.bytesInUse, buckets.bytesInUse, arena.bytesTouched, arena.markBytes] }

    /// Goes on with what was mapped into the regions of a table that nothing was inserted into. The pages themselves are
    /// guarded by the checksums of the snapshot; this checks that they fit each other and this table. O(1).
    func adoptLoadedPages(usedBytes: [Int]) throws(ArenaError) {
        guard usedBytes.count == Self.regionNames.count else {
            throw .damagedImage("\(usedBytes.count) regions of idempotency keys, not \(Self.regionNames.count)")
        }
        let state = root.rows.pointee
        let bucketCount = Int(state.bucketCount)
        guard usedBytes[0] == root.bytesInUse, bucketCount == 0 || bucketCount >= Self.firstBucketCount,
            usedBytes[1] == bucketCount * MemoryLayout<UInt32>.stride
        else { throw .damagedImage("\(bucketCount) buckets of idempotency keys in \(usedBytes[1]) bytes") }
        guard bucketCount <= buckets.capacity else {
            throw .damagedImage("\(bucketCount) buckets of idempotency keys, room for \(buckets.capacity)")
        }
        try arena.adoptLoadedPages(usedBytes: usedBytes[2])
        guard usedBytes[3] == arena.markBytes, arena.bytesInUse % Self.cellBytes == 0 else {
            throw .damagedImage("the entries of idempotency keys do not fill their memory")
        }
        guard isPlausible(state) else {
            throw .damagedImage("\(state.count) idempotency keys in \(arena.bytesInUse / Self.cellBytes) cells")
        }
        buckets.ensure(count: bucketCount)
    }

    private func isPlausible(_ state: IdempotencyRoot) -> Bool {
        if state.count == 0 { return state.front == 0 && state.back == 0 && arena.bytesInUse == 0 }
        return state.bucketCount > 0 && state.count <= UInt64(arena.bytesInUse / Self.cellBytes)
            && isCell(state.front) && isCell(state.back)
    }

    /// Whether a reference is that of a cell that was in use at some time.
    func isCell(_ reference: UInt32) -> Bool {
        let offset = Int(reference) * Arena.unitBytes
        return offset % Self.cellBytes == Self.firstCellOffset % Self.cellBytes && offset >= Self.firstCellOffset
            && offset + Self.cellBytes <= arena.bytesTouched
    }

    /// An arena's header comes before its first block.
    private static let firstCellOffset = 256
}
