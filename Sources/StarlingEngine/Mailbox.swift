import Synchronization

/// A bounded queue from many threads to one. The owner takes everything at once, so a burst costs it one lock.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var bytes = 0
        var isClosed = false
    }

    /// What became of an offered element.
    enum Offer {
        case taken, full, closed
    }

    private let state = Mutex(State())
    private let limit: Int
    private let byteLimit: Int

    init(limit: Int, byteLimit: Int = .max) {
        self.limit = limit
        self.byteLimit = byteLimit
    }

    /// Adds an element unless the queue is full or closed. `bytes` is what it keeps in memory, roughly.
    func offer(_ element: Element, bytes: Int = 0) -> Offer {
        state.withLock { state in
            if state.isClosed { return .closed }
            // An empty queue takes one element of any size, or a large one could never pass.
            if state.elements.count >= limit || (state.bytes + bytes > byteLimit && !state.elements.isEmpty) {
                return .full
            }
            state.elements.append(element)
            state.bytes += bytes
            return .taken
        }
    }

    /// Takes all elements, in order.
    func takeAll(into target: inout [Element]) {
        state.withLock { state in
            swap(&state.elements, &target)
            state.elements.removeAll(keepingCapacity: true)
            state.bytes = 0
        }
    }

    var count: Int { state.withLock { $0.elements.count } }

    /// Refuses everything from now on. What is queued stays.
    func close() { state.withLock { $0.isClosed = true } }
}
