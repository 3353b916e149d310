import StarlingMemory
import StarlingSets
import StarlingSystem

/// The digest of one worker's state.
public struct WorkerDigest: Sendable, Equatable {
    /// The worker's number, from 0.
    public var worker: Int
    /// The last record that it has applied.
    public var appliedLSN: UInt64
    /// Sum of the hashes of everything that it keeps for its readers and authors.
    public var digest: Hash128
}

/// What one worker has done and holds.
struct WorkerStatistics: Sendable {
    var appliedLSN: UInt64
    var users: UInt64
    var edges: UInt64
    var posts: UInt64
    var pushed: UInt64
    var pulled: UInt64
    var timelineEntries: UInt64
    var timelineBytes: UInt64
    var edgeBytes: UInt64
    var delays: DelayHistogram
}

extension Worker {
    private enum DigestTag {
        static let user: UInt64 = 1
        static let edge: UInt64 = 2
        static let follower: UInt64 = 3
        static let timeline: UInt64 = 4
        static let floor: UInt64 = 5
        static let post: UInt64 = 6
        static let pulledFollowee: UInt64 = 7
        static let mode: UInt64 = 8
    }

    /// A sum of 128-bit hashes over all that this worker keeps: read from the memory itself, not kept beside it, so that it
    /// also shows what memory lost. Entries are named by ids, so the sum over all workers depends neither on their number,
    /// nor on the order of insertion, nor on how memory is laid out.
    ///
    /// Cost: a few nanoseconds an entry; the worker applies nothing meanwhile.
    func digest() -> WorkerDigest {
        var sum = Hash128.zero
        for reader in 0..<readerUsers.count { addReader(reader, to: &sum) }
        for author in 0..<followers.count { addFollowers(UserIndex(author), to: &sum) }
        // Counts add up over workers as they are; their hashes would not.
        sum &+= Hash128(high: pushed, low: pulled)
        return WorkerDigest(worker: number, appliedLSN: appliedLSN, digest: sum)
    }

    private func addReader(_ reader: Int, to sum: inout Hash128) {
        let index = readerUsers.rows[reader]
        let user = users.id(of: index).rawValue
        let counts = UInt64(followerCounts.rows[reader]) << 32 | UInt64(postCounts.rows[reader])
        sum &+= Murmur3.hash(user, counts, seed: DigestTag.user)
        let flags = authorFlags.rows[Int(index)]
        if flags != 0 { sum &+= Murmur3.hash(user, UInt64(flags), seed: DigestTag.mode) }
        var edges = followeeSets.ascending(followees.rows + reader)
        while let edge = edges.next() {
            let followee = users.id(of: edge.key).rawValue
            sum &+= Murmur3.hash(user, followee, seed: DigestTag.edge &+ UInt64(edge.value) &<< 8)
        }
        var pulled = pulledSets.ascending(pulledFollowees.rows + reader)
        while let author = pulled.next() {
            sum &+= Murmur3.hash(user, users.id(of: author).rawValue, seed: DigestTag.pulledFollowee)
        }
        var entries = timelineSets.ascending(timelines.rows + reader)
        while let entry = entries.next() {
            sum &+= Murmur3.hash(user, posts.rows[Int(entry)].id, seed: DigestTag.timeline)
        }
        let floor = floors.rows[reader]
        if floor != 0 { sum &+= Murmur3.hash(user, UInt64(floor), seed: DigestTag.floor) }
        addPosts(of: index, user: user, to: &sum)
    }

    private func addPosts(of author: UserIndex, user: UInt64, to sum: inout Hash128) {
        var ordinal = newestPosts.rows[Int(author)]
        while ordinal != 0 {
            let row = posts.rows[Int(ordinal)]
            let deleted = posts.deletedLSN(ordinal)
            let isGone: UInt64 = deleted != 0 && deleted <= appliedLSN ? 1 : 0
            let state = UInt64(row.visibility) << 1 | isGone
            sum &+= Murmur3.hash(user, row.id, seed: DigestTag.post &+ state &<< 8)
            ordinal = row.previous
        }
    }

    private func addFollowers(_ author: UserIndex, to sum: inout Hash128) {
        let user = users.id(of: author).rawValue
        var readers = followerSets.ascending(followers.rows + Int(author))
        while let reader = readers.next() {
            let follower = users.id(of: readerUsers.rows[Int(reader)]).rawValue
            sum &+= Murmur3.hash(user, follower, seed: DigestTag.follower)
        }
    }

    /// Totals of this worker. O(readers).
    func statistics() -> WorkerStatistics {
        var entries: UInt64 = 0
        for reader in 0..<readerUsers.count { entries += UInt64(timelines.rows[reader].count) }
        let header = MemoryLayout<SortedSet>.stride
        let readers = readerUsers.count
        let timelineBytes = timelineSets.arena.bytesTouched + readers * (header + 4)
        let edgeBytes =
            followerSets.arena.bytesTouched + followeeSets.arena.bytesTouched + pulledSets.arena.bytesTouched
            + readers * header * 2 + followers.count * header
        return WorkerStatistics(
            appliedLSN: appliedLSN, users: UInt64(readers), edges: edges, posts: livePosts, pushed: pushed,
            pulled: pulled, timelineEntries: entries, timelineBytes: UInt64(timelineBytes),
            edgeBytes: UInt64(edgeBytes), delays: delays)
    }
}
