import Synchronization

/// Keeps a closure registered with a log until it is cancelled or dropped.
public final class CommitSubscription: Sendable {
    private let number: UInt64
    private let listeners: CommitListeners

    init(number: UInt64, listeners: CommitListeners) {
        self.number = number
        self.listeners = listeners
    }

    deinit { cancel() }

    /// Ends the registration. A call that has begun on the writer's thread may still finish.
    public func cancel() { listeners.remove(number) }
}

/// Who wants to know when a log grows. Closures run on the writer's thread, in the order of registration, and must not
/// block.
final class CommitListeners: Sendable {
    private struct Listener: Sendable {
        let number: UInt64
        let call: @Sendable () -> Void
    }

    private struct State {
        var listeners: [Listener] = []
        var next: UInt64 = 0
    }

    private let state = Mutex(State())

    func add(_ call: @escaping @Sendable () -> Void) -> CommitSubscription {
        let number = state.withLock { state in
            defer { state.next += 1 }
            state.listeners.append(Listener(number: state.next, call: call))
            return state.next
        }
        return CommitSubscription(number: number, listeners: self)
    }

    func remove(_ number: UInt64) {
        state.withLock { $0.listeners.removeAll { $0.number == number } }
    }

    /// Calls outside the lock, so that a closure may cancel itself.
    func notify() {
        let listeners = state.withLock { $0.listeners }
        for listener in listeners { listener.call() }
    }
}
