import StarlingSystem

/// What `SnapshotStore.prune` did.
public struct SnapshotPruning: Equatable, Sendable {
    /// What is left.
    public let retention: SnapshotRetention
    /// The names that were removed, manifests first.
    public let removed: [String]
}

extension SnapshotStore {
    /// Removes the snapshots that `SnapshotRetention` does not keep, damaged ones, and page files that no kept manifest
    /// names. Call it after a snapshot was installed and, better, read back (`verify`).
    ///
    /// `unusable` are the lsns of snapshots whose page files were found damaged. Nothing newer than the newest whole
    /// manifest is touched, so a snapshot that is being written is safe; without a whole manifest nothing is touched at
    /// all. Throws, with nothing changed, when a manifest is of an unknown format or of another log, or cannot be read:
    /// then nobody knows which files it needs.
    public func prune(unusable: Set<UInt64> = []) throws(SnapshotError) -> SnapshotPruning {
        let retention = SnapshotRetention(choosingFrom: try usableManifests(unusable))
        guard let newest = retention.kept.first else { return SnapshotPruning(retention: retention, removed: []) }
        let manifests = Set(retention.kept.map(\.fileName))
        let pageFiles = Set(retention.kept.flatMap(\.pageFiles))
        do {
            let names = try disk.list(directory)
            let oldManifests = names.filter { name in
                guard let lsn = SnapshotFiles.lsn(ofManifest: name) else { return false }
                return lsn < newest.lsn && !manifests.contains(name)
            }
            let oldPages = names.filter { name in
                guard let identity = SnapshotFiles.identity(ofPages: name) else { return false }
                return identity.lsn <= newest.lsn && !pageFiles.contains(name)
            }
            if oldManifests.isEmpty && oldPages.isEmpty { return SnapshotPruning(retention: retention, removed: []) }
            // The newest manifest may be one whose installation failed at its last sync.
            try disk.syncDirectory(directory)
            for name in oldManifests { try disk.remove(directory + "/" + name) }
            // No manifest may come back after a crash when the files that it names do not.
            try disk.syncDirectory(directory)
            for name in oldPages { try disk.remove(directory + "/" + name) }
            return SnapshotPruning(retention: retention, removed: oldManifests + oldPages)
        } catch {
            throw .disk(error)
        }
    }

    private func usableManifests(
        _ unusable: Set<UInt64>, among known: [SnapshotCandidate]? = nil
    ) throws(SnapshotError) -> [SnapshotManifest] {
        var usable: [SnapshotManifest] = []
        let all = if let known { known } else { try candidates() }
        for candidate in all {
            switch candidate.manifest {
            case .success(let manifest):
                if let first = usable.first, first.logID != manifest.logID {
                    throw .foreign(file: manifest.fileName, found: manifest.logID, expected: first.logID)
                }
                if !unusable.contains(manifest.lsn) { usable.append(manifest) }
            case .failure(.damaged): continue
            case .failure(let error): throw error
            }
        }
        return usable
    }

    /// What is there and would be kept, for `SnapshotPlan` and the log's retention after a start. `unusable` as in
    /// `prune`; `known` is what `candidates` has just said, when somebody has asked, so that nothing is read twice.
    public func retention(
        unusable: Set<UInt64> = [], among known: [SnapshotCandidate]? = nil
    ) throws(SnapshotError) -> SnapshotRetention {
        SnapshotRetention(choosingFrom: try usableManifests(unusable, among: known))
    }

    /// Reads the newest page file of one of the manifest's owners and compares every page with its checksum.
    public func verifyNewestFile(
        of owner: SnapshotOwner, in manifest: SnapshotManifest
    ) throws(SnapshotError) {
        guard let summary = owner.files.last else { return }
        let pages = owner.regions.map { SnapshotLimits.pages(holding: $0.byteCount) }
        try PageFileReader(
            directory: directory, summary: summary, logID: manifest.logID, regionPages: pages, disk: disk
        ).verifyPages()
    }

    /// Reads every page file of `manifest` and checks all that can be checked without the memory: headers, tables, every
    /// page, and that no page is missing. Cost: one pass over the files.
    public func verify(_ manifest: SnapshotManifest) throws(SnapshotError) {
        if let contradiction = manifest.contradiction {
            throw .damaged(file: manifest.fileName, place: "its JSON", reason: contradiction)
        }
        for owner in manifest.owners {
            let pages = owner.regions.map { SnapshotLimits.pages(holding: $0.byteCount) }
            var covered = PageSet(regionPages: pages)
            for summary in owner.files {
                let reader = try PageFileReader(
                    directory: directory, summary: summary, logID: manifest.logID, regionPages: pages, disk: disk)
                try reader.verifyPages()
                for entry in reader.entries {
                    if let place = covered?.place(region: entry.region, page: entry.page) { _ = covered?.insert(place) }
                }
            }
            if let missing = covered?.firstMissing {
                throw .damaged(
                    file: manifest.fileName, place: "page \(missing) of all regions",
                    reason: "no page file has the page")
            }
        }
    }
}
