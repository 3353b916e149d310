import CStarling
import StarlingMemory
import StarlingSets

/// The edges as the sequencer needs them to validate: who follows whom, and how many follow each. Workers keep their
/// own copies, because a worker answers for the state that it has applied, not for the sequencer's.
final class FollowGraph {
    private let arena: SortedSetArena<UInt32>
    private let followees: MappedTable<SortedSet>
    private let followerCounts: MappedTable<UInt32>
    /// Bits of `Flag`.
    private let flags: MappedTable<UInt8>
    private(set) var edgeCount: UInt64 = 0

    init(configuration: EngineConfiguration, in memory: RegionMemory, seed: UInt64) throws(ArenaError) {
        arena = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: seed)
        followees = try configuration.makeUserTable(in: memory)
        followerCounts = try configuration.makeUserTable(in: memory)
        flags = try configuration.makeUserTable(in: memory)
    }

    /// The regions, for snapshots.
    var storedParts: [StoredPart] {
        [
            followees.stored(as: "graphFollowees"), followerCounts.stored(as: "graphFollowerCounts"),
            flags.stored(as: "graphFlags"),
            StoredPart(
                name: "graphSets", region: arena.arena.memory,
                usedBytes: { [unowned self] in arena.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try arena.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "graphMarks", region: arena.arena.marks,
                usedBytes: { [unowned self] in arena.arena.markBytes }, adopt: { _ throws(ArenaError) in }),
        ]
    }

    /// Blocks that the arena can still give.
    var allocationsLeft: Int { arena.arena.allocationsLeft }

    /// Takes over the number of edges that belongs to loaded pages.
    func adopt(edgeCount: UInt64) { self.edgeCount = edgeCount }

    /// Makes room for users up to `count`.
    func ensure(users count: Int) {
        followees.ensure(count: count)
        followerCounts.ensure(count: count)
        flags.ensure(count: count)
    }

    func follows(_ follower: UserIndex, _ followee: UserIndex) -> Bool {
        arena.contains(followee, in: followees.rows + Int(follower))
    }

    /// Asks for the memory of what is known of an author.
    func prefetch(_ user: UserIndex) {
        starling_prefetch_read(followerCounts.rows + Int(user))
        starling_prefetch_read(flags.rows + Int(user))
    }

    /// Adds an edge; false when it was there.
    func insert(_ follower: UserIndex, _ followee: UserIndex) -> Bool {
        guard arena.insert(followee, into: followees.writable(Int(follower))) else { return false }
        followerCounts.writable(Int(followee)).pointee += 1
        edgeCount += 1
        return true
    }

    /// Removes an edge; false when it was not there.
    func remove(_ follower: UserIndex, _ followee: UserIndex) -> Bool {
        guard arena.remove(followee, from: followees.writable(Int(follower))) else { return false }
        followerCounts.writable(Int(followee)).pointee -= 1
        edgeCount -= 1
        return true
    }

    func followerCount(_ user: UserIndex) -> Int { Int(followerCounts.rows[Int(user)]) }

    func isPulled(_ user: UserIndex) -> Bool { has(Flag.pulled, user) }

    func setPulled(_ user: UserIndex, _ value: Bool) { set(Flag.pulled, user, value) }

    /// Whether the user has not read for long.
    func isAway(_ user: UserIndex) -> Bool { has(Flag.away, user) }

    func setAway(_ user: UserIndex, _ value: Bool) { set(Flag.away, user, value) }

    /// Whether only followers see the user's posts, and whoever wants to follow has to ask.
    func isPrivate(_ user: UserIndex) -> Bool { has(Flag.private, user) }

    func setPrivate(_ user: UserIndex, _ value: Bool) { set(Flag.private, user, value) }

    private enum Flag {
        static let pulled: UInt8 = 1
        static let away: UInt8 = 2
        static let `private`: UInt8 = 4
    }

    private func has(_ flag: UInt8, _ user: UserIndex) -> Bool { flags.rows[Int(user)] & flag != 0 }

    private func set(_ flag: UInt8, _ user: UserIndex, _ value: Bool) {
        let row = flags.writable(Int(user))
        row.pointee = value ? row.pointee | flag : row.pointee & ~flag
    }

    /// Bytes of the edges' blocks and headers.
    func memory(users: Int) -> Int {
        arena.arena.bytesTouched + users * (MemoryLayout<SortedSet>.stride + MemoryLayout<UInt32>.stride + 1)
    }
}
