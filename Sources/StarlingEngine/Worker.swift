import StarlingMemory
import StarlingSets
import StarlingSystem
import Synchronization

/// One worker: owns the readers of a range of slots, and folds every event of the log into what it keeps for them.
///
/// Tables by user index hold what every worker must know of every account; tables by reader number hold what this worker
/// owns. Owned by one thread (or by the test that steps the engine); only `appliedLSN` and the mailbox are shared.
final class Worker: @unchecked Sendable {
    let number: Int
    let workers: Int
    let cap: Int
    let users: UserTable
    let posts: PostTable
    let ring: EventRing
    let time: any TimeSource

    // By user index.
    let newestPosts: MappedTable<PostOrdinal>
    let followers: MappedTable<SortedSet>
    let authorFlags: MappedTable<UInt8>
    /// Reader number plus one; 0 for accounts that another worker owns.
    let readerNumbers: MappedTable<UInt32>
    /// The texts of registered accounts.
    let profiles: MappedTable<ProfileRow>

    // By reader number.
    let readerUsers: MappedTable<UserIndex>
    let timelines: MappedTable<SortedSet>
    /// A timeline is complete from this ordinal on.
    let floors: MappedTable<PostOrdinal>
    let followees: MappedTable<SortedSet>
    /// Followees whose posts are not, or not all, in the timeline: merged at read.
    let pulledFollowees: MappedTable<SortedSet>
    /// When each reader read last, in seconds since 1970; no part of the digest, for no record tells of a read.
    let lastReads: MappedTable<UInt32>
    /// Bits of `ReaderFlag`.
    let readerFlags: MappedTable<UInt8>
    let followerCounts: MappedTable<UInt32>
    let postCounts: MappedTable<UInt32>

    let timelineSets: SortedSetArena<UInt32>
    let followerSets: SortedSetArena<UInt32>
    let followeeSets: SortedSetArena<KeyedValue32>
    let pulledSets: SortedSetArena<UInt32>

    /// Whom this worker's users block and mute, by whom they are blocked, and their requests.
    let relations: RelationSets
    /// The second since 1970 in which log time is.
    var logSeconds: UInt32 = 0

    /// By reader number: to what the reader reacted, and how.
    let reactions: MappedTable<SortedSet>
    /// By reader number: the authors with whom the reader has dealt most, each with the level of a `DecayedCount`.
    let affinities: MappedTable<SortedSet>
    /// The sets of `reactions` and of `affinities`, and of those who reacted to each post.
    let reactionSets: SortedSetArena<KeyedValue32>
    /// Counters of posts and comments.
    let engagements: EngagementTable
    let notifications: NotificationTable
    /// What holds posts back from others.
    let holds: HoldTable
    /// One row: the posts that wait for a moderator. Of `timelineSets`.
    let pendingPostSet: MappedTable<SortedSet>
    /// The post that is being let go, when not all have it yet.
    var openRelease: Release?

    /// The latest switch of each author that ever switched.
    let modeChanges: ModeChangeTable
    let heap: ProfileHeap
    /// Accounts that were deleted: while there are none, no post is asked whose it is.
    var deletedAccounts: UInt64 = 0
    var pushed: UInt64 = 0
    var pulled: UInt64 = 0
    /// Posts times followers who were away.
    var skippedAway: UInt64 = 0
    var awayReaders: UInt64 = 0
    /// The fan-out of each of the newest posts.
    let deliveries: DeliveryTable
    /// The delivery in progress, or the last one.
    var delivery = DeliveryRow()
    /// Gets readers who were away and read again.
    var onReturn: (UserID) -> Void = { _ in }
    var edges: UInt64 = 0
    var livePosts: UInt64 = 0
    var delays = DelayHistogram()
    /// What pages are made with; kept so that a read allocates nothing for it.
    var pageScratch = PageScratch()

    /// The snapshots' side of this worker; nil for one that was only loaded to be looked at.
    var snapshot: OwnerSnapshot?
    /// The first reader that a post whose fan-out was interrupted has not reached.
    var nextReader: UInt32 = 0

