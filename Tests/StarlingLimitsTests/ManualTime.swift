import StarlingSystem
import Synchronization

/// A clock that a test moves.
final class ManualTime: TimeSource {
    private let state: Mutex<(wall: UInt64, monotonic: UInt64)>

    init(wall: UInt64 = 1_700_000_000_000, monotonic: UInt64 = 5_000_000_000) {
        state = Mutex((wall, monotonic))
    }

    func wallMilliseconds() -> UInt64 { state.withLock { $0.wall } }
    func monotonicNanoseconds() -> UInt64 { state.withLock { $0.monotonic } }

    /// Lets time pass on both clocks.
    func pass(nanoseconds: UInt64) {
        state.withLock {
            $0.monotonic += nanoseconds
            $0.wall += nanoseconds / 1_000_000
        }
    }

    func pass(seconds: UInt64) { pass(nanoseconds: seconds * 1_000_000_000) }
}
