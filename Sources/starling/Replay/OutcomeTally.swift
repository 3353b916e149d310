import Synchronization

/// Adds up what became of batches, from any thread.
final class OutcomeTally: Sendable {
    private let sum = Mutex(BatchOutcome())

    /// Adds a batch, and returns its error when it failed as a whole.
    func add(_ result: Result<BatchOutcome, any Error>) -> (any Error)? {
        switch result {
        case .failure(let error): return error
        case .success(let outcome):
            sum.withLock { sum in
                sum.changed += outcome.changed
                sum.refused += outcome.refused
                if sum.firstRefusal == nil { sum.firstRefusal = outcome.firstRefusal }
            }
            return nil
        }
    }

    var total: BatchOutcome { sum.withLock { $0 } }
}
