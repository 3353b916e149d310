/// How the next snapshot is to be written.
public enum SnapshotKind: String, Sendable {
    /// Every owner writes all of its pages.
    case full
    /// Every owner writes the pages that changed since the newest snapshot.
    case incremental
}

/// What the choice between a full and an incremental snapshot depends on.
public struct SnapshotPlan: Equatable, Sendable {
    /// Files of one owner beyond which a snapshot is full: each costs an open file and some of its pages' twins.
    public static let filesPerOwner = 16

    /// Whether there is a whole snapshot whose pages are those that the owners track their changes against.
    public var hasBase: Bool
    /// Whether an older snapshot shares no file with that one.
    public var hasIndependentGeneration: Bool
    /// Workers of that snapshot.
    public var baseWorkers: Int
    /// Workers now.
    public var workers: Int
    /// Pages in the images of that snapshot, of all owners.
    public var imagePages: Int
    /// Pages in its changes, of all owners, and those that an incremental one would add.
    public var changedPages: Int
    /// Files of the owner that has the most of them.
    public var files: Int

    /// States the facts one by one.
    public init(
        hasBase: Bool, hasIndependentGeneration: Bool, baseWorkers: Int, workers: Int, imagePages: Int,
        changedPages: Int, files: Int
    ) {
        self.hasBase = hasBase
        self.hasIndependentGeneration = hasIndependentGeneration
        self.baseWorkers = baseWorkers
        self.workers = workers
        self.imagePages = imagePages
        self.changedPages = changedPages
        self.files = files
    }

    /// Takes the facts from what was kept. `base` is the snapshot that the owners track their changes against, nil after
    /// a start without one; `changedPages` are those that changed since.
    public init(base: SnapshotManifest?, retention: SnapshotRetention, changedPages: Int, workers: Int) {
        let files = base?.owners.flatMap(\.files) ?? []
        func pages(_ kind: PageFileKind) -> Int { files.reduce(0) { $0 + ($1.kind == kind ? $1.pageCount : 0) } }
        self.init(
            hasBase: base != nil && retention.kept.first == base,
            hasIndependentGeneration: retention.hasIndependentGenerations, baseWorkers: base?.workers ?? 0,
            workers: workers, imagePages: pages(.image), changedPages: pages(.changes) + changedPages,
            files: base?.owners.map(\.files.count).max() ?? 0)
    }

    /// What to write: full when there is nothing to build on, when nothing independent would be left if it were damaged,
    /// when the number of workers differs, or when building on would cost more than half of a full one or one file too
    /// many. So a load never reads more than one and a half times the state.
    public var kind: SnapshotKind {
        guard hasBase, hasIndependentGeneration, baseWorkers == workers else { return .full }
        guard changedPages <= imagePages / 2, files < Self.filesPerOwner else { return .full }
        return .incremental
    }
}
