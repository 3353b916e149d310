/// A count of events each of which counts for half as much with every 30 days that pass.
///
/// It is kept as the second since 1970 at which one single event would count for as much, now and at any later time. So nothing is
/// to be done as time passes, and the greater of two counts is the one with the greater number, whenever they are compared.
struct DecayedCount: Equatable {
    /// That second.
    var level: UInt32

    /// What an event counts for. Part of the state's definition, as the half-life is: a log that is folded anew has to give the
    /// same.
    enum Weight: Int {
        case reaction = 0
        /// As much as two reactions.
        case comment = 1
    }

    static let halfLifeSeconds = 30.0 * 86_400

    /// One event.
    init(_ weight: Weight, at second: UInt32) {
        level = UInt32(clamping: Int(second) + weight.rawValue * Int(Self.halfLifeSeconds))
    }

    init(level: UInt32) { self.level = level }

    /// Adds what `other` counts.
    mutating func add(_ other: DecayedCount) {
        let (greater, lesser) = (max(level, other.level), min(level, other.level))
        let share = BinaryLogarithm.power(-Double(greater - lesser) / Self.halfLifeSeconds)
        let rise = (BinaryLogarithm.of(1 + share) * Self.halfLifeSeconds).rounded()
        level = UInt32(clamping: Int(greater) + Int(rise))
    }

    /// What the events count for at a second, in events of that second.
    func value(at second: UInt32) -> Double {
        BinaryLogarithm.power((Double(level) - Double(second)) / Self.halfLifeSeconds)
    }
}
