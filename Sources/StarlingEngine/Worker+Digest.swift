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
    enum DigestTag {
        static let user: UInt64 = 1
        static let edge: UInt64 = 2
        static let follower: UInt64 = 3
        static let timeline: UInt64 = 4
        static let floor: UInt64 = 5
        static let post: UInt64 = 6
        static let pulledFollowee: UInt64 = 7
        static let mode: UInt64 = 8
        /// And the numbers behind it, one for each kind.
        static let relation: UInt64 = 32
        static let account: UInt64 = 20
        static let reaction: UInt64 = 40
        static let engagement: UInt64 = 41
        static let reactor: UInt64 = 42
        static let comment: UInt64 = 43
        static let notification: UInt64 = 44
        static let readMark: UInt64 = 45
        static let affinity: UInt64 = 46
    }

    /// A sum of 128-bit hashes over all that this worker keeps: read from the memory itself, not kept beside it, so that it
    /// also shows what memory lost. Readers and authors are named by their ids and entries of timelines by the numbers of
    /// their posts in the log, so the sum over all workers depends neither on their number, nor on the order in which a
    /// timeline was filled, nor on how memory is laid out.
    ///
    /// Cost: a few nanoseconds an entry; the worker applies nothing meanwhile.
    func digest() -> WorkerDigest {
        var blocks = DigestBlocks()
        return digest(with: &blocks)
    }

    /// The same, reading only blocks of which `blocks` does not know the sum. Afterwards it knows all of them.
    func digest(with blocks: inout DigestBlocks) -> WorkerDigest {
        var total = blocks.readers.total(count: readerUsers.count) { rows in
            rows.reduce(into: Hash128.zero) { sum, reader in addReader(reader, to: &sum) }
        }
        total &+= blocks.authors.total(count: followers.count) { rows in
            rows.reduce(into: Hash128.zero) { sum, author in addAuthor(UserIndex(author), to: &sum) }
        }
        total &+= blocks.relations.total(count: relations.rows.count) { rows in
            rows.reduce(into: Hash128.zero) { sum, place in addRelations(place, to: &sum) }
        }
        total &+= blocks.engagements.total(count: engagements.rows.count) { rows in
            rows.reduce(into: Hash128.zero) { sum, place in addEngagement(place, to: &sum) }
        }
        // Counts add up over workers as they are; their hashes would not.
        total &+= Hash128(high: pushed, low: pulled)
        return WorkerDigest(worker: number, appliedLSN: appliedLSN, digest: total)
    }

    /// Makes `blocks` forget what the given pages of this worker's parts changed. Every change of a set changes its header, so
    /// pages of the arenas need no look.
    func forgetSums(of pages: [PageID], in blocks: inout DigestBlocks) {
        let parts = storedParts.map(\.name)
        for page in pages {
            let name = parts[Int(page.region)]
            let place = Int(page.page)
            switch name {
            case "timelines": blocks.readers.forget(timelines.rows(onPage: place))
            case "floors": blocks.readers.forget(floors.rows(onPage: place))
            case "followees": blocks.readers.forget(followees.rows(onPage: place))
            case "pulledFollowees": blocks.readers.forget(pulledFollowees.rows(onPage: place))
            case "followerCounts": blocks.readers.forget(followerCounts.rows(onPage: place))
            case "readerUsers": blocks.readers.forget(readerUsers.rows(onPage: place))
            case "postCounts":
                // A deletion shows here, and nowhere else in the worker.
                let rows = postCounts.rows(onPage: place)
                blocks.readers.forget(rows)
                for reader in rows {
                    let author = Int(readerUsers.rows[reader])
                    blocks.authors.forget(author..<author + 1)
                }
            case "followers": blocks.authors.forget(followers.rows(onPage: place))
            case "authorFlags": blocks.authors.forget(authorFlags.rows(onPage: place))
            case "reactions": blocks.readers.forget(reactions.rows(onPage: place))
            case "affinities": blocks.readers.forget(affinities.rows(onPage: place))
            case "notifications": blocks.readers.forget(notifications.newest.rows(onPage: place))
            case "readMarks": blocks.readers.forget(notifications.marks.rows(onPage: place))
            case "engagements": blocks.engagements.forget(engagements.rows.rows(onPage: place))
            case "profiles": blocks.authors.forget(profiles.rows(onPage: place))
            case "newestPosts": blocks.authors.forget(newestPosts.rows(onPage: place))
            case "holds":
                for ordinal in holds.table.rows(onPage: place) where ordinal > 0 {
                    let author = Int(posts.rows[ordinal].author)
                    blocks.authors.forget(author..<author + 1)
                }
            case RelationSets.headersName: blocks.relations.forget(relations.rows(onHeaderPage: place))
            default: break
            }
        }
    }

    private func addReader(_ reader: Int, to sum: inout Hash128) {
        let user = users.id(of: readerUsers.rows[reader]).rawValue
        let counts = UInt64(followerCounts.rows[reader]) << 32 | UInt64(postCounts.rows[reader])
        sum &+= Murmur3.hash(user, counts, seed: DigestTag.user)
        var edges = followeeSets.ascending(followees.rows + reader)
        while let edge = edges.next() {
            let followee = users.id(of: edge.key).rawValue
            sum &+= Murmur3.hash(user, followee, seed: DigestTag.edge &+ UInt64(edge.value) &<< 8)
        }
        var pulled = pulledSets.ascending(pulledFollowees.rows + reader)
        while let author = pulled.next() {
            sum &+= Murmur3.hash(user, users.id(of: author).rawValue, seed: DigestTag.pulledFollowee)
        }
        // By number, not by id: looking each id up in the post table took most of a digest's time.
        timelineSets.forEachBlock(timelines.rows + reader) { entries in
            for entry in entries { sum &+= Murmur3.hash(user, UInt64(entry), seed: DigestTag.timeline) }
        }
        addReactions(of: reader, user: user, to: &sum)
        addAffinities(of: reader, user: user, to: &sum)
        addNotifications(of: reader, user: user, to: &sum)
        let floor = floors.rows[reader]
        if floor != 0 { sum &+= Murmur3.hash(user, UInt64(floor), seed: DigestTag.floor) }
    }

    private func addRelations(_ place: Int, to sum: inout Hash128) {
        let index = relations.rows.rows[place].user
        let user = users.id(of: index).rawValue
        for kind in RelationSets.Kind.allCases {
            let seed = DigestTag.relation &+ UInt64(kind.rawValue)
            relations.forEach(kind, of: index) { entry in
                let (key, value) = digested(entry, kind)
                sum &+= Murmur3.hash(user, key, seed: seed &+ value &<< 8)
                return true
            }
        }
    }

    /// An entry with ids in place of the numbers of accounts.
    private func digested(_ entry: KeyedValue32, _ kind: RelationSets.Kind) -> (key: UInt64, value: UInt64) {
        switch kind {
        case .requests: (users.id(of: entry.value).rawValue, UInt64(entry.key))
        case .requestTimes: (UInt64(entry.key), UInt64(entry.value))
        case .blocks, .blockers, .mutes, .requested: (users.id(of: entry.key).rawValue, UInt64(entry.value))
        }
    }

    private func addAuthor(_ author: UserIndex, to sum: inout Hash128) {
        let user = users.id(of: author).rawValue
        followerSets.forEachBlock(followers.rows + Int(author)) { readers in
            for reader in readers {
                let follower = users.id(of: readerUsers.rows[Int(reader)]).rawValue
                sum &+= Murmur3.hash(user, follower, seed: DigestTag.follower)
            }
        }
        guard reader(author) != nil else { return }
        let flags = authorFlags.rows[Int(author)]
        if flags != 0 { sum &+= Murmur3.hash(user, UInt64(flags), seed: DigestTag.mode) }
        let texts = profiles.rows[Int(author)].hash
        if texts != 0 { sum &+= Murmur3.hash(user, texts, seed: DigestTag.account) }
        addPosts(of: author, user: user, to: &sum)
    }

    private func addPosts(of author: UserIndex, user: UInt64, to sum: inout Hash128) {
        var ordinal = newestPosts.rows[Int(author)]
        while ordinal != 0 {
            let row = posts.rows[Int(ordinal)]
            let isGone: UInt64 = isPostDeleted(ordinal) ? 1 : 0
            let state =
                UInt64(ordinal) << 16 | holds[ordinal].number << 10 | UInt64(row.visibility) << 1 | isGone
            sum &+= Murmur3.hash(user, row.id, seed: DigestTag.post &+ state &<< 8)
            ordinal = row.previous
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
            + relations.memory + readers * header * 2 + followers.count * header
        return WorkerStatistics(
            appliedLSN: appliedLSN, users: UInt64(readers), edges: edges, posts: livePosts, pushed: pushed,
            pulled: pulled, timelineEntries: entries, timelineBytes: UInt64(timelineBytes),
            edgeBytes: UInt64(edgeBytes), delays: delays)
    }
}
