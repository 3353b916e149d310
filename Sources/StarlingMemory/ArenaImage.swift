import StarlingSystem

/// An arena that is being read back: fill `bytes` with what `Arena.contents` held, piece by piece in any order, then
/// `finish`.
public struct ArenaImage: ~Copyable {
    private let arena: Arena
    private let byteCount: Int

    /// Reserves the range of an arena whose contents are `byteCount` bytes long. Throws `damagedImage` when that cannot
    /// be the length of an arena's contents or does not fit into `reservedBytes`.
    public init(
        byteCount: Int, reservedBytes: Int = Arena.defaultReservedBytes, hugePages: Bool = true
    ) throws(ArenaError) {
        let least = Int(Arena.headerUnits) * Arena.unitBytes
        guard byteCount >= least, byteCount % Arena.unitBytes == 0 else {
            throw .damagedImage("\(byteCount) bytes is no length of an arena")
        }
        let arena = try Arena(emptyRange: reservedBytes, hugePages: hugePages)
        guard byteCount / Arena.unitBytes <= Int(arena.unitLimit) else {
            throw .outOfRoom(needed: byteCount, left: arena.bytesReserved)
        }
        self.arena = arena
        self.byteCount = byteCount
    }

    /// The memory to fill.
    public var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: arena.base, count: byteCount)
    }

    /// Checks the header and every free list, and turns the bytes into an arena. Cost: a visit to each free block.
    /// The blocks in use are not looked at: whoever stored them guards them with checksums.
    public consuming func finish() throws(ArenaError) -> Arena {
        let header = arena.header.pointee
        guard header.magic == Arena.magic else { throw .damagedImage("wrong magic number") }
        guard Int(header.top) * Arena.unitBytes == byteCount else {
            throw .damagedImage("the header speaks of \(header.top) units, \(byteCount) bytes were given")
        }
        guard header.freeUnits <= header.top - Arena.headerUnits else {
            throw .damagedImage("the header counts more free units than there are")
        }
        var freeUnits: UInt64 = 0
        for units in 1...Arena.maximumBlockUnits {
            freeUnits += try arena.adoptBin(units: units, unitsLeft: UInt64(header.freeUnits) - freeUnits)
        }
        guard freeUnits == header.freeUnits else {
            throw .damagedImage("free lists hold \(freeUnits) units, the header says \(header.freeUnits)")
        }
        return arena
    }
}

extension Arena {
    /// Walks one free list of an image, checks it, and sets its marks. Returns the units in it.
    func adoptBin(units: UInt32, unitsLeft: UInt64) throws(ArenaError) -> UInt64 {
        var reference = bins[Int(units)]
        var previous: UInt32 = 0
        var sum: UInt64 = 0
        let isOccupied = header.pointee.occupiedBins & (1 << (units - 1)) != 0
        guard isOccupied == (reference != 0) else { throw .damagedImage("bin \(units) and its bit disagree") }
        while reference != 0 {
            sum += UInt64(units)
            guard sum <= unitsLeft else { throw .damagedImage("free list \(units) is longer than the header says") }
            guard reference >= Self.headerUnits, UInt64(reference) + UInt64(units) <= UInt64(header.pointee.top) else {
                throw .damagedImage("free list \(units) leads to unit \(reference), outside of the arena")
            }
            let block = freeBlock(reference).pointee
            guard block.units == units else {
                throw .damagedImage("free block \(reference) says \(block.units) units, its list is for \(units)")
            }
            if units < Self.maximumBlockUnits { try adoptMarked(reference, block: block, previous: previous) }
            previous = reference
            reference = block.next
        }
        return sum
    }

    private func adoptMarked(_ reference: UInt32, block: FreeBlock, previous: UInt32) throws(ArenaError) {
        let last = reference + block.units - 1
        guard block.previous == previous, freeBlock(last).pointee.trailingUnits == block.units else {
            throw .damagedImage("the links or the size of free block \(reference) are wrong")
        }
        guard !isMarked(reference), !isMarked(last) else {
            throw .damagedImage("free block \(reference) overlaps another")
        }
        setMark(reference, true)
        setMark(last, true)
    }
}
