import StarlingLog
import StarlingSnapshots
import StarlingSystem
import Synchronization

extension Engine {
    /// Takes a snapshot of everything that is committed now, and installs it. The completion runs on a thread of the engine.
    public func snapshot(completion: @escaping @Sendable (Result<SnapshotReport, EngineError>) -> Void) {
        guard let snapshotter else { return completion(.failure(.snapshotFailed("snapshots are switched off"))) }
        snapshotter.request(completion)
    }

    func makeBackup(in target: String) throws(BackupError) -> BackupReport {
        try Backup(disk: disk).make(
            of: log, topics: topics, snapshots: SnapshotPaths.directory(in: directory), in: target)
    }

    /// What became of the snapshots so far.
    public var snapshotStatistics: SnapshotStatistics { snapshotter?.statistics ?? SnapshotStatistics() }

    /// What the background scrub has found.
    public var scrubStatistics: ScrubStatistics { scrub?.statistics ?? ScrubStatistics() }

    /// So that the next start need not replay much.
    func takeLastSnapshot() {
        let least = configuration.snapshots.recordsAtClose
        guard let snapshotter, least > 0, writer.failure == nil,
            writer.publishedLSN >= snapshotter.statistics.newestLSN + least
        else { return }
        let done = Parker()
        let isDone = Mutex(false)
        snapshot { _ in
            isDone.withLock { $0 = true }
            done.wake()
        }
        // Bounded: a slow disk must not keep a process from ending, and without the snapshot nothing is lost.
        for _ in 0..<50 where !isDone.withLock({ $0 }) {
            if execution == .threads { done.park(milliseconds: 100) } else { while step() {} }
        }
    }

    /// Makes the snapshotter and gives every owner its side of it. Before any thread runs.
    static func makeSnapshotter(
        _ opened: OpenedState, _ directory: String, _ configuration: EngineConfiguration,
        _ environment: EngineEnvironment, isMapping: Bool, wake: @escaping @Sendable () -> Void
    ) throws -> Snapshotter {
        let store = SnapshotStore(directory: SnapshotPaths.directory(in: directory), disk: environment.disk)
        try store.prepare()
        let loading = SnapshotLoading(
            store: store, disk: environment.disk, configuration: configuration, time: environment.time)
        let state = opened.state
        let files = try SnapshotFilesWriter(
            store: store, disk: environment.disk, logID: opened.log.log.id, workers: configuration.workers,
            timelineCap: configuration.timelineCap, loaded: opened.isAsStored ? opened.manifest : nil,
            images: opened.images, candidates: opened.candidates, unusable: opened.unusable,
            unread: opened.unread,
            digest: SnapshotDigest(loading: loading, users: state.users, posts: state.posts, heap: state.accounts.heap))
        let snapshotter = Snapshotter(
            files: files, log: opened.log.log, workers: configuration.workers, configuration: configuration.snapshots,
            time: environment.time, loaded: opened.manifest, wake: wake)
        let owners: [any StoredState] = [state] + opened.workers
        for (number, owner) in owners.enumerated() {
            let snapshot = OwnerSnapshot(number: number, owner: owner, snapshotter: snapshotter)
            if opened.isAsStored { snapshot.adoptLoadedSnapshot() }
            if isMapping, number < opened.images.count { snapshot.moveLoadedPages() }
            if number == 0 { state.snapshot = snapshot } else { opened.workers[number - 1].snapshot = snapshot }
        }
        let log = opened.log.log
        let policy = configuration.retention
        let notify = environment.notify
        snapshotter.notify = notify
        snapshotter.onInstall = { dispensable, now in
            do {
                try log.removeSegments(policy, keepingFrom: dispensable + 1, now: now)
            } catch {
                // Only space is lost; the next installation tries again.
                notify(EngineNotice(.warning, "retention: \(error)"))
            }
        }
        return snapshotter
    }
}
