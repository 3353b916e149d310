import StarlingLog
import StarlingSnapshots
import StarlingSystem

/// One look at a data directory, as `DirectoryVerification` describes it.
///
/// Manifests are read before the log: a log that grows meanwhile goes on beyond them, and never ends before.
struct DirectoryVerifier {
    let directory: String
    let disk: any Disk
    let deep: Bool
    let configuration: EngineConfiguration
    let time: any TimeSource
    /// Whether snapshots went away while they were looked at: then others have come, and the look says too little.
    private(set) var hasMissedSnapshots = false
    private var snapshots: [SnapshotVerification] = []

    init(
        directory: String, disk: any Disk, deep: Bool, configuration: EngineConfiguration, time: any TimeSource
    ) {
        self.directory = directory
        self.disk = disk
        self.deep = deep
        self.configuration = configuration
        self.time = time
    }

    private var store: SnapshotStore {
        SnapshotStore(directory: SnapshotPaths.directory(in: directory), disk: disk)
    }

    mutating func run() -> DirectoryVerification {
        let candidates: [SnapshotCandidate]
        do {
            candidates = try store.candidates()
        } catch {
            let log = LogVerifier.verify(directory: directory, disk: disk, deep: deep)
            return DirectoryVerification(log: log, refusal: log.refusal ?? .snapshot(error))
        }
        let log = LogVerifier.verify(directory: directory, disk: disk, deep: deep)
        snapshots = candidates.map(checkFiles)
        var refusal = log.refusal
        if refusal == nil {
            refusal = LogVerifier.refusal(directory: directory, disk: disk, expecting: expectation).map { .log($0) }
            compareWithLog()
        }
        if deep { checkStates() }
        dropMissed()
        refusal = log.refusal ?? firstUnknownFormat ?? refusal ?? missingBeginning(log)
        return DirectoryVerification(log: log, snapshots: snapshots, refusal: refusal)
    }

    private func checkFiles(_ candidate: SnapshotCandidate) -> SnapshotVerification {
        var result = SnapshotVerification(lsn: candidate.lsn)
        do throws(SnapshotError) {
            let manifest = try candidate.manifest.get()
            result.manifest = manifest
            try store.verify(manifest)
        } catch {
            result.problem = .unusable(error)
        }
        return result
    }

    // MARK: What a start would say

    /// What a start would know of the log: from all manifests, and from the newest snapshot that it could load.
    private var expectation: LogExpectation {
        var expectation = LogExpectation()
        for snapshot in snapshots {
            guard let manifest = snapshot.manifest else { continue }
            expectation.adopt(manifest)
            if expectation.point == nil, snapshot.problem == nil {
                expectation.point = LogPoint(lsn: manifest.lsn, chain: manifest.chain)
            }
        }
        return expectation
    }

    /// A start goes on with an older snapshot after damage, but not when a newer version has written something.
    private var firstUnknownFormat: EngineOpenError? {
        var hasLoaded = false
        for snapshot in snapshots {
            if case .unusable(.unknownFormat(let file, let version)) = snapshot.problem,
                !hasLoaded || snapshot.manifest == nil
            {
                return .snapshot(.unknownFormat(file: file, version: version))
            }
            if case .unusable = snapshot.problem {} else { hasLoaded = true }
        }
        return nil
    }

    /// Each snapshot's own point in the log.
    private mutating func compareWithLog() {
        for place in snapshots.indices {
            guard let manifest = snapshots[place].manifest, snapshots[place].problem == nil else { continue }
            var expectation = LogExpectation()
            expectation.logID = manifest.logID
            expectation.point = LogPoint(lsn: manifest.lsn, chain: manifest.chain)
            if let error = LogVerifier.refusal(directory: directory, disk: disk, expecting: expectation) {
                snapshots[place].problem = .contradictsLog(error)
            }
        }
    }

    /// When retention has shortened the log, what came before is in the snapshots alone.
    private func missingBeginning(_ log: VerificationReport) -> EngineOpenError? {
        guard let first = log.start, first > 1, !hasMissedSnapshots else { return nil }
        if snapshots.contains(where: { $0.problem == nil }) { return nil }
        // It may be whole: a start would say that it could not read it.
        for snapshot in snapshots {
            if case .unusable(.disk(let error)) = snapshot.problem { return .snapshot(.disk(error)) }
        }
        // A start would load this one: its files are whole.
        for snapshot in snapshots {
            if case .otherState = snapshot.problem, let manifest = snapshot.manifest {
                let reason = "the state is not what the log gives"
                return .snapshot(.damaged(file: manifest.fileName, place: "the state", reason: reason))
            }
        }
        return .noUsableSnapshot(
            logStartsAt: first, reason: snapshots.first?.problem.map { "\($0)" } ?? "none is there")
    }

    // MARK: Snapshots that go away

    private mutating func dropMissed() {
        guard snapshots.contains(where: { $0.problem != nil }) else { return }
        // What cannot be listed now stays as it was found.
        guard let now = try? store.candidates() else { return }
        let before = snapshots.count
        snapshots.removeAll { snapshot in
            guard snapshot.problem != nil else { return false }
            guard let same = now.first(where: { $0.lsn == snapshot.lsn }) else { return true }
            return (try? same.manifest.get()) != snapshot.manifest
        }
        hasMissedSnapshots = snapshots.count < before
    }

    // MARK: States

    /// Loads every snapshot and folds the log up to each.
    private mutating func checkStates() {
        let reader: LogReader
        do {
            reader = try LogReader(directory: directory, disk: disk)
        } catch {
            for place in snapshots.indices where snapshots[place].problem == nil {
                snapshots[place].state = .impossible(reason: "\(error)")
            }
            return
        }
        var check = SnapshotStateCheck(
            reader: reader, store: store, disk: disk, configuration: configuration, time: time)
        for place in snapshots.indices { check.load(&snapshots[place]) }
        // From the oldest on, so that one pass over the log serves all.
        for place in snapshots.indices.reversed() { check.compareWithLog(&snapshots[place]) }
    }
}

extension VerificationReport {
    /// Why a start would refuse the log by itself.
    fileprivate var refusal: EngineOpenError? { if case .refused(let error) = outcome { .log(error) } else { nil } }
}
