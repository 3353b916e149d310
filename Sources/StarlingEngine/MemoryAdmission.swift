import StarlingMemory

/// Refuses work before a worker runs out of memory in the middle of it.
///
/// Workers say how many blocks their arenas can still give (`Worker.room`), as of the events that they have given back to the
/// ring. What was admitted since is counted here at its worst case. So the sum that is compared is never too low, however far the
/// workers are behind; and it is looked at again only when it does not fit any more, so that a write costs a few comparisons.
///
/// Owned by the writer's thread.
final class MemoryAdmission {
    enum Verdict: Equatable {
        case fits
        /// Perhaps when the workers have applied what was admitted before.
        case wait
        /// Not now. In words what is missing.
        case full(String)
    }

    private let workers: [Worker]
    private let ring: EventRing
    private let graph: FollowGraph
    private let relations: RelationSets
    private let reactions: ReactionTable
    private let arenaBytes: Int

    /// Worst cases of all that was admitted since the start, and how much of it is in `left` already.
    private var admitted = MemoryNeed()
    private var applied = MemoryNeed()
    /// Of the worker that has least of each kind; the sequencer's are not used.
    private var left = MemoryNeed()
    /// What was admitted before an event: once all workers are beyond it, that much is applied.
    private var checkpoint: (position: UInt64, admitted: MemoryNeed)

    /// Stays free, so that before each single insertion there is room for another: what a replay asks for.
    static let reserve = 4

    init(workers: [Worker], ring: EventRing, state: SequencerState, arenaBytes: Int) {
        self.workers = workers
        self.ring = ring
        graph = state.graph
        relations = state.relations
        reactions = state.reactions
        self.arenaBytes = arenaBytes
        checkpoint = (ring.head, MemoryNeed())
    }

    /// Whether there is room for `need` besides all that was admitted. Asked before the events of it are in the ring.
    func verdict(_ need: MemoryNeed) -> Verdict {
        if missing(need) == nil { return .fits }
        let isUpToDate = look()
        guard let kind = missing(need) else { return .fits }
        if !isUpToDate, !kind.isSequencers { return .wait }
        let bytes = Arena.unitBytes * Int(Arena.maximumBlockUnits)
        return .full(
            "\(kind.words) (memory.arenaBytes is \(arenaBytes); this write can take \(need[kind] * bytes) bytes of an arena, "
                + "\(max(available[kind] - Self.reserve, 0) * bytes) are left)")
    }

    /// Counts what was admitted, or what cannot be refused.
    func admit(_ need: MemoryNeed) { admitted += need }

    /// Takes over what the workers say now, so that what they have applied is not counted until something does not fit.
    func refresh() { _ = look() }

    private var available: MemoryNeed {
        var rest = left - (admitted - applied)
        // Known at once: the sequencer applies its own part with each record.
        rest.edges = graph.allocationsLeft
        rest.ownRelations = relations.allocationsLeft
        rest.ownReactions = reactions.allocationsLeft
        return rest
    }

    private func missing(_ need: MemoryNeed) -> SetKind? {
        let rest = available
        return SetKind.allCases.first { need[$0] > 0 && need[$0] + Self.reserve > rest[$0] }
    }

    /// Takes over what the workers say. Returns whether they have applied everything.
    private func look() -> Bool {
        let slowest = ring.slowestPosition
        guard slowest >= checkpoint.position else { return false }
        left = MemoryNeed(
            timelines: .max, followers: .max, followees: .max, pulled: .max, relations: .max, reactions: .max,
            notifications: .max)
        for worker in workers { left.lower(to: worker.room.load()) }
        let isUpToDate = slowest == ring.head
        applied = isUpToDate ? admitted : checkpoint.admitted
        checkpoint = (ring.head, admitted)
        return isUpToDate
    }
}
