import NIOCore
import StarlingSchema
import Synchronization

/// Answers on their way from the engine's threads to a connection's event loop. Many answers cost one wake-up: the loop
/// is asked once, and takes all that have come by then.
final class AnswerQueue: Sendable {
    /// One answer.
    struct Answer: Sendable {
        var opcode: UInt16
        var correlation: UInt64
        var result: Result<Service.Answer, Problem>
    }

    private struct State {
        var answers: [Answer] = []
        var isScheduled = false
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    private let flush: @Sendable () -> Void

    /// `flush` runs on `eventLoop` when there are answers to take.
    init(eventLoop: any EventLoop, flush: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.flush = flush
    }

    /// Any thread.
    func add(_ answer: Answer) {
        let isFirst = state.withLock { state in
            state.answers.append(answer)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { eventLoop.execute(flush) }
    }

    /// The event loop takes what has come.
    func takeAll() -> [Answer] {
        state.withLock { state in
            defer { state.answers = [] }
            state.isScheduled = false
            return state.answers
        }
    }
}
