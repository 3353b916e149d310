/// A promise that a simulated run found broken.
public struct InvariantViolation: Error, Sendable, Equatable, CustomStringConvertible {
    /// Which one, by its name in the list of invariants: `I1 no acknowledged loss`.
    public let invariant: String
    /// What was expected, and what was there.
    public let details: String

    init(_ invariant: Invariant, _ details: String) {
        self.invariant = invariant.rawValue
        self.details = details
    }

    /// One line for people.
    public var description: String { "\(invariant): \(details)" }
}

/// The promises that a run checks.
enum Invariant: String {
    case acknowledgedLoss = "I1 no acknowledged loss"
    case hole = "I2 survivors are a prefix"
    case phantom = "I3 no phantom"
    case idempotency = "I4 idempotency"
    case timelines = "I5 timelines"
    case counters = "I6 counters"
    case cursors = "I7 cursors"
    case equivalence = "I10 the state is a fold of the log"
    case identifiers = "I11 ids"
    case honesty = "I12 honesty"
    case observed = "I13 what was seen stays"
    case corruption = "I14 corruption"
    case feedEvents = "feed-events has exactly one record for each post"
    case backups = "a backup is the state after a record"
    case answers = "answers follow from the log"
    case liveness = "L2 everything is answered and applied"
    case determinism = "the same seed gives the same run"
}
