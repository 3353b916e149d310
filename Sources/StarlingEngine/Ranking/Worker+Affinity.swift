import StarlingMemory
import StarlingSets
import StarlingSystem

/// How close readers are to authors: what a reader has done with an author's posts and comments, decayed. A fold of the log like all
/// else; the owner of the reader keeps it.
extension Worker {
    /// Authors that are remembered of each reader, 8 bytes each. Part of the state's definition.
    static let affinitiesKept = 100

    /// Blocks that the arena gives for one more interaction at most.
    static let allocationsPerAffinity =
        SortedSetArena<KeyedValue32>.allocationsPerInsert + SortedSetArena<KeyedValue32>.allocationsPerRemove

    /// A reader has done something with what an author wrote. One author too many pushes out whom the reader is least close to. What
    /// is taken back later has happened all the same. False when memory was full.
    func noteInteraction(of reader: Int, with author: UserIndex, _ weight: DecayedCount.Weight) -> Bool {
        if readerUsers.rows[reader] == author { return true }
        let set = affinities.writable(reader)
        var count = DecayedCount(weight, at: logSeconds)
        if let known = reactionSets.find(author, in: set) {
            count.add(DecayedCount(level: known.value))
            reactionSets.replace(KeyedValue32(key: author, value: count.level), in: set)
            return true
        }
        if set.pointee.count >= Self.affinitiesKept, let least = leastAffinity(in: set) {
            reactionSets.remove(least, from: set)
        }
        guard hasRoom(reactionSets.arena.allocationsLeft, for: .reactions) else { return false }
        reactionSets.insert(KeyedValue32(key: author, value: count.level), into: set)
        return true
    }

    /// The author with the lowest count; of several, who was used first.
    private func leastAffinity(in set: UnsafePointer<SortedSet>) -> UserIndex? {
        var least: KeyedValue32?
        reactionSets.forEachBlock(set) { entries in
            for entry in entries where least.map({ entry.value < $0.value }) ?? true { least = entry }
        }
        return least?.key
    }

    func addAffinities(of reader: Int, user: UInt64, to sum: inout Hash128) {
        reactionSets.forEachBlock(affinities.rows + reader) { entries in
            for entry in entries {
                let author = users.id(of: entry.key).rawValue
                sum &+= Murmur3.hash(user, author, seed: DigestTag.affinity &+ UInt64(entry.value) &<< 8)
            }
        }
    }
}
