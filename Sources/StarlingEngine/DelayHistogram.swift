/// Counts of delays in logarithmic buckets, eight to a power of two: at most 12 % off, no allocation, 512 counters.
/// Owned by one thread; copied to be read.
struct DelayHistogram: Sendable {
    private var counts = InlineArray<512, UInt64>(repeating: 0)
    private(set) var total: UInt64 = 0
    private(set) var maximum: UInt64 = 0

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
    mutating func record(_ nanoseconds: UInt64, times: UInt64) {
        counts[Self.bucket(nanoseconds)] += times
        total += times
        maximum = max(maximum, nanoseconds)
    }

    /// Adds another histogram's counts.
    mutating func merge(_ other: DelayHistogram) {
        for bucket in 0..<512 { counts[bucket] += other.counts[bucket] }
        total += other.total
        maximum = max(maximum, other.maximum)
    }

    /// The delay that `share` (0 to 1) of the events did not exceed, in nanoseconds.
    func percentile(_ share: Double) -> UInt64 {
        let wanted = UInt64((Double(total) * share).rounded(.up))
        var seen: UInt64 = 0
        for bucket in 0..<512 {
            seen += counts[bucket]
            if seen >= wanted, seen > 0 { return min(Self.upperBound(bucket), maximum) }
        }
        return maximum
    }
}
