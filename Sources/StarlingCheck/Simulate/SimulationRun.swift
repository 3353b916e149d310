import StarlingEngine
import StarlingSimulation
import StarlingSystem

/// One seed: the whole engine in one thread on a simulated disk, driven by a random workload with faults, and checked
/// against the oracle. Everything that happens follows from the seed.
final class SimulationRun {
    static let directory = "/data"

    let plan: SimulationPlan
    let disk: SimulatedDisk
    let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
    var random: SeededRandom
    var oracle: Oracle
    var totals = SimulationTotals()
    var trace = TraceHash()
    /// Prints what happens, a line each; nil for silence.
    let narrate: ((String) -> Void)?

    /// Nil between a crash and the recovery after it.
    var engine: Engine?
    var configuration: EngineConfiguration
    var writes: [PendingWrite] = []
    var reads: [PendingRead] = []
    var sessions: [ReadingSession] = []
    var backups: [PendingBackup] = []
    var nextBackup = 0
    /// Where backups were begun that nobody was told to be whole.
    var brokenBackups: [String] = []
    /// Requests with a key, to be repeated.
    var keyed: [WriteRequest] = []
    /// How many crashes there were when a key was last answered.
    var keyedAnswers: [KeyModel.Key: Int] = [:]
    var nextKey = 0
    var turn = 0
    var crashes = 0
    var floors = Floors()
    /// Whether a planned fault may strike now.
    var isFaulty = false
    var isDiskLimited = false
    var wasRefusedForSpace = false
    /// Whether the power failure that is armed ends the process only.
    var armedEndIsKill = false
    /// Ids that were answered, and what for: an id is never given twice.
    var answeredIDs: [UInt64: String] = [:]
    /// Failed syncs when the engine was opened.
    var syncFailuresBefore = 0
    /// Calls that had failed when the engine was opened.
    var disturbancesBefore = 0
    /// Workers of the engine before.
    var snapshotWorkers = 0
    /// Whether pages that no later sync will write may be in memory.
    var hasLostPages = false
    /// Whether files of snapshots were damaged or removed.
    var hasLostSnapshots = false

    /// What must be there after the next end.
    struct Floors {
        /// Highest lsn that outlives the process.
        var process: UInt64 = 0
        /// Highest lsn that outlives the power.
        var power: UInt64 = 0
        /// Highest lsn that was acknowledged at any level.
        var acknowledged: UInt64 = 0
    }

    init(plan: SimulationPlan, breaksSync: Bool = false, narrate: ((String) -> Void)? = nil) {
        self.plan = plan
        self.narrate = narrate
        configuration = plan.configuration
        disk = SimulatedDisk(seed: plan.seed)
        disk.setSyncsIgnored(breaksSync)
        random = SeededRandom(seed: Murmur3.mix(plan.seed))
        oracle = Oracle(
            rules: Oracle.Rules(
                population: plan.users.count + 1, hysteresisPercent: plan.configuration.celebrityHysteresisPercent,
                keyRetention: plan.configuration.idempotencyMilliseconds,
                maximumKeys: plan.configuration.maximumIdempotencyKeys,
                notificationsKept: plan.configuration.notificationsKept, moderation: plan.configuration.moderation,
                threshold: plan.configuration.celebrityThreshold, cost: Oracle.CostRule(plan.configuration)))
    }

    /// Runs it to its end, or to the first broken promise.
    func run() throws(InvariantViolation) {
        defer { finishTotals() }
        let faults = SimulationPlan.FaultClass.allCases.filter(has).map(\.rawValue).joined(separator: ", ")
        say("\(plan.turns) turns, \(plan.users.count) users, ack=\(configuration.acknowledgement), faults: \(faults)")
        try recover(isFirst: true)
        while turn < plan.turns {
            try runTurn()
            turn += 1
        }
        try finish()
    }

    private func finishTotals() {
        totals.seeds = 1
        totals.failedCalls = DiskOperation.allCases.map { disk.faultCount(of: $0) }
        if oracle.switches.toPull > 0 { totals.reached(.switchedToPull) }
        if oracle.switches.toPush > 0 { totals.reached(.switchedToPush) }
        if oracle.switches.toPullForCost > 0 { totals.reached(.switchedToPullForCost) }
        if oracle.switches.toPushForCost > 0 { totals.reached(.switchedToPushForCost) }
        engine?.closeAfterCrash()
        engine = nil
    }

    func say(_ line: @autoclosure () -> String) { narrate?("turn \(turn): \(line())") }

    func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func has(_ fault: SimulationPlan.FaultClass) -> Bool { plan.faults.contains(fault) }

    /// The engine, which is there except between a crash and its recovery.
    func running() -> Engine {
        guard let engine else { preconditionFailure("the engine is used before it was opened") }
        return engine
    }
}

extension Oracle.CostRule {
    /// What an engine that was opened with these settings goes by.
    init(_ configuration: EngineConfiguration) {
        self.init(share: configuration.celebrityCostShare, capacity: configuration.deliveriesPerSecond)
    }
}
