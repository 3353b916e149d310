import StarlingSystem

extension Engine {
    /// Whether a session has begun and not ended. Any thread; O(1), without a lock.
    public func isSessionLive(_ id: UInt64) -> Bool { sessions.isLive(id) }

    /// What was erased from the log of things that are gone, and what still waits.
    public var erasureStatistics: ErasureStatistics { eraser.statistics }

    /// Finds an account with what is needed to check its password, as of everything that was submitted before and is committed.
    /// Nil when there is none with that name.
    public func findAccount(
        _ name: AccountName, completion: @escaping @Sendable (Result<AccountRecord?, EngineError>) -> Void
    ) {
        submit(.account(.find(name)), WriteContext(actor: UserID(rawValue: 0))) { result in
            completion(
                result.map { receipt in
                    guard case .found(let record) = receipt.outcome else {
                        preconditionFailure("a search is answered with what was found")
                    }
                    return record
                })
        }
    }

    /// What the sweep of deleted accounts' edges works with.
    var sweepHands: EdgeSweep.Hands {
        EdgeSweep.Hands(
            edges: { [unowned self] user, completion in edges(of: user, completion) },
            remove: { [unowned self] edges, completion in
                submit(.account(.removeEdges(edges)), WriteContext(actor: UserID(rawValue: 0)), completion: completion)
            },
            now: { [time] in time.monotonicNanoseconds() })
    }

    /// Some accounts that a deleted one had to do with.
    private func edges(
        of user: UserIndex, _ completion: @escaping @Sendable (Result<[AccountEdge], EngineError>) -> Void
    ) {
        let limit = CommandBudget.tiesAtOnce(ringEvents: configuration.ringEvents)
        onAllWorkers(minimumLSN: publishedLSN, completion, { parts in Array(parts.joined().prefix(limit)) }) { worker in
            worker.ties(of: user, limit: limit)
        }
    }

    /// Counters, fan-out mode and texts of up to 1,000 accounts, in the order of `ids`; nil for those that no record has used, or
    /// that were deleted. Asks all workers.
    public func profiles(
        of ids: [UserID], minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<[Profile?], EngineError>) -> Void
    ) {
        guard ids.count <= 1_000 else {
            return completion(.failure(.invalid(field: "ids", reason: "\(ids.count) ids; at most 1000 are allowed")))
        }
        let merge: @Sendable ([[Profile?]]) -> [Profile?] = { parts in
            ids.indices.map { place in parts.lazy.compactMap { $0[place] }.first }
        }
        onAllWorkers(minimumLSN: minimumLSN, completion, merge) { [users] worker in
            ids.map { id in users.index(of: id).flatMap { worker.profile(of: $0) } }
        }
    }
}
