/// Counts of delays in logarithmic buckets, eight to a power of two: at most 12 % off, no allocation, 512 counters.
/// Owned by one thread; copied to be read.
public struct DelayHistogram: Sendable {
    private var counts = InlineArray<512, UInt64>(repeating: 0)
    /// How many events were counted.
    public private(set) var total: UInt64 = 0
    /// The longest delay, in nanoseconds.
    public private(set) var maximum: UInt64 = 0

    /// Creates an empty one.
    public init() {}

    private static func bucket(_ value: UInt64) -> Int {
        if value < 8 { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 2) * 8 + Int((value >> UInt64(exponent - 3)) & 7)
    }

    /// The highest value that falls into a bucket.
    private static func upperBound(_ bucket: Int) -> UInt64 {
        if bucket < 8 { return UInt64(bucket) }
        let exponent = UInt64(bucket / 8 + 2)
        let step = UInt64(1) << (exponent - 3)
        return (8 + UInt64(bucket % 8)) * step + (step - 1)
    }

    /// Counts `times` events that took `nanoseconds` each.
    public mutating func record(_ nanoseconds: UInt64, times: UInt64) {
        counts[Self.bucket(nanoseconds)] += times
        total += times
        maximum = max(maximum, nanoseconds)
    }

    /// Adds another histogram's counts.
    public mutating func merge(_ other: DelayHistogram) {
        for bucket in 0..<512 { counts[bucket] += other.counts[bucket] }
        total += other.total
        maximum = max(maximum, other.maximum)
    }

    /// What was counted after `earlier`, which is a copy that was taken of this one. Its maximum is at most 12 % too high.
    public func since(_ earlier: DelayHistogram) -> DelayHistogram {
        var rest = DelayHistogram()
        for bucket in 0..<512 where counts[bucket] > earlier.counts[bucket] {
            rest.counts[bucket] = counts[bucket] - earlier.counts[bucket]
            rest.total += rest.counts[bucket]
            rest.maximum = min(Self.upperBound(bucket), maximum)
        }
        return rest
    }

    /// The delay that `share` (0 to 1) of the events did not exceed, in nanoseconds.
    public func percentile(_ share: Double) -> UInt64 {
        let wanted = UInt64((Double(total) * share).rounded(.up))
        var seen: UInt64 = 0
        for bucket in 0..<512 {
            seen += counts[bucket]
            if seen >= wanted, seen > 0 { return min(Self.upperBound(bucket), maximum) }
        }
        return maximum
    }
}
