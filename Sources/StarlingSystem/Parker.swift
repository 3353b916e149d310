import Glibc
import Synchronization

/// Lets one thread sleep until another has work for it. A wake-up that comes first is not lost. A wake-up while the
/// thread is awake costs one atomic exchange and no system call.
public final class Parker: Sendable {
    private let state = Atomic<Int>(Parker.idle)
    private nonisolated(unsafe) let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private nonisolated(unsafe) let condition: UnsafeMutablePointer<pthread_cond_t>

    private static let idle = 0
    private static let notified = 1
    private static let parked = 2

    /// Creates a parker that nobody sleeps on.
    public init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Sleeps until `wake`, or for `milliseconds`. Only the owning thread calls it.
    public func park(milliseconds: Int) { park(microseconds: milliseconds * 1_000) }

    /// Sleeps until `wake`, or for `microseconds` and what the system adds, some fifty. Only the owning thread calls it.
    public func park(microseconds: Int) {
        if state.exchange(Self.idle, ordering: .acquiring) == Self.notified { return }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let (swapped, _) = state.compareExchange(
            expected: Self.idle, desired: Self.parked, ordering: .acquiringAndReleasing)
        if swapped {
            var deadline = timespec()
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            let nanoseconds = deadline.tv_nsec + (microseconds % 1_000_000) * 1_000
            deadline.tv_sec += microseconds / 1_000_000 + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
            while state.load(ordering: .acquiring) == Self.parked {
                if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { break }
            }
        }
        // An exchange, not a store: what a waker did before a wake-up that comes only now must be seen after this.
        _ = state.exchange(Self.idle, ordering: .acquiringAndReleasing)
    }

    /// Wakes the thread, or makes its next `park` return at once. Any thread may call it.
    public func wake() {
        if state.exchange(Self.notified, ordering: .acquiringAndReleasing) == Self.parked {
            pthread_mutex_lock(mutex)
            pthread_cond_signal(condition)
            pthread_mutex_unlock(mutex)
        }
    }
}
