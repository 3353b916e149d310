import StarlingLog
import StarlingMemory
import StarlingSystem
import StarlingTopics

/// The engine's settings. All have defaults that serve a machine of a few cores.
public struct EngineConfiguration: Sendable {
    /// Worker threads; each owns a range of the readers. 1 to 64. A data directory opens with any number.
    public var workers = 2
    /// When a write is answered, unless it asks for another level.
    public var acknowledgement = AcknowledgementLevel.disk
    /// Entries that a stored timeline keeps (up to one leaf more). What is older is merged from the authors' posts.
    public var timelineCap = 800
    /// From this many followers on an author is pulled at read instead of pushed. Nil for what was last set while running, or
    /// `defaultCelebrityThreshold`.
    public var celebrityThreshold: Int?
    /// The threshold of a data directory in which nobody has set one.
    public static let defaultCelebrityThreshold = 10_000
    /// An author goes back to being pushed below this share of the threshold and of the limit by cost, in percent.
    public var celebrityHysteresisPercent = 80
    /// An author is also pulled when pushing it (followers times posts a day) takes more than this share of what all workers
    /// together can deliver. 0 to 1; 0 for never. Tunable while running.
    public var celebrityCostShare = 0.01
    /// What all workers together can deliver in a second, for the rule above. Nil for what they are seen to do, as it should be
    /// where time passes; simulations state it.
    public var deliveriesPerSecond: UInt64?
    /// A reader who has not read for so many seconds is away: nothing is written to its timeline, which is built anew at its
    /// next read. 0 for never. Tunable while running.
    public var awayAfterSeconds: UInt32 = 30 * 86_400
    /// Posts and comments of which the delivery record is kept, where they have one: the newest ones, 28 bytes each in each worker. A power of two.
    public var deliveryRecords = 1 << 20
    /// A post with more than four times so many followers on a worker is delivered in pieces of so many, which take turns with what
    /// comes after it.
    public var pieceDeliveries = 2_048
    /// Deliveries between two looks at the reads that wait: about a millisecond. Simulations interrupt more often.
    package var sliceDeliveries: UInt64 = 50_000
    /// Commands of a round of the writer. Only a flood has more; simulations have less, so that rounds overlap.
    package var roundCommands = Int.max
    /// Notifications that are kept of each user: the newest ones, about 70 bytes each.
    public var notificationsKept = 1_000
    /// By what ranked feeds are ordered. Tunable while running.
    public var ranking = RankingSettings()
    /// Who judges posts before others see them.
    public var moderation = ModerationMode.off
    /// Whether the topic `feed-events` gets a record for each finished fan-out.
    public var feedEvents = true
    /// Partitions of that topic, when it is made.
    public var feedEventPartitions = 4
    /// The topics' settings.
    public var topics = TopicsConfiguration()
    /// How long a repeated idempotency key gets its first answer, in milliseconds of log time.
    public var idempotencyMilliseconds: UInt64 = 24 * 3_600 * 1_000
    /// Keys that are kept at a time, about 132 bytes each. Beyond that, requests with a new key are refused as `full`; those
    /// without one go on.
    public var maximumIdempotencyKeys = 20_000_000
    /// Commands that may wait for the sequencer before writers are told to come back.
    public var writeQueueLimit = 16_384
    /// Bytes of commands that may wait for the sequencer.
    public var writeQueueBytes = 64 << 20
    /// Reads that may wait for one worker.
    public var readQueueLimit = 65_536
    /// Bytes of post bodies kept in memory.
    public var bodyCacheBytes = 64 << 20
    /// Posts and comments that the tables have address space for: 48 bytes each, and in each worker 4 and for those with
    /// reactions, comments or reposts 64 more. Touched only when used.
    public var maximumPosts = 1 << 30
    /// Users that the tables have address space for.
    public var maximumUsers = 1 << 29
    /// Address space of each arena, at most 64 GiB; each worker has seven and the sequencer four. Touched only when used.
    public var arenaBytes = 64 << 30
    /// Events between the writer and the slowest worker: a power of two, 32 bytes each. Bounds what one command may hold.
    public var ringEvents = 1 << 17
    /// When snapshots are taken.
    public var snapshots = SnapshotConfiguration()
    /// Bytes of cold log that are re-read in the background each second; 0 for none.
    public var scrubBytesPerSecond: UInt64 = 5 << 20
    /// Between two rounds of re-reading, in milliseconds.
    public var scrubPauseMilliseconds: UInt64 = 3_600_000
    /// How often bodies of what is gone are erased from the log, in milliseconds; 0 for never.
    public var erasePauseMilliseconds: UInt64 = 60_000
    /// How long, in milliseconds, something to be erased waits for its segment to be full before the segment is ended for it; and at
    /// most so often snapshots are taken anew because those that are kept hold texts of deleted accounts. 0 for never.
    public var eraseWithinMilliseconds: UInt64 = 3_600_000
    /// How much of the log is kept once snapshots stand for it. All of it by default: post bodies live in the log.
    public var retention = RetentionPolicy()
    /// The log's settings: segment and batch sizes.
    public var log = LogConfiguration()
    /// Pins each worker to a processor when there are as many processors as workers.
    public var pinWorkers = false
    /// Asks for 2 MiB pages for arenas. Worth a factor of two at a million timelines; costs 2 MiB an arena at least.
    public var hugePages = true

