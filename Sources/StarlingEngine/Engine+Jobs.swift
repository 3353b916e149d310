import StarlingSystem

/// Handing reads to the workers that own what they ask for.
extension Engine {
    /// How long a read waits for the record that it asks to see, at most.
    static let visibilityWaitNanoseconds: UInt64 = 1_000_000_000

    /// Runs `body` on the worker that owns `user`, after it has applied `minimumLSN`.
    func onWorker<Value: Sendable>(
        of user: UserID, minimumLSN: UInt64, waitNanoseconds: UInt64 = Engine.visibilityWaitNanoseconds,
        _ completion: @escaping @Sendable (Result<Value, EngineError>) -> Void,
        _ body: @escaping @Sendable (Worker) -> Value
    ) {
        let number = Slot.worker(of: user, workers: runners.count)
        onWorker(number, minimumLSN: minimumLSN, waitNanoseconds: waitNanoseconds, completion, body)
    }

    /// Runs `body` on a worker by its number.
    func onWorker<Value: Sendable>(
        _ number: Int, minimumLSN: UInt64, waitNanoseconds: UInt64 = Engine.visibilityWaitNanoseconds,
        wantsWholeRecords: Bool = false, _ completion: @escaping @Sendable (Result<Value, EngineError>) -> Void,
        _ body: @escaping @Sendable (Worker) -> Value
    ) {
        let deadline =
            minimumLSN == 0 ? UInt64.max : time.monotonicNanoseconds().saturatingAdd(waitNanoseconds)
        let job = WorkerJob(minimumLSN: minimumLSN, deadline: deadline, wantsWholeRecords: wantsWholeRecords) {
            result in
            completion(result.map(body))
        }
        runners[number].offer(job)
    }

    /// What posts or comments say, in the order of `entries`; nil for a body that was erased. Reads the log where the cache does not
    /// help, so it may block for the disk.
    public func bodies(of entries: [PostEntry]) throws(EngineError) -> [PostBody?] {
        do {
            return try bodies.bodies(of: entries)
        } catch {
            throw .unreadableBody("\(error)")
        }
    }
}

extension UInt64 {
    /// The sum, or the highest number.
    fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
