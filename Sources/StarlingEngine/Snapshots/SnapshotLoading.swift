import StarlingMemory
import StarlingSnapshots
import StarlingSystem

/// Puts the state that a snapshot holds into memory.
struct SnapshotLoading {
    let store: SnapshotStore
    let disk: any Disk
    let configuration: EngineConfiguration
    let time: any TimeSource

    /// What was loaded: the sequencer's state and the workers, and the files that are mapped into them, in the order of the
    /// owners.
    struct Loaded {
        let state: SequencerState
        let workers: [Worker]
        let images: [OwnerImage]
    }

    /// Loads a whole snapshot. `inParallel` uses a thread for each owner.
    func load(_ manifest: SnapshotManifest, ring: EventRing, inParallel: Bool) throws -> Loaded {
        let state = try SequencerState(configuration: configuration, ring: ring, seed: manifest.logID)
        let workers = try (0..<manifest.workers).map {
            try makeWorker(
                $0, of: manifest, users: state.users, posts: state.posts, heap: state.accounts.heap, ring: ring)
        }
        let images = try loadOwners([state] + workers, manifest, inParallel: inParallel)
        guard state.lastLSN == manifest.lsn, workers.allSatisfy({ $0.appliedLSN == manifest.lsn }) else {
            throw SnapshotError.damaged(
                file: manifest.fileName, place: "values", reason: "an owner's lsn is not the manifest's")
        }
        return Loaded(state: state, workers: workers, images: images)
    }

    /// Loads one worker of a new snapshot once more, with the ids of `users` and `posts`, which may be ahead, and calls `body`
    /// with it. Compares the pages of its newest file with their checksums; of a full snapshot that is all of them. Its memory
    /// is given back afterwards.
    func withWorker<Result>(
        _ number: Int, of manifest: SnapshotManifest, users: UserTable, posts: PostTable, heap: ProfileHeap,
        _ body: (Worker) -> Result
    ) throws -> Result {
        let ring = EventRing(workers: 1, capacity: 16)
        let worker = try makeWorker(number, of: manifest, users: users, posts: posts, heap: heap, ring: ring)
        let image = try load(worker, manifest.owners[number + 1], manifest, check: .newestFile)
        return withExtendedLifetime(image) { body(worker) }
    }

    private func makeWorker(
        _ number: Int, of manifest: SnapshotManifest, users: UserTable, posts: PostTable, heap: ProfileHeap,
        ring: EventRing
    ) throws -> Worker {
        try Worker(
            number: number, of: manifest.workers, configuration: configuration, users: users, posts: posts, heap: heap,
            ring: ring, time: time)
    }

    private func loadOwners(
        _ owners: [any StoredState], _ manifest: SnapshotManifest, inParallel: Bool
    ) throws -> [OwnerImage] {
        let results = OwnerResults(count: owners.count)
        let loadOne: @Sendable (Int) -> Void = { [self, owners = UncheckedOwners(owners)] place in
            results.set(
                place,
                Result { try load(owners.owners[place], manifest.owners[place], manifest, check: .everyPage) })
        }
        if inParallel {
            let threads = owners.indices.map { place in SystemThread(name: "load-\(place)") { loadOne(place) } }
            for thread in threads { thread.join() }
        } else {
            for place in owners.indices { loadOne(place) }
        }
        return try results.all()
    }

    private func load(
        _ owner: any StoredState, _ stored: SnapshotOwner, _ manifest: SnapshotManifest, check: OwnerImage.Check
    ) throws -> OwnerImage {
        let parts = owner.storedParts
        guard parts.map(\.name) == stored.regions.map(\.name) else {
            throw SnapshotError.unknownFormat(file: manifest.fileName, version: UInt64(SnapshotManifest.formatVersion))
        }
        let targets = zip(parts, stored.regions).map { part, region in
            RegionTarget(
                base: part.region.base, byteCount: region.byteCount, reservedBytes: part.region.reservedBytes)
        }
        let image = try OwnerImage.load(
            directory: store.directory, files: stored.files, regions: targets, logID: manifest.logID, disk: disk,
            check: check)
        do {
            try owner.adoptStored(sizes: stored.regions.map(\.byteCount), values: stored.values)
        } catch {
            throw SnapshotError.damaged(file: manifest.fileName, place: "an owner", reason: "\(error)")
        }
        return image
    }
}

/// Owners that are loaded by one thread each.
private struct UncheckedOwners: @unchecked Sendable {
    let owners: [any StoredState]
    init(_ owners: [any StoredState]) { self.owners = owners }
}
