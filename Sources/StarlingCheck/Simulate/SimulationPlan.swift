import StarlingEngine
import StarlingLog
import StarlingSystem
import StarlingTopics

/// What a seed decides before a run begins: limits, workload, and which classes of faults there are. Whole classes are
/// off in most runs, because a fault that always happens hides what happens without it.
struct SimulationPlan {
    enum FaultClass: String, CaseIterable {
        /// The process ends at any moment, or at the k-th change of the disk.
        case kills
        /// The power fails at any moment, or at the k-th change of the disk.
        case powerCuts
        /// Either of them again while the engine opens.
        case crashesInRecovery
        /// Calls to the disk fail with EIO.
        case failingCalls
        /// The disk fills up for a while.
        case fullDisk
        /// Stored bytes change behind the back of everybody.
        case damage
        /// The clock jumps.
        case clockJumps
    }

    let seed: UInt64
    /// Turns: each moves the clock, submits some writes and reads, and lets the engine work.
    var turns: Int
    let configuration: EngineConfiguration
    let workersChange: Bool
    /// Whether hours pass now and then.
    let hasLongPauses: Bool
    let users: [UInt64]
    let faults: Set<FaultClass>
    /// At this turn all faults stop and the engine must come to rest; nil for never.
    let livenessTurn: Int?
    let workload: Workload

    /// What is how frequent.
    struct Workload {
        /// Weights of post, delete, follow, unfollow, import of follows, import of posts, threshold, readers going away and
        /// coming back, batch of plain posts, reaction, comment, change or deletion of a comment, change of a post, read mark, nonsense,
        /// block, unblock, mute, unmute, going private or public, accept, reject, passing time, judgement.
        var weights: [Int]
        /// Most writes in a turn.
        var burst: Int
        /// Percent of writes that carry a key, and of those that repeat an earlier one.
        var keyed: Int
        var repeated: Int
        /// Percent of writes that ask for a level of their own.
        var leveled: Int
        /// Most bytes of a text.
        var textBytes: Int
        /// Percent of turns with a read.
        var reads: Int
        /// Percent of turns in which a backup is begun.
        var backups: Int
    }

