import StarlingSystem
import Synchronization

/// A clock that stands still until it is moved. Any thread.
public final class SimulatedTime: TimeSource {
    private let wall: Atomic<UInt64>
    private let monotonic = Atomic<UInt64>(1)

    /// Starts at `wallMilliseconds` since 1970.
    public init(wallMilliseconds: UInt64) { wall = Atomic(wallMilliseconds) }

    /// The time that was set, plus what passed since.
    public func wallMilliseconds() -> UInt64 { wall.load(ordering: .relaxed) }

    /// What passed.
    public func monotonicNanoseconds() -> UInt64 { monotonic.load(ordering: .relaxed) }

    /// Lets time pass on both clocks.
    public func advance(milliseconds: UInt64) {
        wall.wrappingAdd(milliseconds, ordering: .relaxed)
        monotonic.wrappingAdd(milliseconds * 1_000_000, ordering: .relaxed)
    }

    /// Sets the wall clock, also backwards, as an operator or a time server may.
    public func setWall(milliseconds: UInt64) { wall.store(milliseconds, ordering: .relaxed) }
}
