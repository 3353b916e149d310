import Glibc

/// The clocks as the engine sees them. Handed in, so that a test decides what time it is.
public protocol TimeSource: Sendable {
    /// Wall-clock time in milliseconds since 1970-01-01 UTC. May jump either way.
    func wallMilliseconds() -> UInt64
    /// Nanoseconds on a clock that never goes back. Its zero means nothing.
    func monotonicNanoseconds() -> UInt64
    /// Processor time of the calling thread, in nanoseconds.
    func threadNanoseconds() -> UInt64
    /// How often the system took the processor from the calling thread to give it to another.
    func threadPreemptions() -> UInt64
}

extension TimeSource {
    /// Where time stands still between two calls, a thread has a processor of its own.
    public func threadNanoseconds() -> UInt64 { monotonicNanoseconds() }

    /// Never.
    public func threadPreemptions() -> UInt64 { 0 }
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
    public func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

    /// `CLOCK_THREAD_CPUTIME_ID`.
    public func threadNanoseconds() -> UInt64 { nanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    /// `RUSAGE_THREAD` of `bits/resource.h`, which Swift does not see.
    private static let ofThisThread: __rusage_who_t = 1

    /// `ru_nivcsw` of `RUSAGE_THREAD`.
    public func threadPreemptions() -> UInt64 {
        var usage = rusage()
        getrusage(Self.ofThisThread, &usage)
        return UInt64(usage.ru_nivcsw)
    }

    private func nanoseconds(_ clock: clockid_t) -> UInt64 {
        let now = read(clock)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
