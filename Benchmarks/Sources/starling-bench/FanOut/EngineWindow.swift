import Foundation
import StarlingEngine
import Synchronization

/// A bounded number of commands that an engine has not answered, and the first error among their answers.
final class EngineWindow: Sendable {
    private let places: DispatchSemaphore
    private let size: Int
    private let failure = Mutex<String?>(nil)

    init(_ size: Int) {
        self.size = size
        places = DispatchSemaphore(value: size)
    }

    private static let patienceSeconds = 60

    /// Waits for a place, and hands the command over. Throws when the engine answers nothing for a minute.
    func submit(_ command: Command, _ context: WriteContext, to engine: Engine) throws {
        guard places.wait(timeout: .now() + .seconds(Self.patienceSeconds)) == .success else {
            throw ProgramError(text: "starling has answered no write for \(Self.patienceSeconds) seconds")
        }
        engine.submit(command, context) { [self] result in
            if let problem = Self.problem(result) { failure.withLock { $0 = $0 ?? problem } }
            places.signal()
        }
    }

    /// Waits until all are answered; throws the first error.
    func drain() throws {
        for _ in 0..<size { places.wait() }
        for _ in 0..<size { places.signal() }
        if let text = failure.withLock({ $0 }) { throw ProgramError(text: "starling refused: \(text)") }
    }

    private static func problem(_ result: Result<WriteReceipt, EngineError>) -> String? {
        switch result {
        case .failure(let error): return "\(error)"
        case .success(let receipt):
            switch receipt.outcome {
            case .posts(let rows): return rows.lazy.compactMap(\.problem).first
            case .follows(let rows): return rows.lazy.compactMap(\.problem).first
            default: return nil
            }
        }
    }

    /// Calls something of an engine and waits for its answer. Not from an engine's thread.
    static func wait<Value: Sendable>(
        _ body: (@escaping @Sendable (Result<Value, EngineError>) -> Void) -> Void
    ) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let answer = Answer<Value>()
        body { result in
            answer.result.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = answer.result.withLock({ $0 }) else { throw ProgramError(text: "no answer") }
        return try result.get()
    }

    private final class Answer<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, EngineError>?>(nil)
    }
}

extension Result where Failure == EngineError {
    fileprivate var problem: String? { if case .failure(let error) = self { "\(error)" } else { nil } }
}

/// Holds all workers of an engine at a read, so that what is published meanwhile waits for them. A measurement of the
/// workers then is of nothing else.
final class WorkerGate: Sendable {
    private let latch = DispatchGroup()
    private let arrived = DispatchSemaphore(value: 0)

    /// Returns when every worker is held. `users` are accounts that between them belong to all workers.
    init(_ engine: Engine, users: some Sequence<UInt64>) throws {
        latch.enter()
        var held = 0
        for user in users {
            engine.feed(of: UserID(rawValue: user), limit: 1) { [latch, arrived] _ in
                arrived.signal()
                latch.wait()
            }
            // A worker that is held already takes no further read.
            if arrived.wait(timeout: .now() + .milliseconds(50)) == .success { held += 1 }
            if held == engine.configuration.workers { return }
        }
        open()
        throw ProgramError(text: "only \(held) of \(engine.configuration.workers) workers own one of the users")
    }

    /// Lets the workers go.
    func open() { latch.leave() }
}
