/// How fast a bucket's tokens come back, and how many it holds. All arithmetic is in whole numbers and exact: a bucket's level
/// counts units, of which a token has as many as the period has nanoseconds, so each nanosecond brings `tokens` units.
public struct TokenRate: Sendable, Equatable, CustomStringConvertible {
    /// Tokens that come back in a period.
    public let tokens: UInt64
    /// The period in nanoseconds.
    public let period: UInt64
    /// The most tokens that a bucket holds.
    public let burst: UInt64

    /// The longest period: a day.
    public static let longestPeriod: UInt64 = 86_400_000_000_000

    /// A rate; nil when a number is zero, the period longer than a day, or all of it too large to be counted exactly.
    public init?(tokens: UInt64, period: UInt64, burst: UInt64) {
        guard tokens > 0, tokens <= 1_000_000_000, period > 0, period <= Self.longestPeriod, burst > 0,
            !burst.multipliedReportingOverflow(by: period).overflow
        else { return nil }
        self.tokens = tokens
        self.period = period
        self.burst = burst
    }

    /// From `TOKENS/PERIOD`, where the period is `s`, `m`, `h`, `d`, or a number of them: `5/s`, `100/10s`, `1000/h`.
    public init?(_ text: String, burst: UInt64) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let tokens = Self.number(parts[0]), let unit = parts[1].last,
            let seconds: UInt64 = ["s": 1, "m": 60, "h": 3_600, "d": 86_400][unit]
        else { return nil }
        let count = parts[1].dropLast()
        guard let times = count.isEmpty ? 1 : Self.number(count), times <= 86_400 else { return nil }
        self.init(tokens: tokens, period: times * seconds * 1_000_000_000, burst: burst)
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt64(text)
    }

    /// `TOKENS/PERIOD` as it can be read again.
    public var description: String {
        let seconds = period / 1_000_000_000
        return seconds == 1 ? "\(tokens)/s" : "\(tokens)/\(seconds)s"
    }

    /// The level of a full bucket.
    var capacity: UInt64 { burst * period }

    /// The level after so many nanoseconds.
    func refilled(_ level: UInt64, after nanoseconds: UInt64) -> UInt64 {
        let (gain, overflow) = nanoseconds.multipliedReportingOverflow(by: tokens)
        if overflow || gain >= capacity - min(level, capacity) { return capacity }
        return level + gain
    }

    /// The units that so many tokens are, or nil when no bucket ever holds them.
    func units(of cost: UInt64) -> UInt64? { cost > burst ? nil : cost * period }

    /// Nanoseconds until a bucket at `level` holds `units`, rounded up.
    func nanoseconds(from level: UInt64, to units: UInt64) -> UInt64 {
        guard units > level else { return 0 }
        let missing = units - level
        return missing / tokens + (missing % tokens == 0 ? 0 : 1)
    }

    /// Seconds in which an empty bucket fills, rounded up.
    public var window: UInt64 { Self.seconds(nanoseconds(from: 0, to: capacity)) }

    /// Nanoseconds as seconds, rounded up.
    static func seconds(_ nanoseconds: UInt64) -> UInt64 {
        nanoseconds / 1_000_000_000 + (nanoseconds % 1_000_000_000 == 0 ? 0 : 1)
    }

    /// A level of another rate's bucket in this rate's units: as many tokens, at most a full bucket.
    func level(_ level: UInt64, from other: TokenRate) -> UInt64 {
        if other.period == period { return min(level, capacity) }
        let product = level.multipliedFullWidth(by: period)
        // Below it the quotient fits; above it the bucket is full in any case.
        guard product.high < other.period else { return capacity }
        return min(other.period.dividingFullWidth(product).quotient, capacity)
    }
}
