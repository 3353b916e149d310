import Synchronization

/// Fetches that wait for records of one partition. No thread waits: a fetch is woken by the commit that brings its record, or
/// by the topics' thread when its time is up. Any thread.
final class FetchWaiters: Sendable {
    private struct Waiter: Sendable {
        var offset: UInt64
        /// In monotonic nanoseconds.
        var deadline: UInt64
        var wake: @Sendable () -> Void
    }

    private let waiters = Mutex<[Waiter]>([])

    func add(offset: UInt64, deadline: UInt64, _ wake: @escaping @Sendable () -> Void) {
        waiters.withLock { $0.append(Waiter(offset: offset, deadline: deadline, wake: wake)) }
    }

    /// Wakes those whose record lies before `end`, or all when there will be no more.
    func wake(before end: UInt64, hasEnded: Bool) { take { hasEnded || $0.offset < end } }

    /// Wakes those whose time is up.
    func wakeExpired(at nanoseconds: UInt64) { take { $0.deadline <= nanoseconds } }

    func wakeAll() { take { _ in true } }

    private func take(_ isDue: (Waiter) -> Bool) {
        let due = waiters.withLock { waiters in
            let due = waiters.filter(isDue)
            if !due.isEmpty { waiters.removeAll(where: isDue) }
            return due
        }
        for waiter in due { waiter.wake() }
    }
}
