import StarlingLog
import StarlingMemory
import StarlingSnapshots
import StarlingSystem

/// A state in memory that a log stands for, folded record by record, without an engine: the log is only read, nothing is
/// locked, recovered or written. The same code folds as in an engine. One thread.
final class LogFold {
    private let reader: LogReader
    private let state: SequencerState
    private let workers: [Worker]
    private let ring: EventRing
    private let time: any TimeSource
    /// Files that are mapped into the memory of the owners.
    private let images: [OwnerImage]

    /// The state before the first record of the log, which must reach back to record 1.
    init(of reader: LogReader, configuration: EngineConfiguration, time: any TimeSource) throws {
        let ring = EventRing(workers: configuration.workers, capacity: configuration.ringEvents)
        let state = try SequencerState(configuration: configuration, ring: ring, seed: reader.logID)
        workers = try Self.makeWorkers(configuration, state, ring, time)
        self.reader = reader
        self.state = state
        self.ring = ring
        self.time = time
        images = []
    }

    /// The state that a snapshot holds, divided among `configuration.workers`. Reads the files of the snapshot.
    init(
        of reader: LogReader, from manifest: SnapshotManifest, in store: SnapshotStore, disk: any Disk,
        configuration: EngineConfiguration, time: any TimeSource
    ) throws {
        let ring = EventRing(workers: configuration.workers, capacity: configuration.ringEvents)
        let loading = SnapshotLoading(store: store, disk: disk, configuration: configuration, time: time)
        let loaded = try loading.load(manifest, ring: ring, inParallel: false)
        self.reader = reader
        self.ring = ring
        self.time = time
        state = loaded.state
        if manifest.workers == configuration.workers {
            workers = loaded.workers
            images = loaded.images
        } else {
            let divided = try Self.makeWorkers(configuration, loaded.state, ring, time)
            try withExtendedLifetime(loaded.images) {
                try Repartition(users: loaded.state.users, old: loaded.workers, new: divided).run()
            }
            workers = divided
            images = [loaded.images[0]]
        }
    }

    private static func makeWorkers(
        _ configuration: EngineConfiguration, _ state: SequencerState, _ ring: EventRing, _ time: any TimeSource
    ) throws -> [Worker] {
        try (0..<configuration.workers).map { number in
            try Worker(
                number: number, of: configuration.workers, configuration: configuration, users: state.users,
                posts: state.posts, heap: state.accounts.heap, ring: ring, time: time)
        }
    }

    /// The last record that was folded.
    var lastLSN: UInt64 { state.lastLSN }

    /// Folds the records up to `lsn`, as far as the log can be read.
    func advance(to lsn: UInt64) throws(EngineOpenError) {
        let replay = Replay(
            log: reader, state: state, ring: ring, workers: workers,
            waitForWorkers: { [self] in applyAll() }, wakeWorkers: {}, lastLSN: lsn)
        _ = try replay.run()
    }

    private func applyAll() {
        for worker in workers { while worker.applySlice(budget: Self.deliveriesAtOnce) {} }
    }

    private static let deliveriesAtOnce: UInt64 = 1 << 32

    /// The digest of the state as it is. Cost: one pass over the memory.
    func digest() -> EngineDigest {
        withExtendedLifetime(images) {
            let parts = workers.map { $0.digest() }
            return EngineDigest(digest: parts.reduce(.zero) { $0 &+ $1.digest }, workers: parts)
        }
    }
}
