import Synchronization

/// Lets a bounded number of batches be unanswered, and keeps the first error. One task asks for places; completions on any
/// thread give them back.
final class InFlightWindow: Sendable {
    private struct State {
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
        var error: (any Error)?
    }

    private let state: Mutex<State>
    private let size: Int

    init(size: Int) {
        self.size = size
        state = Mutex(State(free: size))
    }

    /// Waits for a place; throws the first error of a batch before.
    func enter() async throws {
        try await wait {
            $0.free > 0
        } then: {
            $0.free -= 1
        }
    }

    /// Waits until all places are free.
    func drain() async throws {
        try await wait { [size] in
            $0.free == size
        } then: { _ in
        }
    }

    /// Gives a place back.
    func leave(_ error: (any Error)?) {
        let waiter = state.withLock { state in
            state.free += 1
            if state.error == nil { state.error = error }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    private func wait(
        until isReady: @Sendable (borrowing State) -> Bool, then change: @Sendable (inout State) -> Void
    ) async throws {
        while true {
            let isDone = try state.withLock { state in
                if let error = state.error { throw error }
                guard isReady(state) else { return false }
                change(&state)
                return true
            }
            if isDone { return }
            await withCheckedContinuation { continuation in
                let isLate = state.withLock { state in
                    if state.error != nil || isReady(state) { return true }
                    state.waiter = continuation
                    return false
                }
                if isLate { continuation.resume() }
            }
        }
    }
}
