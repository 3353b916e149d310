import StarlingLog
import StarlingMemory
import StarlingSnapshots
import StarlingSystem
import Synchronization

/// The moment of a snapshot, as the sequencer knows it.
struct SnapshotCut: Sendable {
    var lsn: UInt64
    /// The log's chain after that record.
    var chain: UInt64
    /// Log time.
    var milliseconds: UInt64
    var takesAllPages: Bool
    var startNanoseconds: UInt64
    var logBytes: UInt64
}

/// Takes snapshots: decides when, collects the pages that the sequencer and the workers copy, writes them, reads the whole
/// back to be sure and to know its digest, and installs it. One at a time.
///
/// `cutIfDue` belongs to the writer's thread and `ownerBegan`, `ownerFinished` to each owner's; `step` to a thread of its
/// own.
final class Snapshotter: @unchecked Sendable {
    typealias Completion = @Sendable (Result<SnapshotReport, EngineError>) -> Void

    private struct Progress {
        /// What it holds, without files; nil before the owner has come to the cut.
        var owner: SnapshotOwner?
        var isFinished = false
    }

    private struct Shared {
        var cut: SnapshotCut?
        var owners: [Progress]
        var requests: [Completion] = []
        /// Requests that the cut in progress answers.
        var answering: [Completion] = []
        /// Requests for what the newest snapshot holds already.
        var satisfied: [Completion] = []
        var lastCutLSN: UInt64 = 0
        var lastCutNanoseconds: UInt64 = 0
        var lastCutLogBytes: UInt64 = 0
        /// Of the snapshot that the start found.
        var loadedDigest = ""
        var needsAllPages = true
        var notBefore: UInt64 = 0
        var statistics = SnapshotStatistics()
        var isClosed = false
        /// Whether somebody asked for all pages anew.
        var isImageWanted = false
    }

    private let files: SnapshotFilesWriter
    private let configuration: SnapshotConfiguration
    private let time: any TimeSource
    private let log: Log
    private let sinks: [PageSink]
    private let shared: Mutex<Shared>
    private let wantedSync = Atomic<UInt64>(0)
    /// Wakes an owner that waits for its copies to be written; index 0 is the writer.
    var wakeOwner: @Sendable (Int) -> Void = { _ in }
    /// Gets what should be logged.
    var notify: @Sendable (EngineNotice) -> Void = { _ in }
    /// Wakes the thread that calls `step`.
    private let wake: @Sendable () -> Void
    /// Wakes the writer, for a cut or a sync.
    var wakeWriter: @Sendable () -> Void = {}
    /// Called after each installation, with the last record of which the log is needed no longer.
    var onInstall: @Sendable (_ lsn: UInt64, _ logMilliseconds: UInt64) -> Void = { _, _ in }

    /// After a failure the next attempt waits this long.
    private static let retryNanoseconds: UInt64 = 10_000_000_000

    init(
        files: SnapshotFilesWriter, log: Log, workers: Int, configuration: SnapshotConfiguration, time: any TimeSource,
        loaded: SnapshotManifest?, wake: @escaping @Sendable () -> Void
    ) {
        self.wake = wake
        self.files = files
        self.log = log
        self.configuration = configuration
        self.time = time
        sinks = (0...workers).map { _ in PageSink(byteLimit: configuration.bufferBytes) { wake() } }
        var state = Shared(owners: Array(repeating: Progress(), count: workers + 1))
        state.lastCutNanoseconds = time.monotonicNanoseconds()
        state.lastCutLogBytes = log.dataBytes
        if let loaded {
            state.lastCutLSN = loaded.lsn
            state.needsAllPages = loaded.workers != workers
            state.statistics.newestLSN = loaded.lsn
            state.loadedDigest = loaded.stateDigest
        }
        state.statistics.oldestLSN = files.retention.oldestKeptLSN ?? 0
        shared = Mutex(state)
    }

