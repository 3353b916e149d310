import StarlingMemory

/// One region of an owner's state: what it is called in snapshots, how much of it is in use, and how to take over pages that
/// were loaded into it. Called by the owner's thread, or before there is one.
struct StoredPart {
    let name: String
    let region: TrackedRegion
    let usedBytes: () -> Int
    let adopt: (Int) throws(ArenaError) -> Void
}

extension MappedTable {
    /// The table as a part of its owner's state.
    func stored(as name: String) -> StoredPart {
        StoredPart(
            name: name, region: region, usedBytes: { self.bytesInUse },
            adopt: { bytes throws(ArenaError) in try self.adoptLoadedPages(usedBytes: bytes) })
    }
}

/// Who owns state that snapshots store: the sequencer, or a worker.
protocol StoredState: AnyObject {
    /// The regions, always in the same order.
    var storedParts: [StoredPart] { get }
    /// What does not lie in regions: a few numbers by name.
    var storedValues: [String: UInt64] { get }
    /// Takes over loaded pages and numbers; `sizes` are the used bytes of `storedParts`.
    func adoptStored(sizes: [Int], values: [String: UInt64]) throws(ArenaError)
}

extension StoredState {
    /// Takes over the pages of all parts.
    func adoptParts(sizes: [Int]) throws(ArenaError) {
        for (part, size) in zip(storedParts, sizes) { try part.adopt(size) }
    }
}
