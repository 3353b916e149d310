import Glibc

/// The clocks as the engine sees them. Handed in, so that a test decides what time it is.
public protocol TimeSource: Sendable {
    /// Wall-clock time in milliseconds since 1970-01-01 UTC. May jump either way.
    func wallMilliseconds() -> UInt64
    /// Nanoseconds on a clock that never goes back. Its zero means nothing.
    func monotonicNanoseconds() -> UInt64
}

/// The machine's clocks.
public struct SystemTime: TimeSource {
    /// Creates it. It holds no state.
    public init() {}

    private func read(_ clock: clockid_t) -> timespec {
        var value = timespec()
        clock_gettime(clock, &value)
        return value
    }

    /// `CLOCK_REALTIME`.
    public func wallMilliseconds() -> UInt64 {
        let now = read(CLOCK_REALTIME)
        return UInt64(now.tv_sec) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }

    /// `CLOCK_MONOTONIC`.
    public func monotonicNanoseconds() -> UInt64 {
        let now = read(CLOCK_MONOTONIC)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
