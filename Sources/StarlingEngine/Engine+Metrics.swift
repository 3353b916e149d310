import StarlingLog

/// Figures about a running engine that cost next to nothing to collect.
public struct EngineMetrics: Sendable {
    /// The last record that readers may see.
    public var publishedLSN: UInt64 = 0
    /// The last record that each worker has applied.
    public var appliedLSN: [UInt64] = []
    /// Posts times followers whose timeline they were put into, since the log began.
    public var pushed: UInt64 = 0
    /// Posts times followers who merge them at read, since the log began.
    public var pulled: UInt64 = 0
    /// Posts times followers who were away.
    public var skippedAway: UInt64 = 0
    /// Readers who are away now.
    public var awayReaders: UInt64 = 0
    /// Deliveries a second that all workers together make while they have work; 0 until enough was delivered to tell.
    public var deliveriesPerSecond: UInt64 = 0
    /// How long work for a snapshot kept workers from their reads, in nanoseconds, each time since the start. Without the time
    /// that the system gave to other threads meanwhile.
    public var stalls = StallSummary()
    /// The same by the clock.
    public var stallsByClock = StallSummary()
    /// Of these, those in which the system took the processor away.
    public var preemptedStalls: UInt64 = 0
    /// What the log's writer did.
    public var log: LogStatistics
    /// Bytes of the log on the disk.
    public var logBytes: UInt64 = 0
    /// Snapshots.
    public var snapshots = SnapshotStatistics()
    /// The background scrub.
    public var scrub = ScrubStatistics()
    /// What was erased from the log.
    public var erasure = ErasureStatistics()

    init(log: LogStatistics) { self.log = log }
}

/// A distribution of stalls, in nanoseconds.
public struct StallSummary: Sendable, Equatable {
    /// How many there were.
    public var count: UInt64 = 0
    /// Half were no longer.
    public var p50: UInt64 = 0
    /// 99 of 100 were no longer.
    public var p99: UInt64 = 0
    /// 999 of 1,000 were no longer.
    public var p999: UInt64 = 0
    /// The longest.
    public var maximum: UInt64 = 0

    init() {}

    init(_ histogram: DelayHistogram) {
        count = histogram.total
        p50 = histogram.percentile(0.50)
        p99 = histogram.percentile(0.99)
        p999 = histogram.percentile(0.999)
        maximum = histogram.maximum
    }
}

extension Engine {
    /// Collects the figures; each worker is asked between two pieces of its work.
    public func metrics(completion: @escaping @Sendable (Result<EngineMetrics, EngineError>) -> Void) {
        let runners = runners
        let merge: @Sendable ([WorkerFigures]) -> EngineMetrics = { [self] parts in
            var metrics = EngineMetrics(log: logStatistics)
            var stalls = Stalls()
            for part in parts {
                metrics.appliedLSN.append(part.appliedLSN)
                metrics.pushed += part.pushed
                metrics.pulled += part.pulled
                metrics.skippedAway += part.skippedAway
                metrics.awayReaders += part.awayReaders
                stalls.merge(part.stalls)
            }
            metrics.publishedLSN = publishedLSN
            metrics.deliveriesPerSecond = deliveriesPerSecond ?? 0
            metrics.stalls = StallSummary(stalls.held)
            metrics.stallsByClock = StallSummary(stalls.byClock)
            metrics.preemptedStalls = stalls.preempted
            metrics.logBytes = logBytes
            metrics.snapshots = snapshotStatistics
            metrics.scrub = scrubStatistics
            metrics.erasure = erasureStatistics
            return metrics
        }
        onAllWorkers(minimumLSN: 0, completion, merge) { worker in
            WorkerFigures(
                appliedLSN: worker.appliedLSN, pushed: worker.pushed, pulled: worker.pulled,
                skippedAway: worker.skippedAway, awayReaders: worker.awayReaders, stalls: runners[worker.number].stalls)
        }
    }
}

/// One worker's part of the metrics.
private struct WorkerFigures: Sendable {
    var appliedLSN: UInt64
    var pushed: UInt64
    var pulled: UInt64
    var skippedAway: UInt64
    var awayReaders: UInt64
    var stalls: Stalls
}
