import StarlingLog
import StarlingMemory
import StarlingSnapshots
import StarlingSystem

/// What opening an engine did.
public struct EngineRecovery: Sendable {
    /// What opening the log found.
    public var log: RecoveryReport
    /// The last record of the snapshot that was loaded; 0 for none.
    public var snapshotLSN: UInt64
    /// Snapshots that could not be used, newest first, and why.
    public var rejectedSnapshots: [String]
    /// Records that were folded into the state.
    public var replayedRecords: UInt64
    /// Followers from which on authors are pulled: as configured, else as last set while running.
    public var celebrityThreshold: Int
    /// New posts get ids that are later than this, in milliseconds since 1970: up to here, ids may have been given away before.
    public var reservedIDMilliseconds: UInt64
}

/// The state that a data directory held when it was opened, before the log's tail is replayed.
struct OpenedState {
    let log: OpenedLog
    let ids: PostIDReservation
    let state: SequencerState
    let workers: [Worker]
    let ring: EventRing
    /// The snapshot that was loaded, and the files that are mapped into the owners' memory; none when the workers were
    /// divided anew.
    let manifest: SnapshotManifest?
    let images: [OwnerImage]
    /// The snapshots that were there; nil when one could not be read, which the next look may.
    let candidates: [SnapshotCandidate]?
    let unusable: Set<UInt64>
    /// Snapshots that could not be read: they may be whole, so they stay, until there is another one of the same record.
    let unread: Set<UInt64>
    let rejected: [String]

    /// Whether the owners hold exactly what the snapshot's files hold.
    var isAsStored: Bool { manifest?.workers == workers.count }
}

/// The steps of opening an engine's state: the newest whole snapshot, the log from there on.
///
/// Everything before the log is opened only reads. The log decides: a snapshot newer than its end, or of another history, is a
/// refusal, because then it is the log that is damaged.
struct EngineOpening {
    let directory: String
    let configuration: EngineConfiguration
    let environment: EngineEnvironment
    let inParallel: Bool

    private var store: SnapshotStore {
        SnapshotStore(directory: SnapshotPaths.directory(in: directory), disk: environment.disk)
    }

    private struct Choice {
        var manifest: SnapshotManifest?
        var loaded: SnapshotLoading.Loaded?
        var newestLSN: UInt64 = 0
        var logID: UInt64?
        var candidates: [SnapshotCandidate]?
        var unusable: Set<UInt64> = []
        var unread: Set<UInt64> = []
        /// Why a snapshot could not be read. It may be whole.
        var unreadable: SnapshotError?
        var rejected: [String] = []
    }

    func run() throws -> OpenedState {
        var random = SeededRandom(seed: environment.seed)
        let newLogID = max(random.next(), 1)
        let ring = EventRing(workers: configuration.workers, capacity: configuration.ringEvents)
        let choice = configuration.snapshots.isEnabled ? try choose(ring) : Choice()
        var expectation = LogExpectation()
        expectation.logID = choice.logID
        expectation.durableLSN = choice.newestLSN
        if let manifest = choice.manifest {
            expectation.point = LogPoint(lsn: manifest.lsn, chain: manifest.chain)
        }
        let opened = try openLog(expectation, newLogID, choice)
        do {
            let ids = try PostIDReservation(
                directory: directory, disk: environment.disk, logID: opened.log.id,
                wallMilliseconds: environment.time.wallMilliseconds())
            return try assemble(choice, opened, ids, ring)
        } catch {
            try opened.writer.close(clean: false)
            throw error
        }
    }

    private func openLog(
        _ expectation: LogExpectation, _ newLogID: UInt64, _ choice: Choice
    ) throws -> OpenedLog {
        do throws(LogError) {
            return try Log.open(
                directory: directory, disk: environment.disk, configuration: configuration.log,
                expectation: expectation, newLogID: newLogID)
        } catch {
            // What could not be read may stand for what is missing.
            if case .missing = error, let unreadable = choice.unreadable { throw unreadable }
            throw error
        }
    }

    private func choose(_ ring: EventRing) throws -> Choice {
        var choice = Choice()
        let candidates = try store.candidates()
        choice.candidates = candidates
        for candidate in candidates {
            do {
                let manifest = try candidate.manifest.get()
                if choice.newestLSN == 0 { choice.newestLSN = manifest.lsn }
                choice.logID = choice.logID ?? manifest.logID
                if choice.loaded != nil { continue }
                choice.loaded = try loading.load(manifest, ring: ring, inParallel: inParallel)
                choice.manifest = manifest
            } catch let error as SnapshotError {
                try Self.reject(candidate.lsn, error, &choice)
            }
        }
        return choice
    }

    private static func reject(_ lsn: UInt64, _ error: SnapshotError, _ choice: inout Choice) throws(EngineOpenError) {
        switch error {
        // No damage: a newer version wrote it, or a setting is too small. Going on without it would hide that.
        case .unknownFormat: throw .snapshot(error)
        case .regionTooSmall:
            throw .configuration("\(error) Raise memory.arenaBytes, limits.users or limits.posts to what they were.")
        // It may be readable the next time, so it is not to be removed.
        case .disk:
            choice.candidates = nil
            choice.unread.insert(lsn)
            choice.unreadable = choice.unreadable ?? error
        default: choice.unusable.insert(lsn)
        }
        choice.rejected.append("snapshot of record \(lsn): \(error)")
    }

    private var loading: SnapshotLoading {
        SnapshotLoading(
            store: store, disk: environment.disk, configuration: configuration, time: environment.time)
    }

    private func assemble(
        _ choice: Choice, _ opened: OpenedLog, _ ids: PostIDReservation, _ ring: EventRing
    ) throws -> OpenedState {
        guard let loaded = choice.loaded, let manifest = choice.manifest else {
            let first = opened.log.firstLSN
            guard first == 1 else {
                if let unreadable = choice.unreadable { throw unreadable }
                throw EngineOpenError.noUsableSnapshot(
                    logStartsAt: first, reason: choice.rejected.first ?? "none is there")
            }
            // Not to be known to strangers: it spreads the ids that they choose over the user table.
            let state = try SequencerState(configuration: configuration, ring: ring, seed: opened.log.id)
            return OpenedState(
                log: opened, ids: ids, state: state, workers: try makeWorkers(state, ring), ring: ring, manifest: nil,
                images: [],
                candidates: choice.candidates, unusable: choice.unusable, unread: choice.unread,
                rejected: choice.rejected)
        }
        var workers = loaded.workers
        var images = loaded.images
        if workers.count != configuration.workers {
            workers = try makeWorkers(loaded.state, ring)
            try withExtendedLifetime(images) {
                try Repartition(users: loaded.state.users, old: loaded.workers, new: workers).run()
            }
            images = [images[0]]
        }
        return OpenedState(
            log: opened, ids: ids, state: loaded.state, workers: workers, ring: ring, manifest: manifest,
            images: images,
            candidates: choice.candidates, unusable: choice.unusable, unread: choice.unread,
            rejected: choice.rejected)
    }

    private func makeWorkers(_ state: SequencerState, _ ring: EventRing) throws -> [Worker] {
        try (0..<configuration.workers).map { number in
            try Worker(
                number: number, of: configuration.workers, configuration: configuration, users: state.users,
                posts: state.posts, heap: state.accounts.heap, ring: ring, time: environment.time)
        }
    }
}

/// Where the engine keeps its snapshots.
enum SnapshotPaths {
    static func directory(in directory: String) -> String { directory + "/snapshots" }
}
