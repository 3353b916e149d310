import Glibc
import StarlingMemory

/// The texts of accounts: immutable records of bytes, named by 32-bit references, in an arena that snapshots store.
///
/// The sequencer writes. A worker reads a record without a lock once an event has told it the reference. A record that was
/// replaced is zeroed and given back only when every worker is beyond the event that replaced it, so nobody ever reads bytes
/// of another account.
///
/// A record is a chain of blocks. The first begins with `Head`, the others with the reference of the next.
final class ProfileHeap: @unchecked Sendable {
    private struct Head: BitwiseCopyable {
        var next: UInt32
        var byteCount: UInt32
        /// The record that was replaced after this one; 0 for none, or while this one is in use.
        var nextRetired: UInt32
        var unused: UInt32
    }

    /// The records that were replaced and are not given back yet, oldest first.
    struct Root: BitwiseCopyable {
        var firstRetired: UInt32
        var lastRetired: UInt32
    }

    let arena: Arena
    let root: MappedTable<Root>
    /// The position in the ring behind which each retired record is free: 0 for those that a snapshot brought.
    private var positions: [UInt64] = []
    private var firstPosition = 0

    private static let headBytes = MemoryLayout<Head>.stride
    private static let linkBytes = MemoryLayout<UInt32>.stride
    /// Larger ones are refused: no account can have one.
    static let maximumBytes = 16 << 10

    init(arenaBytes: Int, hugePages: Bool, in memory: RegionMemory? = nil) throws(ArenaError) {
        arena = try Arena(reservedBytes: arenaBytes, hugePages: hugePages, in: memory)
        root = try MappedTable(capacity: 1, hugePages: false, in: memory)
        root.ensure(count: 1)
    }

    /// Whether a record of so many bytes fits whatever the free blocks are.
    func hasRoom(forBytes count: Int) -> Bool { Self.blocks(count) <= arena.allocationsLeft }

    /// Keeps a copy of `bytes`. `hasRoom` was asked.
    func store(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        precondition(bytes.count <= Self.maximumBytes, "an account's record is longer than any may be")
        // From the end, so that each block knows the next one.
        var next: UInt32 = 0
        for place in stride(from: Self.blocks(bytes.count) - 1, through: 0, by: -1) {
            let piece = Self.piece(place, of: bytes.count)
            let units = Self.units(place, of: bytes.count)
            let reference = arena.allocate(units: units)
            let block = arena.writable(reference, units: units)
            if place == 0 {
                let head = Head(next: next, byteCount: UInt32(bytes.count), nextRetired: 0, unused: 0)
                block.storeBytes(of: head, as: Head.self)
            } else {
                block.storeBytes(of: next, as: UInt32.self)
            }
            if let source = bytes.baseAddress {
                let offset = place == 0 ? Self.headBytes : Self.linkBytes
                memcpy(block + offset, source + piece.lowerBound, piece.count)
            }
            next = reference
        }
        return next
    }

    /// The bytes of a record that is in use, or that this thread's worker has not passed yet.
    func bytes(of reference: UInt32) -> [UInt8] {
        let head = arena.pointer(to: reference).load(as: Head.self)
        let count = Int(head.byteCount)
        precondition(count <= Self.maximumBytes, "a reference does not name an account's record")
        return [UInt8](unsafeUninitializedCapacity: count) { target, filled in
            var reference = reference
            for place in 0..<Self.blocks(count) {
                let block = arena.pointer(to: reference)
                let piece = Self.piece(place, of: count)
                if let start = target.baseAddress {
                    memcpy(
                        start + piece.lowerBound, block + (place == 0 ? Self.headBytes : Self.linkBytes), piece.count)
                }
                reference = block.load(as: UInt32.self)
            }
            filled = count
        }
    }