    /// Creates the defaults.
    public init() {}

    /// The first setting that is out of range, in words, or nil.
    public var problem: String? {
        if !(1...64).contains(workers) { return "workers is \(workers); it must be 1 to 64" }
        if !(1...1_000_000).contains(timelineCap) { return "timelineCap is \(timelineCap); it must be 1 to 1000000" }
        if let celebrityThreshold, celebrityThreshold < 1 {
            return "celebrityThreshold is \(celebrityThreshold); it must be at least 1"
        }
        if !(1...100).contains(celebrityHysteresisPercent) {
            return "celebrityHysteresisPercent is \(celebrityHysteresisPercent); it must be 1 to 100"
        }
        if !(0...1).contains(celebrityCostShare) {
            return "celebrityCostShare is \(celebrityCostShare); it must be 0 to 1"
        }
        if writeQueueLimit < 1 || readQueueLimit < 1 { return "queue limits must be at least 1" }
        if !(1...Int(UInt32.max) - 1).contains(maximumPosts) { return "maximumPosts must be 1 to 4294967294" }
        if !(1...Int(UInt32.max) - 1).contains(maximumUsers) { return "maximumUsers must be 1 to 4294967294" }
        if ringEvents < 64 || ringEvents > 1 << 24 || ringEvents & (ringEvents - 1) != 0 {
            return "ringEvents is \(ringEvents); it must be a power of two from 64 to 16777216"
        }
        if deliveryRecords < 1 || deliveryRecords > 1 << 28 || deliveryRecords & (deliveryRecords - 1) != 0 {
            return "deliveryRecords is \(deliveryRecords); it must be a power of two from 1 to 268435456"
        }
        if !(1...1 << 20).contains(pieceDeliveries) {
            return "pieceDeliveries is \(pieceDeliveries); it must be 1 to 1048576"
        }
        if !(1...1_000_000).contains(notificationsKept) {
            return "notificationsKept is \(notificationsKept); it must be 1 to 1000000"
        }
        if let problem = ranking.problem { return problem }
        if let problem = snapshots.problem { return problem }
        if let problem = topics.problem { return "topics: \(problem)" }
        if !(1...TopicsConfiguration.partitionsPerTopic).contains(feedEventPartitions) {
            return "feedEventPartitions must be 1 to \(TopicsConfiguration.partitionsPerTopic)"
        }
        if maximumIdempotencyKeys < 0 { return "maximumIdempotencyKeys must be at least 0" }
        if log.maximumRecordBytes < CommandBudget.largestRecordBytes {
            return "log.maximumRecordBytes must be at least \(CommandBudget.largestRecordBytes)"
        }
        return nil
    }
}

extension EngineConfiguration {
    /// An arena of the configured kind.
    func makeArena(in memory: RegionMemory) throws(ArenaError) -> Arena {
        try Arena(reservedBytes: arenaBytes, hugePages: hugePages, in: memory)
    }

    /// A table with a row for each user.
    func makeUserTable<Row: BitwiseCopyable>(in memory: RegionMemory) throws(ArenaError) -> MappedTable<Row> {
        try makeTable(rows: maximumUsers, in: memory)
    }

    /// A table of so many rows.
    func makeTable<Row: BitwiseCopyable>(rows: Int, in memory: RegionMemory) throws(ArenaError) -> MappedTable<Row> {
        try MappedTable(capacity: rows, hugePages: hugePages, in: memory)
    }
}

/// Everything that the engine takes from outside: a test hands it a disk in memory and a clock that it moves by hand.
public struct EngineEnvironment: Sendable {
    /// Where the log lives.
    public var disk: any Disk
    /// The clocks.
    public var time: any TimeSource
    /// Gets what should be logged. Called on the engine's threads; must be short.
    public var notify: @Sendable (EngineNotice) -> Void = { _ in }
    /// Start of every random sequence (the log's identity, skip-list levels).
    public var seed: UInt64

    /// The machine's own disk and clocks, and a random seed.
    public static func system() -> EngineEnvironment {
        EngineEnvironment(disk: PosixDisk(), time: SystemTime(), seed: UInt64.random(in: 1...UInt64.max))
    }

    /// Creates an environment.
    public init(disk: any Disk, time: any TimeSource, seed: UInt64) {
        self.disk = disk
        self.time = time
        self.seed = seed
    }
}
