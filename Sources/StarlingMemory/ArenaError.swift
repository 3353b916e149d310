import StarlingSystem

/// What can go wrong with an arena.
public enum ArenaError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel did not give the address range.
    case reservation(MemoryReservationError)
    /// `needed` bytes are more than the `left` bytes that were reserved and never used.
    case outOfRoom(needed: Int, left: Int)
    /// What was mapped into an arena is not the contents of one.
    case damagedImage(String)

    /// One line for people.
    public var description: String {
        switch self {
        case .reservation(let error): error.description
        case .outOfRoom(let needed, let left):
            "arena full: \(needed) bytes needed, \(left) of its reserved range left; configure a larger reservation"
        case .damagedImage(let reason): "not the contents of an arena: \(reason); load an older snapshot"
        }
    }
}
