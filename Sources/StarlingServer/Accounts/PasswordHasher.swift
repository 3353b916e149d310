import NIOPosix
import StarlingEngine
import StarlingSchema
import Synchronization

/// Hashes passwords on threads for nothing else: that is slow on purpose, and neither event loops nor the engine may wait for it.
final class PasswordHasher: Sendable {
    private let threads: NIOThreadPool
    private let waiting = Atomic<Int>(0)
    private let cost: Int
    /// What unknown users' passwords are compared with, so that they take as long as known ones'.
    private let decoy: PasswordHash

    /// More are told to come back: a queue of some seconds helps nobody.
    private static let maximumWaiting = 64

    init(cost: Int, threads: NIOThreadPool) {
        self.cost = cost
        decoy = PasswordHash(ofNobodyAtCost: cost)
        self.threads = threads
    }

    /// The hash of a new password.
    func hash(_ password: String) async throws(Problem) -> String {
        try await run { [cost] in try PasswordHash(password, cost: cost).text }
    }

    /// Whether `password` is the one of `hash`; false, after the same time, for no hash.
    func check(_ password: String, against hash: String?) async throws(Problem) -> Bool {
        let known = hash.flatMap(PasswordHash.init)
        return try await run { [decoy] in
            let isRight = try (known ?? decoy).matches(password)
            return isRight && known != nil
        }
    }

    private func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws(Problem) -> Value {
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.maximumWaiting else {
            throw Problem(
                status: 503, code: "OVERLOADED", detail: "too many passwords are being checked; try again in a second",
                retryAfterSeconds: 1)
        }
        do {
            return try await threads.runIfActive(body)
        } catch {
            throw Problem(.closed)
        }
    }
}
