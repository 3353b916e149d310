import StarlingMemory
import StarlingSets

/// Who reacted to what, as the sequencer needs it to validate: for each user the posts and comments with the kind of the
/// reaction. Workers keep their own copies, for they answer for the state that they have applied.
final class ReactionTable {
    private let arena: SortedSetArena<KeyedValue32>
    private let sets: MappedTable<SortedSet>

    init(configuration: EngineConfiguration, in memory: RegionMemory, seed: UInt64) throws(ArenaError) {
        arena = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: seed)
        sets = try configuration.makeUserTable(in: memory)
    }

    /// The regions, for snapshots.
    var storedParts: [StoredPart] {
        [
            sets.stored(as: "reactions"),
            StoredPart(
                name: "reactionSets", region: arena.arena.memory,
                usedBytes: { [unowned self] in arena.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try arena.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "reactionMarks", region: arena.arena.marks,
                usedBytes: { [unowned self] in arena.arena.markBytes }, adopt: { _ throws(ArenaError) in }),
        ]
    }

    /// Blocks that the arena can still give.
    var allocationsLeft: Int { arena.arena.allocationsLeft }

    /// Makes room for users up to `count`.
    func ensure(users count: Int) { sets.ensure(count: count) }

    /// The user's reaction to a post or comment, or nil.
    func kind(of user: UserIndex, on target: PostOrdinal) -> ReactionKind? {
        arena.find(target, in: sets.rows + Int(user)).flatMap { ReactionKind(rawValue: UInt8(clamping: $0.value)) }
    }

    /// Puts a reaction in place of the one that there is, or removes it. O(log n). The arena has room for an insertion.
    func set(_ kind: ReactionKind?, of user: UserIndex, on target: PostOrdinal) {
        arena.setReaction(kind, under: target, in: sets.writable(Int(user)))
    }
}

extension SortedSetArena where Entry == KeyedValue32 {
    /// Puts a kind under a key in place of another one, or removes it.
    func setReaction(_ kind: ReactionKind?, under key: UInt32, in set: UnsafeMutablePointer<SortedSet>) {
        guard let kind else {
            _ = remove(key, from: set)
            return
        }
        let entry = KeyedValue32(key: key, value: UInt32(kind.rawValue))
        if replace(entry, in: set) == nil { insert(entry, into: set) }
    }
}
