import StarlingSystem

/// A heap in one range of addresses whose blocks are named by 32-bit references, in units of 16 bytes.
///
/// The memory holds references, never pointers, and the arena's own state (end of use, free lists) lies in its first
/// units. So the bytes of its two regions are the whole arena: stored by a snapshot and mapped again they are the same
/// arena at another address.
///
/// Invariants:
/// 1. Reference 0 is nil; units 0..<16 hold the arena's header.
/// 2. Every unit from 16 to `top` belongs to one block in use or to one free block.
/// 3. No two free blocks shorter than 32 units touch (see `Arena+FreeBlocks.swift`).
///
/// Owned by one thread; never locked. Methods do not mutate the value itself, only the memory behind it, so that an
/// owner can keep it in a `let` and pay for no exclusivity check.
public struct Arena: ~Copyable {
    /// Bytes in a unit: the granularity of blocks and references.
    @inlinable public static var unitBytes: Int { 16 }
    /// The largest block in units (512 bytes).
    @inlinable public static var maximumBlockUnits: UInt32 { 32 }
    /// Reserved bytes unless told otherwise: all that 32-bit references reach, 64 GiB.
    public static let defaultReservedBytes = 64 << 30

    /// The address of unit 0. Never moves. For reading; what changes a block asks `barrier` first.
    public let base: UnsafeMutableRawPointer
    /// What is asked before a block changes.
    public let barrier: WriteBarrier
    /// The blocks, for snapshots.
    public let memory: TrackedRegion
    /// One bit for each unit, set for the first and the last unit of a free block shorter than 32 units; for snapshots.
    public let marks: TrackedRegion

    let markWords: UnsafeMutablePointer<UInt64>
    let markBarrier: WriteBarrier
    /// Units in the reserved range; `top` never passes it.
    let unitLimit: UInt32

    static let magic: UInt64 = 0x3141_4e45_5241_4c53
    static let headerUnits: UInt32 = 16

    /// Creates an empty arena that can grow to `reservedBytes` (1 KiB to 64 GiB). Address space only: memory is taken
    /// when it is used. Without huge pages the addresses come from `place`.
    public init(
        reservedBytes: Int = Arena.defaultReservedBytes, hugePages: Bool = true, in place: RegionMemory? = nil
    ) throws(ArenaError) {
        let bytes = min(max(reservedBytes, 1024), Self.defaultReservedBytes)
        let memory = try TrackedRegion(byteCount: bytes, hugePages: hugePages, in: place)
        let marks = try TrackedRegion(
            byteCount: bytes / Self.unitBytes / 8 + 64, hugePages: false, in: place)
        self.memory = memory
        self.marks = marks
        base = memory.base
        barrier = memory.barrier
        markWords = marks.base.assumingMemoryBound(to: UInt64.self)
        markBarrier = marks.barrier
        // The last unit stays unused, so that the unit behind any block has a number, too.
        unitLimit = UInt32(bytes / Self.unitBytes - 1)
        // Written without the barrier: an arena that a snapshot is mapped into has no page of its own to store.
        header.pointee.magic = Self.magic
        header.pointee.top = Self.headerUnits
    }

    /// Checks that what was mapped into `memory` and `marks` is an arena of `usedBytes` bytes. The pages themselves are
    /// guarded by the checksums of the snapshot.
    public func adoptLoadedPages(usedBytes: Int) throws(ArenaError) {
        guard header.pointee.magic == Self.magic else { throw .damagedImage("wrong magic number") }
        let top = header.pointee.top
        guard top >= Self.headerUnits, top <= unitLimit, Int(top) * Self.unitBytes == usedBytes else {
            throw .damagedImage("the header speaks of \(top) units, the snapshot of \(usedBytes) bytes")
        }
        guard header.pointee.freeUnits <= top - Self.headerUnits else {
            throw .damagedImage("the header counts more free units than there are")
        }
        guard header.pointee.freeLargestBlocks <= header.pointee.freeUnits / Self.maximumBlockUnits else {
            throw .damagedImage("the header counts more free blocks than there are units")
        }
    }

    /// The address of a block, for reading. `reference` must come from `allocate`.
    @inlinable @inline(__always)
    public func pointer(to reference: UInt32) -> UnsafeRawPointer {
        UnsafeRawPointer(base + Int(reference) &* Self.unitBytes)
    }

    /// The address of a block whose `units` are about to change.
    @inlinable @inline(__always)
    public func writable(_ reference: UInt32, units: UInt32) -> UnsafeMutableRawPointer {
        let block = base + Int(reference) &* Self.unitBytes
        barrier.willWrite(block, byteCount: Int(units) &* Self.unitBytes)
        return block
    }

    /// Whether `bytes` more bytes fit whatever the free lists hold. Ask before a batch of changes: running out inside
    /// of one is a broken precondition.
    public func hasRoom(forBytes bytes: Int) -> Bool { bytes <= bytesLeft }

    /// Throws `outOfRoom` when `hasRoom(forBytes:)` is false.
    public func requireRoom(forBytes bytes: Int) throws(ArenaError) {
        guard hasRoom(forBytes: bytes) else { throw .outOfRoom(needed: bytes, left: bytesLeft) }
    }

    /// Bytes of the reserved range that were never used.
    public var bytesLeft: Int { Int(unitLimit - header.pointee.top) * Self.unitBytes }
    /// How many blocks can be allocated for certain, of whatever sizes: an allocation takes at most one free block of the
    /// largest size, or as much of what was never used. Freeing a block never lowers it.
    public var allocationsLeft: Int {
        Int((unitLimit - header.pointee.top) / Self.maximumBlockUnits) + Int(header.pointee.freeLargestBlocks)
    }
    /// Bytes in blocks that are in use.
    public var bytesInUse: Int {
        Int(header.pointee.top - Self.headerUnits - header.pointee.freeUnits) * Self.unitBytes
    }
    /// Bytes in free blocks.
    public var bytesFree: Int { Int(header.pointee.freeUnits) * Self.unitBytes }
    /// Bytes from the base to the end of the last block: what a snapshot has to store.
    public var bytesTouched: Int { Int(header.pointee.top) * Self.unitBytes }
    /// Bytes of address space.
    public var bytesReserved: Int { memory.byteCount }
    /// Bytes of `marks` that a snapshot has to store.
    public var markBytes: Int { Int(header.pointee.top) / 8 + 1 }

    var header: UnsafeMutablePointer<ArenaHeader> { base.assumingMemoryBound(to: ArenaHeader.self) }
    /// The first free block of each size; the index is the size in units, index 0 is not used.
    var bins: UnsafeMutablePointer<UInt32> {
        (base + 32).assumingMemoryBound(to: UInt32.self)
    }
    /// The header and the bins are about to change.
    @inline(__always)
    func headerWillChange() { barrier.willWrite(base) }
}

/// The first bytes of an arena. The 33 bin heads follow at byte 32.
struct ArenaHeader: BitwiseCopyable {
    var magic: UInt64
    /// The first unit that was never part of a block.
    var top: UInt32
    /// Sum of the sizes of all free blocks, in units.
    var freeUnits: UInt32
    /// Bit n is set when the bin of size n + 1 is not empty.
    var occupiedBins: UInt32
    /// Free blocks of the largest size.
    var freeLargestBlocks: UInt32
}