    /// Pages that an owner copies at a time.
    var pagesPerStep: Int { configuration.pagesPerStep }

    /// Where owner `number` puts its copies.
    func sink(of number: Int) -> PageSink { sinks[number] }

    /// What happened so far. Any thread.
    var statistics: SnapshotStatistics { shared.withLock { $0.statistics } }

    /// Asks for a snapshot of everything that is committed now. Any thread.
    func request(_ completion: @escaping Completion) {
        let isRefused = shared.withLock { shared in
            if !shared.isClosed { shared.requests.append(completion) }
            return shared.isClosed
        }
        if isRefused { completion(.failure(.closed)) } else { wakeWriter() }
    }

    /// Asks for a snapshot of all pages, not at once after a failure. Any thread.
    func requestImage() {
        shared.withLock { $0.isImageWanted = true }
        wakeWriter()
    }

    /// The oldest record of which the sequencer's pages are kept as they were then; nil when there are none. Any thread.
    var oldestImageLSN: UInt64? { files.retention.oldestImageLSN(ofOwner: 0) }

    // MARK: The writer's side

    /// The cut to make now, or nil. Everything up to `lsn` is committed, and nothing after it is sequenced.
    func cutIfDue(lsn: UInt64, chain: UInt64, milliseconds: UInt64) -> SnapshotCut? {
        shared.withLock { shared in
            guard shared.cut == nil, !shared.isClosed else { return nil }
            if lsn == shared.lastCutLSN, !shared.requests.isEmpty {
                shared.satisfied += shared.requests
                shared.requests = []
                wake()
            }
            let now = time.monotonicNanoseconds()
            guard lsn > shared.lastCutLSN, isDue(shared, lsn: lsn, now: now) else { return nil }
            let isFull = shared.needsAllPages || shared.isImageWanted || files.wantsFullSnapshot
            shared.isImageWanted = false
            let cut = SnapshotCut(
                lsn: lsn, chain: chain, milliseconds: milliseconds, takesAllPages: isFull, startNanoseconds: now,
                logBytes: log.dataBytes)
            shared.cut = cut
            swap(&shared.answering, &shared.requests)
            for owner in shared.owners.indices { shared.owners[owner] = Progress() }
            return cut
        }
    }

    /// Whether a cut is due after record `lsn`.
    func isCutDue(lsn: UInt64) -> Bool {
        shared.withLock { shared in
            shared.cut == nil && !shared.isClosed && lsn > shared.lastCutLSN
                && isDue(shared, lsn: lsn, now: time.monotonicNanoseconds())
        }
    }

    private func isDue(_ shared: borrowing Shared, lsn: UInt64, now: UInt64) -> Bool {
        if !shared.requests.isEmpty { return true }
        if now < shared.notBefore { return false }
        if shared.isImageWanted { return true }
        let records = configuration.records
        if records > 0, lsn - shared.lastCutLSN >= records { return true }
        let bytes = log.dataBytes
        if configuration.logBytes > 0, bytes > shared.lastCutLogBytes,
            bytes - shared.lastCutLogBytes >= configuration.logBytes
        {
            return true
        }
        let interval = configuration.milliseconds
        return interval > 0 && now &- shared.lastCutNanoseconds >= interval &* 1_000_000
    }

    /// Whether the log must be synced before a snapshot may be installed. Writer.
    var wantsSync: Bool { wantedSync.load(ordering: .relaxed) > log.durableLSN }

    // MARK: The owners' side

    func ownerBegan(_ number: Int, regions: [SnapshotRegion], values: [String: UInt64]) {
        let owner = SnapshotOwner(regions: regions, values: values, files: [])
        shared.withLock { $0.owners[number].owner = owner }
        wake()
    }

    func ownerFinished(_ number: Int) {
        shared.withLock { $0.owners[number].isFinished = true }
        wake()
    }

    /// Everything that an owner had loaded was moved out of the files' mappings.
    func ownerMoved(_ number: Int) { files.ownerMoved(number) }

