/// What a sorted set stores: a few bytes with a key that orders them.
///
/// Entries lie packed in the arena and, the first few, in the set's 16-byte header. So an entry is 4, 8 or 12 bytes
/// long and has an alignment of at most 4.
public protocol SortedSetEntry: BitwiseCopyable, Sendable {
    /// The type that orders entries. Unique within a set.
    associatedtype Key: FixedWidthInteger & UnsignedInteger & BitwiseCopyable & Sendable
    /// The entry's place in the order.
    var key: Key { get }
}

/// A bare number: a post ordinal in a timeline, a reader number in a follower list.
extension UInt32: SortedSetEntry {
    /// The number itself.
    @inlinable @inline(__always)
    public var key: UInt32 { self }
}

/// A 32-bit key with a 32-bit value, for example a followee and the time since which it is followed.
@frozen
public struct KeyedValue32: SortedSetEntry, Hashable {
    /// The entry's place in the order.
    public var key: UInt32
    /// What is stored with it.
    public var value: UInt32

    /// Creates an entry.
    @inlinable @inline(__always)
    public init(key: UInt32, value: UInt32) {
        self.key = key
        self.value = value
    }
}

/// A 64-bit key with a 32-bit member, in 12 bytes: the key is kept as two halves so that entries need an alignment of 4
/// only.
@frozen
public struct ScoredMember: SortedSetEntry, Hashable {
    @usableFromInline var keyLow: UInt32
    @usableFromInline var keyHigh: UInt32
    /// What is stored with the key.
    public var member: UInt32

    /// Creates an entry.
    @inlinable @inline(__always)
    public init(key: UInt64, member: UInt32) {
        keyLow = UInt32(truncatingIfNeeded: key)
        keyHigh = UInt32(truncatingIfNeeded: key &>> 32)
        self.member = member
    }

    /// The entry's place in the order.
    @inlinable @inline(__always)
    public var key: UInt64 { UInt64(keyHigh) &<< 32 | UInt64(keyLow) }
}