    init(seed: UInt64, turns limit: Int? = nil) {
        var random = SeededRandom(seed: Murmur3.mix(seed &+ 0x7374_6172))
        func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }
        func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        self.seed = seed
        let count = number(3...24)
        // Ids all over the range, so that every number of workers splits them in another way.
        users = (0..<count).map { _ in random.next() | 1 }
        var configuration = EngineConfiguration()
        configuration.workers = number(1...3)
        configuration.acknowledgement = chance(60) ? .disk : chance(60) ? .os : .memory
        configuration.timelineCap = number(5...50)
        // Readers go away by commands alone, which the model sees.
        configuration.awayAfterSeconds = 0
        configuration.celebrityThreshold = chance(50) ? number(2...max(3, count / 2)) : chance(50) ? 1_000 : nil
        configuration.celebrityHysteresisPercent = number(50...100)
        configuration.ranking.candidates = 1 + Int(seed % 40)
        if chance(60) { configuration.roundCommands = number(1...4) }
        if chance(60) {
            configuration.pieceDeliveries = number(1...4)
            configuration.sliceDeliveries = UInt64(number(1...20))
        }
        configuration.idempotencyMilliseconds = chance(50) ? 24 * 3_600_000 : UInt64(number(1...20_000))
        configuration.maximumIdempotencyKeys = chance(85) ? 1_000_000 : number(0...20)
        configuration.writeQueueLimit = chance(90) ? 1_024 : number(1...6)
        configuration.bodyCacheBytes = chance(50) ? 0 : number(200...20_000)
        configuration.maximumPosts = 1 << 16
        configuration.maximumUsers = 1 << 12
        configuration.arenaBytes = 1 << 20
        configuration.notificationsKept = chance(50) ? number(1...6) : number(7...60)
        configuration.hugePages = false
        configuration.ringEvents = chance(70) ? 1 << 12 : 128
        configuration.snapshots.isEnabled = chance(60)
        configuration.snapshots.records = chance(75) ? UInt64(number(8...120)) : 0
        configuration.snapshots.milliseconds = chance(30) ? UInt64(number(100...5_000)) : 0
        configuration.snapshots.recordsAtClose = chance(50) ? UInt64(number(1...60)) : 0
        configuration.snapshots.bufferBytes = 1 << 20
        // Small segments roll often, and retention takes whole ones.
        configuration.log.allowsTinySegments = true
        configuration.log.segmentBytes = chance(40) ? LogLimits.smallestSegmentBytes : UInt64(number(1_000...16_000))
        configuration.log.segmentMilliseconds = chance(30) ? UInt64(number(100...4_000)) : 0
        if chance(40) { configuration.retention.bytes = UInt64(number(0...40_000)) }
        if chance(30) { configuration.retention.milliseconds = UInt64(number(100...20_000)) }
        configuration.log.batchBytes = chance(50) ? number(64...2_048) : 16 << 10
        configuration.log.commitsPerWatermark = number(0...8)
        configuration.log.maximumPendingBytes = chance(80) ? 8 << 20 : 1_100_000
        Self.chooseTopics(seed, &configuration)
        let judgements = Self.chooseModeration(seed, &configuration)
        workersChange = chance(70)
        var faults: Set<FaultClass> = []
        for kind in FaultClass.allCases where chance(45) { faults.insert(kind) }
        self.faults = faults
        let planned = number(10...90)
        turns = min(planned, limit ?? planned)
        livenessTurn = chance(25) ? number(1...planned) : nil
        workload = Workload(
            weights: [100, 30, 70, 40, 8, 8, 4, 8, 12, 80, 30, 15, 15, 10, 6, 8, 6, 10, 5, 8, 14, 4, 3].map {
                chance(15) ? 0 : $0 * number(1...4)
            } + [judgements],
            burst: number(1...8), keyed: chance(70) ? number(10...80) : 0, repeated: number(5...50),
            leveled: chance(50) ? number(5...70) : 0, textBytes: chance(70) ? number(1...200) : number(1_000...6_000),
            reads: number(10...90), backups: chance(40) ? number(1...8) : 0)
        // No time passes while an engine is stepped, so nothing can be measured. Limits of up to 130 deliveries a day.
        configuration.celebrityCostShare = chance(60) ? Double(number(1...150)) / 1_000_000 : 0
        configuration.deliveriesPerSecond = chance(85) ? UInt64(number(1...10)) : nil
        hasLongPauses = configuration.celebrityCostShare > 0 && chance(40)
        self.configuration = configuration
    }

    /// In some runs somebody blocks posts and lets them go again; in half of those every post waits for that. Returns the weight of
    /// it. From numbers of its own too.
    private static func chooseModeration(_ seed: UInt64, _ configuration: inout EngineConfiguration) -> Int {
        var random = SeededRandom(seed: Murmur3.mix(seed &+ 0x6d6f_6465))
        guard random.next() % 5 < 2 else { return 0 }
        configuration.moderation = random.next() % 2 == 0 ? .outside : .off
        return configuration.moderation == .outside ? 100 : 25
    }

    /// Half of the runs record their fan-outs. From numbers of its own, so that the rest of a seed's plan stays what it is.
    private static func chooseTopics(_ seed: UInt64, _ configuration: inout EngineConfiguration) {
        var random = SeededRandom(seed: Murmur3.mix(seed &+ 0x746f_7069))
        configuration.feedEvents = random.next() % 2 == 0
        configuration.feedEventPartitions = Int(random.next() % 4) + 1
        configuration.topics.retention = RetentionPolicy()
        configuration.topics.allowsTinySegments = true
        configuration.topics.segmentBytes = 600 + random.next() % 6_000
        configuration.topics.firstSegmentBytes = 512
    }
}
