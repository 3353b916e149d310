/// The least rate at which bytes that have been announced must come.
public struct ArrivalPace: Sendable, Equatable {
    /// Nanoseconds in which the rate is not asked for.
    public var grace: UInt64
    /// Bytes in a second from then on.
    public var bytesPerSecond: UInt64

    /// A pace.
    public init(grace: UInt64, bytesPerSecond: UInt64) {
        self.grace = grace
        self.bytesPerSecond = bytesPerSecond
    }

    /// When bytes that began to come at `start` are too slow, unless more than `bytes` of them have come by then: on the
    /// clock of `start`, in nanoseconds.
    public func deadline(start: UInt64, bytes: UInt64) -> UInt64 {
        let rate = max(1, bytesPerSecond)
        let seconds = min(bytes / rate, Self.longest)
        let rest = seconds == Self.longest ? 0 : (bytes % rate) * (1_000_000_000 / rate)
        return start &+ grace &+ seconds &* 1_000_000_000 &+ rest
    }

    /// A hundred years, so that sums stay far from the end of the number range.
    private static let longest: UInt64 = 3_153_600_000
}
