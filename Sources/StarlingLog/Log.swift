import StarlingSystem
import Synchronization

/// An open log: what is shared between its one writer and its many readers. Any thread may use it.
public final class Log: Sendable {
    /// The log's id, drawn when the log was made. Its chain starts with it.
    public let id: UInt64
    /// How often this log has been opened for writing, this time included.
    public let incarnation: UInt64
    /// When a record counts as acknowledged.
    public let level: AcknowledgementLevel

    let source: RecordSource
    let counters = LogCounters()
    let listeners = CommitListeners()
    /// Segments whose files retention has yet to remove; held during a removal.
    let removals = Mutex<[UInt64]>([])
    private let written: Atomic<UInt64>
    private let durable: Atomic<UInt64>
    private let ended = Atomic<Bool>(false)

    init(
        id: UInt64, incarnation: UInt64, level: AcknowledgementLevel, catalog: SegmentCatalog, lastLSN: UInt64
    ) {
        self.id = id
        self.incarnation = incarnation
        self.level = level
        source = RecordSource(catalog: catalog)
        written = Atomic(lastLSN)
        durable = Atomic(lastLSN)
    }

    /// Highest lsn that the kernel has. Readers may read up to here. 0 for an empty log.
    public var writtenLSN: UInt64 { written.load(ordering: .acquiring) }

    /// Highest lsn that is known to be on the disk.
    public var durableLSN: UInt64 { durable.load(ordering: .acquiring) }

    /// Highest lsn that is acknowledged at the log's level: durable for `disk`, else written.
    public var committedLSN: UInt64 { level == .disk ? durableLSN : writtenLSN }

    /// First lsn in the log; 1 also for an empty log.
    public var firstLSN: UInt64 { source.catalog.firstLSN }

    /// Bytes that the log's envelopes take on the disk; what is preallocated behind them is not counted.
    public var dataBytes: UInt64 { source.catalog.dataBytes }

    /// Whether the writer was closed or has failed. The log will not grow any more.
    public var hasEnded: Bool { ended.load(ordering: .acquiring) }

    /// What the writer has done so far.
    public var statistics: LogStatistics {
        counters.snapshot(indexRebuilds: source.catalog.rebuiltTables.load(ordering: .relaxed))
    }

    /// Registers a closure for each time that `committedLSN` has risen, and for the log's end. It runs on the writer's
    /// thread and must not block. Keep the subscription.
    public func onCommit(_ call: @escaping @Sendable () -> Void) -> CommitSubscription { listeners.add(call) }

    func publishWritten(_ lsn: UInt64) { written.store(lsn, ordering: .releasing) }

    func publishDurable(_ lsn: UInt64) { durable.store(lsn, ordering: .releasing) }

    func publishEnd() {
        ended.store(true, ordering: .releasing)
        listeners.notify()
    }
}
