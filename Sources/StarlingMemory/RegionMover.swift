import StarlingSystem

/// Moves memory that was mapped from a file into anonymous huge pages, a piece at a time, at its addresses: file mappings get no
/// huge pages, and without them random writes to a gigabyte are half as fast.
///
/// Called by the thread that owns the memory, which alone writes to it; other threads may go on reading.
public final class RegionMover {
    private let base: UnsafeMutableRawPointer
    private let byteCount: Int
    /// Never unmapped: pages that were moved leave their addresses to whoever maps next, and what is not moved of the range
    /// was mostly never touched.
    private let scratch: UnsafeMutablePointer<MemoryReservation>
    private var moved = 0

    /// Bytes that one step moves: a huge page. About half a millisecond.
    public static let pieceBytes = 2 << 20

    /// Nil when there is nothing to move, or no address space for it.
    init?(base: UnsafeMutableRawPointer, byteCount: Int, hugePages: Bool) {
        let rounded = (byteCount + PageID.byteCount - 1) / PageID.byteCount * PageID.byteCount
        self.base = base
        self.byteCount = rounded
        // One range for all pieces: at equal distances, neighbouring pieces can become one mapping again.
        guard byteCount > 0,
            let scratch = try? MemoryReservation(byteCount: rounded, hugePageBytes: hugePages ? rounded : 0)
        else { return nil }
        self.scratch = .allocate(capacity: 1)
        self.scratch.initialize(to: scratch)
    }

    /// Whether everything was moved.
    public var isDone: Bool { moved >= byteCount }

    /// Moves the next piece. When the kernel refuses, the rest stays where it is: only slower.
    public func step() {
        let bytes = min(Self.pieceBytes, byteCount - moved)
        guard bytes > 0 else { return }
        let source = scratch.pointee.base + moved
        source.copyMemory(from: base + moved, byteCount: bytes)
        moved = scratch.pointee.give(offset: moved, byteCount: bytes, to: base + moved) ? moved + bytes : byteCount
    }
}