    /// Nobody finds the record any more once every worker is beyond `position`, the end of the event that says so.
    func retire(_ reference: UInt32, position: UInt64) {
        let state = root.writable(0)
        if state.pointee.lastRetired == 0 {
            state.pointee.firstRetired = reference
        } else {
            writableHead(state.pointee.lastRetired).pointee.nextRetired = reference
        }
        state.pointee.lastRetired = reference
        positions.append(position)
    }

    /// Whether records wait to be given back.
    var hasRetired: Bool { root.rows.pointee.firstRetired != 0 }

    /// Zeroes and gives back what is free when all workers are at `slowest`.
    func reclaim(slowest: UInt64) {
        while firstPosition < positions.count, positions[firstPosition] <= slowest {
            let reference = root.rows.pointee.firstRetired
            let next = arena.pointer(to: reference).load(as: Head.self).nextRetired
            let state = root.writable(0)
            state.pointee.firstRetired = next
            if next == 0 { state.pointee.lastRetired = 0 }
            free(reference)
            firstPosition += 1
        }
        if firstPosition == positions.count {
            positions.removeAll(keepingCapacity: true)
            firstPosition = 0
        }
    }

    private func free(_ reference: UInt32) {
        var reference = reference
        let count = Int(arena.pointer(to: reference).load(as: Head.self).byteCount)
        for place in 0..<Self.blocks(count) {
            let units = Self.units(place, of: count)
            let block = arena.writable(reference, units: units)
            let next = block.load(as: UInt32.self)
            memset(block, 0, Int(units) * Arena.unitBytes)
            arena.free(reference, units: units)
            reference = next
        }
    }

    private func writableHead(_ reference: UInt32) -> UnsafeMutablePointer<Head> {
        arena.writable(reference, units: 1).assumingMemoryBound(to: Head.self)
    }

    /// Takes over what was mapped into the regions; the checksums of the snapshot guard the bytes.
    func adoptLoadedPages(usedBytes: Int) throws(ArenaError) {
        try arena.adoptLoadedPages(usedBytes: usedBytes)
        // Nobody can still read what was replaced before the snapshot. Given back with the next record: until the snapshots know
        // of this memory, it must not change.
        var retired = root.rows.pointee.firstRetired
        while retired != 0, positions.count <= arena.bytesInUse / Arena.unitBytes {
            positions.append(0)
            retired = arena.pointer(to: retired).load(as: Head.self).nextRetired
        }
        if retired != 0 { throw .damagedImage("the replaced records of accounts go round in a circle") }
    }

    /// The regions, for snapshots.
    var storedParts: [StoredPart] {
        [
            root.stored(as: "profileRoot"),
            StoredPart(
                name: "profileMarks", region: arena.marks, usedBytes: { [unowned self] in arena.markBytes },
                adopt: { _ throws(ArenaError) in }),
            StoredPart(
                name: "profiles", region: arena.memory, usedBytes: { [unowned self] in arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in try adoptLoadedPages(usedBytes: bytes) }),
        ]
    }
}

/// How the bytes of a record lie in its blocks.
extension ProfileHeap {
    private static let blockBytes = Int(Arena.maximumBlockUnits) * Arena.unitBytes
    private static let firstPieceBytes = blockBytes - headBytes
    private static let nextPieceBytes = blockBytes - linkBytes

    static func blocks(_ count: Int) -> Int {
        count <= firstPieceBytes ? 1 : 2 + (count - firstPieceBytes - 1) / nextPieceBytes
    }

    private static func piece(_ place: Int, of count: Int) -> Range<Int> {
        if place == 0 { return 0..<min(count, firstPieceBytes) }
        let start = firstPieceBytes + (place - 1) * nextPieceBytes
        return start..<min(count, start + nextPieceBytes)
    }

    private static func units(_ place: Int, of count: Int) -> UInt32 {
        let bytes = piece(place, of: count).count + (place == 0 ? headBytes : linkBytes)
        return UInt32((bytes + Arena.unitBytes - 1) / Arena.unitBytes)
    }
}
