import StarlingMemory
import StarlingSnapshots

/// An owner's side of snapshots: fixes the moment, copies pages between other work, and moves loaded pages into huge pages.
/// Owned by the owner's thread.
final class OwnerSnapshot {
    private unowned let owner: any StoredState
    private let parts: [StoredPart]
    private let source: SnapshotSource
    private let number: Int
    private let snapshotter: Snapshotter
    private var movers: [RegionMover] = []
    private var moved: UInt64 = 0

    init(number: Int, owner: any StoredState, snapshotter: Snapshotter) {
        self.number = number
        self.owner = owner
        self.snapshotter = snapshotter
        parts = owner.storedParts
        source = SnapshotSource(regions: parts.map(\.region), sink: snapshotter.sink(of: number))
    }

    /// Whether a cut is being copied or pages are being moved.
    var isBusy: Bool { source.isCutting || !movers.isEmpty }

    /// Whether a cut is being copied.
    var isCutting: Bool { source.isCutting }

    /// Whether so many copies wait for the disk that the owner should change nothing now.
    var mustWait: Bool { source.isCutting && source.sink.isFull }

    /// The regions hold what a snapshot holds.
    func adoptLoadedSnapshot() { source.adoptLoadedSnapshot(usedBytes: parts.map { $0.usedBytes() }) }

    /// Loaded pages are to be moved out of the files' mappings.
    func moveLoadedPages() {
        movers = parts.compactMap { part in part.region.makeMover(usedBytes: part.usedBytes()) }
    }

    /// Fixes the moment: everything up to here belongs to the snapshot.
    func beginCut(takesAllPages: Bool) {
        let regions = parts.map { SnapshotRegion(name: $0.name, byteCount: $0.usedBytes()) }
        snapshotter.ownerBegan(number, regions: regions, values: owner.storedValues)
        source.beginCut(usedBytes: regions.map(\.byteCount), takesAllPages: takesAllPages)
    }

    /// Pages that were copied and pieces that were moved so far, here or because they were about to change.
    var progress: UInt64 { source.sink.copied + moved }

    /// A short piece of whatever is to be done, unless it is the disk's turn.
    func step() {
        if source.isCutting {
            if source.sink.isBehind { return }
            if source.copyPages(limit: snapshotter.pagesPerStep) { snapshotter.ownerFinished(number) }
        } else if let mover = movers.last {
            mover.step()
            moved += 1
            if mover.isDone {
                movers.removeLast()
                if movers.isEmpty { snapshotter.ownerMoved(number) }
            }
        }
    }
}