    // MARK: The snapshot thread's side

    /// Gives up what is in progress and refuses requests.
    func close() {
        let waiting = shared.withLock { shared in
            shared.isClosed = true
            defer {
                shared.requests = []
                shared.answering = []
                shared.satisfied = []
            }
            return shared.requests + shared.answering + shared.satisfied
        }
        files.abandon()
        for completion in waiting { completion(.failure(.closed)) }
    }

    /// Writes what is there, and installs the snapshot when all of it was written. Returns whether there was anything to do.
    func step() -> Bool {
        let (cut, progress) = shared.withLock { ($0.cut, $0.owners) }
        guard let cut else { return answerSatisfied() }
        var worked = false
        // Looked at before the chunks: a finished owner has handed over its last one.
        let areAllFinished = progress.allSatisfy(\.isFinished)
        for (number, each) in progress.enumerated() {
            guard let owner = each.owner else { continue }
            let chunks = sinks[number].take()
            if !chunks.isEmpty { worked = true }
            for chunk in chunks {
                files.write(chunk, of: number, owner, cut: cut)
                sinks[number].giveBack(chunk)
                wakeOwner(number)
            }
        }
        guard areAllFinished else { return worked }
        return finish(cut, progress.compactMap(\.owner)) || worked
    }

    /// Answers those who asked for what was there already. Returns whether there were any.
    private func answerSatisfied() -> Bool {
        let (waiting, report) = shared.withLock { shared in
            defer { shared.satisfied = [] }
            let none = SnapshotReport(
                lsn: shared.lastCutLSN, isFull: false, pages: 0, nanoseconds: 0, digest: shared.loadedDigest)
            var report = shared.statistics.last ?? none
            report.pages = 0
            return (shared.satisfied, report)
        }
        for completion in waiting { completion(.success(report)) }
        return !waiting.isEmpty
    }

    /// Returns whether it did anything: it may have to wait for a sync of the log.
    private func finish(_ cut: SnapshotCut, _ owners: [SnapshotOwner]) -> Bool {
        if files.failure == nil, log.durableLSN < cut.lsn {
            if log.hasEnded {
                files.fail("the log has ended before record \(cut.lsn) was durable")
            } else {
                wantedSync.store(cut.lsn, ordering: .relaxed)
                wakeWriter()
                return false
            }
        }
        let result = files.install(cut, owners)
        let now = time.monotonicNanoseconds()
        let answering = shared.withLock { shared in
            shared.cut = nil
            shared.lastCutNanoseconds = now
            switch result {
            case .success(var report):
                report.nanoseconds = now &- cut.startNanoseconds
                shared.lastCutLSN = cut.lsn
                shared.lastCutLogBytes = cut.logBytes
                shared.needsAllPages = false
                shared.statistics.installed += 1
                shared.statistics.last = report
                shared.statistics.newestLSN = cut.lsn
                shared.statistics.oldestLSN = files.retention.oldestKeptLSN ?? 0
            case .failure(let error):
                // What was to be stored is lost to the stamps: the next one stores everything.
                shared.needsAllPages = true
                shared.notBefore = now &+ Self.retryNanoseconds
                shared.statistics.failed += 1
                shared.statistics.lastFailure = error.description
            }
            defer { shared.answering = [] }
            return shared.answering
        }
        let report = statistics.last
        switch result {
        case .success:
            onInstall(files.retention.logDispensableThrough, cut.milliseconds)
            notify(EngineNotice(.info, "snapshot of record \(cut.lsn), \(report?.pages ?? 0) pages"))
            if let report { for completion in answering { completion(.success(report)) } }
        case .failure(let error):
            notify(EngineNotice(.warning, "no snapshot of record \(cut.lsn): \(error)"))
            for completion in answering { completion(.failure(.snapshotFailed(error.description))) }
        }
        return true
    }
}
