import StarlingSystem

/// A heap in one range of addresses whose blocks are named by 32-bit references, in units of 16 bytes.
///
/// The memory holds references, never pointers, and the arena's own state (end of use, free lists) lies in its first
/// units. So the bytes `contents` are the whole arena: written to disk and read back through `ArenaImage` they are the
/// same arena at another address.
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

    /// The address of unit 0. Never moves.
    public let base: UnsafeMutableRawPointer

    let reservation: MemoryReservation
    let marks: MemoryReservation
    /// One bit for each unit, set for the first and the last unit of a free block shorter than 32 units.
    let markWords: UnsafeMutablePointer<UInt64>
    /// Units in the reserved range; `top` never passes it.
    let unitLimit: UInt32

    static let magic: UInt64 = 0x3141_4e45_5241_4c53
    static let headerUnits: UInt32 = 16

    /// Creates an empty arena that can grow to `reservedBytes` (1 KiB to 64 GiB). Address space only: memory is taken
    /// when it is used.
    public init(
        reservedBytes: Int = Arena.defaultReservedBytes, hugePages: Bool = true
    ) throws(ArenaError) {
        try self.init(emptyRange: reservedBytes, hugePages: hugePages)
        header.pointee.magic = Self.magic
        header.pointee.top = Self.headerUnits
    }

    /// Reserves the range and leaves the header zero.
    init(emptyRange reservedBytes: Int, hugePages: Bool) throws(ArenaError) {
        let bytes = min(max(reservedBytes, 1024), Self.defaultReservedBytes)
        let reservation = try MemoryReservation.forArena(byteCount: bytes, hugePages: hugePages)
        let marks = try MemoryReservation.forArena(byteCount: bytes / Self.unitBytes / 8 + 64, hugePages: false)
        base = reservation.base
        markWords = marks.base.assumingMemoryBound(to: UInt64.self)
        self.reservation = reservation
        self.marks = marks
        // The last unit stays unused, so that the unit behind any block has a number, too.
        unitLimit = UInt32(bytes / Self.unitBytes - 1)
    }

    /// The address of a block. `reference` must come from `allocate`.
    @inlinable @inline(__always)
    public func pointer(to reference: UInt32) -> UnsafeMutableRawPointer { base + Int(reference) &* Self.unitBytes }

    /// Whether `bytes` more bytes fit whatever the free lists hold. Ask before a batch of changes: running out inside
    /// of one is a broken precondition.
    public func hasRoom(forBytes bytes: Int) -> Bool { bytes <= bytesLeft }

    /// Throws `outOfRoom` when `hasRoom(forBytes:)` is false.
    public func requireRoom(forBytes bytes: Int) throws(ArenaError) {
        guard hasRoom(forBytes: bytes) else { throw .outOfRoom(needed: bytes, left: bytesLeft) }
    }

    /// Bytes of the reserved range that were never used.
    public var bytesLeft: Int { Int(unitLimit - header.pointee.top) * Self.unitBytes }
    /// Bytes in blocks that are in use.
    public var bytesInUse: Int {
        Int(header.pointee.top - Self.headerUnits - header.pointee.freeUnits) * Self.unitBytes
    }
    /// Bytes in free blocks.
    public var bytesFree: Int { Int(header.pointee.freeUnits) * Self.unitBytes }
    /// Bytes from the base to the end of the last block: what a snapshot has to store.
    public var bytesTouched: Int { Int(header.pointee.top) * Self.unitBytes }
    /// Bytes of address space.
    public var bytesReserved: Int { reservation.byteCount }

    /// All bytes from unit 0 to the last block: the whole state of the arena.
    public var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: bytesTouched) }

    var header: UnsafeMutablePointer<ArenaHeader> { base.assumingMemoryBound(to: ArenaHeader.self) }
    /// The first free block of each size; the index is the size in units, index 0 is not used.
    var bins: UnsafeMutablePointer<UInt32> {
        (base + 32).assumingMemoryBound(to: UInt32.self)
    }
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
}

extension MemoryReservation {
    /// Reserves a range and speaks of a failure in the arena's terms.
    static func forArena(byteCount: Int, hugePages: Bool) throws(ArenaError) -> MemoryReservation {
        do { return try MemoryReservation(byteCount: byteCount, hugePages: hugePages) } catch {
            throw .reservation(error)
        }
    }
}
