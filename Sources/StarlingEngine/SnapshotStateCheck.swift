import StarlingLog
import StarlingSnapshots
import StarlingSystem

/// Compares the states of snapshots with their manifests and with the log. Holds one state in memory at a time.
struct SnapshotStateCheck {
    let reader: LogReader
    let store: SnapshotStore
    let disk: any Disk
    let configuration: EngineConfiguration
    let time: any TimeSource
    private var fold: LogFold?
    private var foldCap = 0

    init(
        reader: LogReader, store: SnapshotStore, disk: any Disk, configuration: EngineConfiguration,
        time: any TimeSource
    ) {
        self.reader = reader
        self.store = store
        self.disk = disk
        self.configuration = configuration
        self.time = time
    }

    /// Loads a snapshot in which nothing was found wrong so far, and compares its digest with the manifest's.
    func load(_ snapshot: inout SnapshotVerification) {
        guard let manifest = snapshot.manifest, snapshot.problem == nil else { return }
        do {
            let digest = try loaded(manifest).digest().digest.description
            if digest != manifest.stateDigest {
                let reason = "what was loaded has the digest \(digest), the manifest says \(manifest.stateDigest)"
                throw SnapshotError.damaged(file: manifest.fileName, place: "stateDigest", reason: reason)
            }
        } catch let error as SnapshotError {
            if case .regionTooSmall = error {
                snapshot.state = .impossible(reason: "\(error)")
            } else {
                snapshot.problem = .unusable(error)
            }
        } catch {
            snapshot.state = .impossible(reason: "\(error)")
        }
    }

    /// Folds the log up to a snapshot that was loaded, and compares the digests. Snapshots come oldest first.
    mutating func compareWithLog(_ snapshot: inout SnapshotVerification) {
        guard let manifest = snapshot.manifest, snapshot.problem == nil, snapshot.state == .none else { return }
        do {
            if foldCap != manifest.timelineCap { fold = nil }
            if fold == nil, reader.firstLSN > 1 {
                // What came before is in no record: the comparison begins behind this snapshot.
                fold = try loaded(manifest)
                foldCap = manifest.timelineCap
                snapshot.state = .likeManifest(reason: "the log begins with record \(reader.firstLSN)")
                return
            }
            let fold = try fold ?? LogFold(of: reader, configuration: settings(for: manifest), time: time)
            self.fold = fold
            foldCap = manifest.timelineCap
            try fold.advance(to: manifest.lsn)
            guard fold.lastLSN == manifest.lsn else {
                snapshot.state = .likeManifest(reason: "the log can be read up to record \(fold.lastLSN)")
                return
            }
            let digest = fold.digest().digest.description
            if digest == manifest.stateDigest {
                snapshot.state = .likeLog
            } else {
                snapshot.problem = .otherState(digest: manifest.stateDigest, ofLog: digest)
            }
        } catch {
            fold = nil
            snapshot.state = .likeManifest(reason: "\(error)")
        }
    }

    private func loaded(_ manifest: SnapshotManifest) throws -> LogFold {
        try LogFold(
            of: reader, from: manifest, in: store, disk: disk, configuration: settings(for: manifest), time: time)
    }

    private func settings(for manifest: SnapshotManifest) -> EngineConfiguration {
        var settings = configuration
        settings.workers = manifest.workers
        settings.timelineCap = manifest.timelineCap
        if let kept = manifest.owners.last?.values[Worker.notificationsKeptValue] {
            settings.notificationsKept = Int(clamping: kept)
        }
        return settings
    }
}
