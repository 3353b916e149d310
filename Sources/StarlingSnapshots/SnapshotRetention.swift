/// Which snapshots are kept. A pure function of the manifests.
public struct SnapshotRetention: Equatable, Sendable {
    /// The manifests that are kept, newest first.
    public let kept: [SnapshotManifest]
    /// The lsn of the oldest of them. Nil when there is none.
    public var oldestKeptLSN: UInt64? { kept.last?.lsn }
    /// Whether two of them share no file, so that one damaged file cannot spoil all.
    public let hasIndependentGenerations: Bool

    /// The oldest record of which the pages of owner `number` are kept as they were then. Nil when there is none.
    public func oldestImageLSN(ofOwner number: Int) -> UInt64? {
        kept.filter { $0.owners.indices.contains(number) }.flatMap { $0.owners[number].files }
            .compactMap { SnapshotFiles.identity(ofPages: $0.name)?.lsn }.min()
    }

    /// The records through which the log may be forgotten: those before and at the oldest kept snapshot. 0 (nothing)
    /// while all snapshots lean on one file somewhere: then the whole log is the second copy.
    public var logDispensableThrough: UInt64 { hasIndependentGenerations ? oldestKeptLSN ?? 0 : 0 }

    /// Chooses among whole manifests of one log, in any order:
    /// the newest, N; the one before it, when N needs all of its files anyway; and the newest older one that shares no
    /// file with N, or, while there is none, the one before N.
    public init(choosingFrom manifests: [SnapshotManifest]) {
        let sorted = manifests.sorted { $0.lsn > $1.lsn }
        guard let newest = sorted.first else {
            kept = []
            hasIndependentGenerations = false
            return
        }
        let files = Set(newest.pageFiles)
        let older = sorted.dropFirst()
        let independent = older.first { files.isDisjoint(with: $0.pageFiles) }
        var kept = [newest]
        if let previous = older.first {
            if independent == nil || files.isSuperset(of: previous.pageFiles) { kept.append(previous) }
        }
        if let independent, !kept.contains(where: { $0.lsn == independent.lsn }) { kept.append(independent) }
        self.kept = kept
        hasIndependentGenerations = independent != nil
    }
}