    /// What the arenas can still give, for the sequencer.
    let room = WorkerRoom()
    /// Whether memory was too small for the log.
    let stop = WorkerStop()

    /// Posts whose fan-out goes on beside what came after them, oldest first.
    var largeFanouts: [LargeFanout] = []
    let largeAuthors = LargeAuthors()
    /// Deliveries of a piece of such a fan-out: some forty microseconds.
    let pieceDeliveries: Int
    /// The `work` at which the next piece is due, however much else there is to do.
    var nextPiece: UInt64 = 0
    /// Whether large fan-outs leave time to other threads: in a thread of its own.
    var takesPauses = false
    /// Until when they do, in monotonic nanoseconds.
    var nextBurst: UInt64 = 0
    /// The readers of a piece; kept so that a piece allocates nothing.
    var pieceReaders: [UInt32] = []
    /// When the events that are being applied were committed, in monotonic nanoseconds.
    private(set) var markStart: UInt64 = 0

    /// Whether some readers have a post that others do not have yet.
    var isInsideRecord: Bool { nextReader != 0 || openRelease != nil || !largeFanouts.isEmpty }

    private(set) var position: UInt64 = 0
    private var mark: UInt64 = 0
    private var postsInMark: UInt64 = 0
    /// Of these, those that were put aside.
    var postsAside: UInt64 = 0
    private let applied = Atomic<UInt64>(0)

    /// Flags of an author in `authorFlags`.
    enum AuthorFlag {
        /// Posts are pulled now.
        static let pulled: UInt8 = 1
        /// Some posts are in no timeline, because they were made while the author was pulled.
        static let everPulled: UInt8 = 2
        /// Only followers see the posts.
        static let `private`: UInt8 = 4
        /// Merged at read.
        static let merged: UInt8 = pulled | everPulled
        /// The account was deleted: its posts are shown to nobody.
        static let deleted: UInt8 = 8
    }

    /// Flags of a reader in `readerFlags`.
    enum ReaderFlag {
        /// The timeline may hold posts of accounts that the reader has unfollowed: the edge decides for each entry.
        static let hasUnfollowed: UInt8 = 1
        /// The reader mutes accounts, or did until their time was over: their posts are left out of each page.
        static let hasMutes: UInt8 = 2
        /// A page is more than a piece of the timeline.
        static let decidesByEntry: UInt8 = hasUnfollowed | hasMutes
    }

