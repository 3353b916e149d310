/// The rules by which authors are pulled at read instead of pushed.
public enum FanoutReason: UInt32, Sendable {
    /// By how many accounts follow the author.
    case followers = 0
    /// By what pushing it costs: followers times posts a day.
    case cost = 1
}

/// How many deliveries a day pushing one author may take.
enum CostLimit: Equatable {
    /// The rule is off.
    case off
    /// Nothing was measured yet.
    case unknown
    /// As many.
    case perDay(UInt64)

    /// High enough for no author to get there, low enough to be multiplied by a percentage.
    private static let highest: UInt64 = 1 << 56

    /// - Parameters:
    ///   - share: of the capacity, 0 to 1; 0 turns the rule off.
    ///   - capacity: deliveries a second, nil when unknown.
    init(share: Double, of capacity: UInt64?) {
        guard share > 0 else {
            self = .off
            return
        }
        guard let capacity else {
            self = .unknown
            return
        }
        self = .perDay(UInt64(min(share * Double(capacity) * 86_400, Double(Self.highest))))
    }
}

/// When an author is pulled, and when pushed again. What it says follows from its fields and arguments alone.
struct FanoutRule {
    /// Followers from which on an author is pulled.
    var threshold: Int
    /// Below this share of threshold and cost limit an author is pushed again.
    let hysteresisPercent: Int
    var cost = CostLimit.off

    /// After a switch of an author, so much log time passes before cost can switch it: the capacity is measured, and noisy.
    static let costPauseMilliseconds: UInt64 = 3_600_000

    func isBelowHysteresis(followers: Int) -> Bool {
        // The highest thresholds, which stand for "never", times 100 are too large for an integer.
        let (limit, overflow) = threshold.multipliedReportingOverflow(by: hysteresisPercent)
        return overflow || followers * 100 < limit
    }

    /// The cost, in deliveries a day, below which an author is pushed again where `limit` is in force. At least 1: who costs
    /// nothing is pushed.
    func pushedAgainBelow(_ limit: UInt64) -> UInt64 { max(1, (limit * UInt64(hysteresisPercent) + 99) / 100) }
}
