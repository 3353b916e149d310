import StarlingSystem

/// An account. 64 bits, never 0.
public struct UserID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number as clients see it.
    public let rawValue: UInt64

    /// Wraps a number. 0 is accepted here and refused by every operation.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Order of the numbers.
    public static func < (left: UserID, right: UserID) -> Bool { left.rawValue < right.rawValue }

    /// Decimal digits.
    public var description: String { String(rawValue) }
}

/// A post. Ids rise in the order of the log; see `PostIDMint` for the bits.
public struct PostID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number as clients see it.
    public let rawValue: UInt64

    /// Wraps a number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Order of the numbers, which is the order of the log.
    public static func < (left: PostID, right: PostID) -> Bool { left.rawValue < right.rawValue }

    /// When the post was made, in milliseconds since 1970-01-01 UTC.
    public var milliseconds: UInt64 { (rawValue >> PostIDMint.lowBits) &+ PostIDMint.epoch }

    /// Decimal digits.
    public var description: String { String(rawValue) }
}

/// The number of a user in the order of first use, from 0. Dense, the same for every number of workers.
typealias UserIndex = UInt32

/// The number of a post in the order of the log, from 1. 0 stands for none.
typealias PostOrdinal = UInt32

/// The number of a reader within its worker, in the order of first use, from 0.
typealias ReaderNumber = UInt32

/// Which of the 1,024 hash slots an account falls into, and which worker owns a slot.
enum Slot {
    static let count = 1_024

    /// The slot of an account: the top 10 bits of its mixed id.
    static func of(_ user: UserID) -> Int { Int(truncatingIfNeeded: Murmur3.mix(user.rawValue) >> 54) }

    /// The worker, of `workers`, that owns the slot: equal ranges of slots.
    static func worker(of user: UserID, workers: Int) -> Int { of(user) * workers / count }
}