    init(
        number: Int, of workers: Int, configuration: EngineConfiguration, users: UserTable, posts: PostTable,
        heap: ProfileHeap, ring: EventRing, time: any TimeSource
    ) throws(ArenaError) {
        self.number = number
        self.workers = workers
        cap = configuration.timelineCap
        pieceDeliveries = configuration.pieceDeliveries
        self.users = users
        self.posts = posts
        self.heap = heap
        self.ring = ring
        self.time = time
        let memory = RegionMemory()
        newestPosts = try configuration.makeUserTable(in: memory)
        followers = try configuration.makeUserTable(in: memory)
        authorFlags = try configuration.makeUserTable(in: memory)
        readerNumbers = try configuration.makeUserTable(in: memory)
        profiles = try configuration.makeUserTable(in: memory)
        readerUsers = try configuration.makeUserTable(in: memory)
        timelines = try configuration.makeUserTable(in: memory)
        floors = try configuration.makeUserTable(in: memory)
        followees = try configuration.makeUserTable(in: memory)
        pulledFollowees = try configuration.makeUserTable(in: memory)
        lastReads = try configuration.makeUserTable(in: memory)
        readerFlags = try configuration.makeUserTable(in: memory)
        followerCounts = try configuration.makeUserTable(in: memory)
        postCounts = try configuration.makeUserTable(in: memory)
        reactions = try configuration.makeUserTable(in: memory)
        affinities = try configuration.makeUserTable(in: memory)
        engagements = try EngagementTable(configuration: configuration, in: memory)
        modeChanges = ModeChangeTable(try configuration.makeUserTable(in: memory))
        deliveries = DeliveryTable(try configuration.makeTable(rows: configuration.deliveryRecords, in: memory))
        timelineSets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: Self.setSeed)
        followerSets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: Self.setSeed)
        followeeSets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: Self.setSeed)
        pulledSets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: Self.setSeed)
        relations = try RelationSets(configuration: configuration, in: memory, seed: Self.setSeed)
        reactionSets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: Self.setSeed)
        notifications = try NotificationTable(configuration: configuration, in: memory, seed: Self.setSeed)
        holds = try HoldTable(configuration: configuration, in: memory)
        pendingPostSet = try MappedTable(capacity: 1, hugePages: false, in: memory)
        pendingPostSet.ensure(count: 1)
        storeRoom()
    }

    /// Decides how high the towers of sets are, and so where a timeline is cut. Always the same, for all workers and in every
    /// data directory, so that equal posts and edges give equal timelines. Nobody can choose the keys: they are numbers of
    /// our own.
    private static let setSeed: UInt64 = 0x5354_4152_4c49_4e47

    /// The last record whose events have all been applied. Any thread.
    var appliedLSN: UInt64 { applied.load(ordering: .acquiring) }

    /// Everything up to `lsn` is in the tables already.
    func startFrom(lsn: UInt64) {
        storeRoom()
        applied.store(lsn, ordering: .releasing)
    }

    private func storeRoom() {
        room.store(
            MemoryNeed(
                timelines: max(0, timelineSets.arena.allocationsLeft - allocationsOwed),
                followers: followerSets.arena.allocationsLeft,
                followees: followeeSets.arena.allocationsLeft, pulled: pulledSets.arena.allocationsLeft,
                relations: relations.allocationsLeft, reactions: reactionSets.arena.allocationsLeft,
                notifications: notifications.sets.arena.allocationsLeft))
    }

    /// Blocks that posts which were put aside can still take of the timelines' arena.
    private var allocationsOwed: Int {
        largeFanouts.isEmpty ? 0 : missingDeliveries * SortedSetArena<UInt32>.allocationsPerInsert
    }

    private func giveBack() {
        storeRoom()
        ring.advance(worker: number, to: position, mark: mark)
    }

    /// Applies published events until about `budget` deliveries are made or nothing is left, so that reads get their turn
    /// in between. Returns whether it did anything.
    func applySlice(budget: UInt64) -> Bool {
        if stop.full != nil { return false }
        let before = handled
        let start = position
        while let current = ring.mark(mark) {
            markStart = current.nanoseconds
            while position < current.end {
                if work >= nextPiece, !largeFanouts.isEmpty, !deliverPiece(limit: pieceSize(budget)) { return true }
                let event = ring.event(at: position)
                guard apply(event, untilDelivered: before &+ budget) else {
                    noteProgress(since: current.nanoseconds)
                    return true
                }
                if event.pointee.kind == .postCreated { postsInMark &+= 1 }
                position &+= 1
                // A slice ends with a record, or inside of a post's fan-out: see `deliver`.
                guard event.pointee.endsRecord else { continue }
                applied.store(event.pointee.lsn, ordering: .releasing)
                if handled &- before >= budget || position &- start >= Self.eventsPerSlice {
                    giveBack()
                    return true
                }
            }
            if postsInMark > 0 {
                noteDelivered(postsInMark, aside: postsAside, since: current.nanoseconds)
                postsInMark = 0
                postsAside = 0
            }
            mark &+= 1
        }
        let hasDelivered = !largeFanouts.isEmpty && deliverBurst(budget: budget)
        giveBack()
        return position != start || hasDelivered
    }

    private static let eventsPerSlice: UInt64 = 8_192

    /// Whether there are published events that this worker has not applied.
    var hasEvents: Bool { ring.mark(mark) != nil }

    /// The reader number of an account that this worker owns.
    @inline(__always)
    func reader(_ index: UserIndex) -> Int? {
        let number = readerNumbers.rows[Int(index)]
        return number == 0 ? nil : Int(number - 1)
    }
}
