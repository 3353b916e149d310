import StarlingSystem

/// What the whole engine has done and holds.
public struct EngineStatistics: Sendable {
    /// The lowest record that all workers have applied.
    public var appliedLSN: UInt64 = 0
    /// Accounts.
    public var users: UInt64 = 0
    /// Edges of the graph.
    public var edges: UInt64 = 0
    /// Posts that are not deleted.
    public var posts: UInt64 = 0
    /// Posts times followers whose timeline they were put into, since the log began.
    public var pushed: UInt64 = 0
    /// Posts times followers who merge them at read, since the log began.
    public var pulled: UInt64 = 0
    /// Entries in timelines.
    public var timelineEntries: UInt64 = 0
    /// Bytes of the timelines: arenas, headers, floors.
    public var timelineBytes: UInt64 = 0
    /// Bytes of the edges in the workers and in the sequencer, headers included.
    public var edgeBytes: UInt64 = 0
    /// How soon after the acknowledgement posts were in a worker's last timeline; each post counts once for each worker.
    public var delays = DelayHistogram()
    /// Half of the posts were there this soon, in nanoseconds.
    public var delayP50: UInt64 { delays.percentile(0.50) }
    /// 99 of 100 posts.
    public var delayP99: UInt64 { delays.percentile(0.99) }
    /// The slowest.
    public var delayMaximum: UInt64 { delays.maximum }
}

/// The digest of the whole state.
public struct EngineDigest: Sendable, Equatable {
    /// The sum over all workers: the same for every number of workers that have applied the same log.
    public var digest: Hash128
    /// Each worker's part.
    public var workers: [WorkerDigest]
}

extension Engine {
    /// How long `quiesce` waits for the workers, at most.
    private static let quiesceNanoseconds: UInt64 = 600_000_000_000

    /// Waits until everything submitted before is committed and applied by every worker; then says what there is.
    public func quiesce(
        completion: @escaping @Sendable (Result<(lsn: UInt64, statistics: EngineStatistics), EngineError>) -> Void
    ) {
        submit(.barrier, WriteContext(actor: UserID(rawValue: 0))) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let receipt):
                let answer: @Sendable (Result<EngineStatistics, EngineError>) -> Void = { [self] result in
                    completion(
                        result.map { statistics in
                            var statistics = statistics
                            statistics.edgeBytes += UInt64(sequencerEdgeBytes)
                            return (receipt.lsn, statistics)
                        })
                }
                onAllWorkers(
                    minimumLSN: receipt.lsn, waitNanoseconds: Self.quiesceNanoseconds, wantsWholeRecords: true,
                    answer, Self.total
                ) { $0.statistics() }
            }
        }
    }

    /// The digest of the state, after everything submitted before is applied. Each worker stops for the time of one pass
    /// over its memory: some milliseconds a million entries.
    public func stateDigest(completion: @escaping @Sendable (Result<EngineDigest, EngineError>) -> Void) {
        submit(.barrier, WriteContext(actor: UserID(rawValue: 0))) { [self] result in
            switch result {
            case .failure(let error): completion(.failure(error))
            case .success(let receipt):
                let sum: @Sendable ([WorkerDigest]) -> EngineDigest = { parts in
                    EngineDigest(digest: parts.reduce(.zero) { $0 &+ $1.digest }, workers: parts)
                }
                onAllWorkers(
                    minimumLSN: receipt.lsn, waitNanoseconds: Self.quiesceNanoseconds, wantsWholeRecords: true,
                    completion, sum
                ) { $0.digest() }
            }
        }
    }

    /// Changes the number of followers from which on authors are pulled. Takes effect with an author's next post or
    /// follower. Kept over a restart; `EngineConfiguration.celebrityThreshold` wins over it there.
    public func setCelebrityThreshold(
        _ threshold: Int, completion: @escaping @Sendable (Result<Void, EngineError>) -> Void
    ) {
        submit(.setCelebrityThreshold(threshold), WriteContext(actor: UserID(rawValue: 0))) { result in
            completion(result.map { _ in })
        }
    }

    private static func total(_ parts: [WorkerStatistics]) -> EngineStatistics {
        var sum = EngineStatistics()
        sum.appliedLSN = parts.map(\.appliedLSN).min() ?? 0
        for part in parts {
            sum.users += part.users
            sum.edges += part.edges
            sum.posts += part.posts
            sum.pushed += part.pushed
            sum.pulled += part.pulled
            sum.timelineEntries += part.timelineEntries
            sum.timelineBytes += part.timelineBytes
            sum.edgeBytes += part.edgeBytes
            sum.delays.merge(part.delays)
        }
        return sum
    }
}
