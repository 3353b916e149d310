import StarlingMemory
import StarlingSnapshots
import StarlingSystem
import Synchronization

/// Why a snapshot came to nothing.
struct SnapshotFailure: Error, CustomStringConvertible {
    let description: String
}

/// The files of the snapshot that is being taken, and those that are kept. Used by the snapshot thread; what says so by any.
final class SnapshotFilesWriter: @unchecked Sendable {
    private let store: SnapshotStore
    private let disk: any Disk
    private let logID: UInt64
    private let workers: Int
    private let timelineCap: Int
    /// Reads what was written.
    private let digest: SnapshotDigest
    private var writers: [Int: PageFileWriter] = [:]
    private var pages: UInt64 = 0
    /// The snapshot whose pages the owners track their changes against.
    private var newest: SnapshotManifest?
    private(set) var failure: SnapshotFailure?
    /// Snapshots that were found damaged.
    private var unusable: Set<UInt64>
    /// Snapshots that could not be read when the engine was opened.
    private var unread: Set<UInt64>
    private let kept: Mutex<SnapshotRetention>
    private let isFullNext: Atomic<Bool>
    /// Files that are mapped into an owner's memory, by owner.
    private let mapped: Mutex<[OwnerImage?]>

    init(
        store: SnapshotStore, disk: any Disk, logID: UInt64, workers: Int, timelineCap: Int, loaded: SnapshotManifest?,
        images: [OwnerImage], candidates: [SnapshotCandidate]?, unusable: Set<UInt64>,
        unread: Set<UInt64>, digest: SnapshotDigest
    ) throws(SnapshotError) {
        self.store = store
        self.disk = disk
        self.logID = logID
        self.workers = workers
        self.timelineCap = timelineCap
        self.unusable = unusable
        self.unread = unread
        self.digest = digest
        newest = loaded
        mapped = Mutex(images)
        let retention = try store.retention(unusable: unusable, among: candidates)
        kept = Mutex(retention)
        isFullNext = Atomic(Self.nextKind(after: loaded, retention, workers) == .full)
    }

    private static func nextKind(
        after newest: SnapshotManifest?, _ retention: SnapshotRetention, _ workers: Int
    ) -> SnapshotKind {
        SnapshotPlan(base: newest, retention: retention, changedPages: 0, workers: workers).kind
    }

    /// Whether the next snapshot should hold all pages. Any thread.
    var wantsFullSnapshot: Bool { isFullNext.load(ordering: .relaxed) }

    /// The snapshots that are kept. Any thread.
    var retention: SnapshotRetention { kept.withLock { $0 } }

    /// Any thread.
    func ownerMoved(_ number: Int) { mapped.withLock { if $0.indices.contains(number) { $0[number] = nil } } }

    /// Notes why the snapshot in progress cannot be installed; the first reason counts.
    func fail(_ reason: String) { failure = failure ?? SnapshotFailure(description: reason) }

    /// Writes pages of an owner. After a failure it only swallows them.
    func write(_ chunk: PageChunk, of number: Int, _ owner: SnapshotOwner, cut: SnapshotCut) {
        guard failure == nil else { return }
        do {
            let ids = UnsafeBufferPointer(start: UnsafePointer(chunk.ids), count: chunk.count)
            try writer(of: number, owner, cut: cut).write(pages: chunk.contents, ids: ids)
            if !cut.takesAllPages { digest.note(ids, of: number) }
            pages += UInt64(chunk.count)
        } catch {
            fail("\(error)")
        }
    }

    private func writer(
        of number: Int, _ owner: SnapshotOwner, cut: SnapshotCut
    ) throws(SnapshotError) -> PageFileWriter {
        if let open = writers[number] { return open }
        let counts = owner.regions.map { ($0.byteCount + PageID.byteCount - 1) / PageID.byteCount }
        if writers.isEmpty { try clearPlace(lsn: cut.lsn) }
        let made = try PageFileWriter(
            directory: store.directory, disk: disk,
            identity: PageFileIdentity(logID: logID, lsn: cut.lsn, owner: number),
            layout: cut.takesAllPages ? .image(regionPages: counts) : .changes(regionPages: counts))
        writers[number] = made
        return made
    }

    /// A snapshot of the same record that is damaged, or that could not be read, makes room for its successor.
    private func clearPlace(lsn: UInt64) throws(SnapshotError) {
        let isDamaged = unusable.remove(lsn) != nil
        if unread.remove(lsn) != nil || isDamaged { try store.discard(lsn: lsn) }
    }

    /// Ends the files, reads them back, and installs the snapshot; on failure removes what there is of it.
    func install(_ cut: SnapshotCut, _ owners: [SnapshotOwner]) -> Result<SnapshotReport, SnapshotFailure> {
        defer { reset() }
        let manifest: SnapshotManifest
        do {
            if let failure { throw failure }
            manifest = try makeManifest(of: cut, owners)
            try store.install(manifest)
        } catch {
            abandon()
            return .failure(error as? SnapshotFailure ?? SnapshotFailure(description: "\(error)"))
        }
        newest = manifest
        removeOld()
        isFullNext.store(Self.nextKind(after: manifest, retention, workers) == .full, ordering: .relaxed)
        return .success(
            SnapshotReport(
                lsn: cut.lsn, isFull: cut.takesAllPages, pages: pages, nanoseconds: 0, digest: manifest.stateDigest))
    }

    /// A failure only leaves files behind that the next snapshot removes.
    private func removeOld() {
        if let pruning = try? store.prune(unusable: unusable) {
            kept.withLock { $0 = pruning.retention }
        } else if let retention = try? store.retention(unusable: unusable) {
            kept.withLock { $0 = retention }
        }
    }

    private func makeManifest(of cut: SnapshotCut, _ owners: [SnapshotOwner]) throws -> SnapshotManifest {
        var complete = owners
        for number in owners.indices {
            let summary = try writer(of: number, owners[number], cut: cut).finish()
            let older = cut.takesAllPages ? [] : newest?.owners[number].files ?? []
            complete[number].files = older + [summary]
        }
        var manifest = SnapshotManifest(
            logID: logID, lsn: cut.lsn, chain: cut.chain, logMilliseconds: cut.milliseconds, workers: workers,
            timelineCap: timelineCap, stateDigest: "", owners: complete)
        manifest.stateDigest = try digest.read(manifest, isFull: cut.takesAllPages).description
        return manifest
    }

    /// Removes the unfinished files.
    func abandon() {
        for writer in writers.values { writer.abandon() }
        digest.forget()
        reset()
    }

    private func reset() {
        writers = [:]
        pages = 0
        failure = nil
    }
}
