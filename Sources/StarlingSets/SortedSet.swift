/// The header of a sorted set: 16 bytes that the owner keeps, usually as rows of a `MappedTable`. All zero is the empty
/// set. It means something only to the `SortedSetArena` that filled it.
///
/// Three forms:
/// - *inline*: the entries lie in the header's first 12 bytes, `tailCount` says how many. `tailCapacity` is 0.
/// - *small*: one block of packed entries at `tail`, which has room for `tailCapacity` of them. `head` is 0.
/// - *large*: a chain of leaves from the head node at `head` to the leaf at `tail`.
///
/// `tailCount` and `tailCapacity` speak of the last block, so that an append touches two cache lines: this header and
/// the place of the new entry.
@frozen
public struct SortedSet: BitwiseCopyable, Sendable {
    @usableFromInline var head: UInt32 = 0
    @usableFromInline var tail: UInt32 = 0
    /// Entries in the set; in the small and the large form only.
    @usableFromInline var total: UInt32 = 0
    @usableFromInline var tailCount: UInt8 = 0
    @usableFromInline var tailCapacity: UInt8 = 0
    /// Size of the small form's block, in units.
    @usableFromInline var blockUnits: UInt8 = 0
    @usableFromInline var unused: UInt8 = 0

    /// The empty set.
    @inlinable @inline(__always)
    public init() {}

    /// Number of entries.
    @inlinable @inline(__always)
    public var count: Int { isInline ? Int(tailCount) : Int(total) }

    /// Whether there is no entry.
    @inlinable @inline(__always)
    public var isEmpty: Bool { tailCount == 0 }

    /// Counts an entry that was appended to the last block: adds one to `total` and to `tailCount`, which lie in one word,
    /// with one store. Two cost fan-out five percent. Neither count is at its limit.
    @inlinable @inline(__always)
    static func countAppended(_ set: UnsafeMutablePointer<SortedSet>) {
        let counts = UnsafeMutableRawPointer(set) + 8
        let old = UInt64(littleEndian: counts.loadUnaligned(as: UInt64.self))
        counts.storeBytes(of: (old &+ 0x1_0000_0001).littleEndian, as: UInt64.self)
    }

    @inlinable @inline(__always)
    var isInline: Bool { tailCapacity == 0 }

    @inlinable @inline(__always)
    var isLarge: Bool { tailCapacity != 0 && head != 0 }
}
