import Glibc
import NIOCore
import StarlingSimulation
import StarlingSystem

/// One data directory through many crashes: a daemon is loaded, ends badly, is started again, and has to have
/// everything.
struct CrashCampaign {
    /// What belongs to a campaign from its beginning.
    struct Setting: Sendable {
        /// Everything that is drawn follows from it; the moments of the machine do not.
        var seed: UInt64
        /// When daemons answer writes: `disk` or `os`.
        var level = "disk"
        /// Where it may work; the data directory is in it.
        var directory: String
        /// Where the data directory is, when it is not there.
        var volume: CrashVolume?
        /// Whether syncs do nothing: to see whether that is found.
        var breaksSync = false
        var launcher: DaemonLauncher
        var group: any EventLoopGroup
    }

    let setting: Setting
    let data: String
    var random: SeededRandom
    let ledger = CrashLedger()
    var log = FoldedLog()
    var evidence = CrashEvidence()
    private(set) var daemon: DaemonProcess?
    private var keyed: [CheckedWrite] = []
    private var lives = 0
    private var anchor: UInt64 = 0
    private var isPowerLoss = false
    var nextDigest = 1

    /// Past so many records another campaign goes on faster.
    static let enoughRecords: UInt64 = 6_000

    init(_ setting: Setting) {
        self.setting = setting
        data = (setting.volume?.mountPoint ?? setting.directory) + "/data"
        random = SeededRandom(seed: setting.seed)
    }

    var isLongEnough: Bool { log.lastLSN > Self.enoughRecords }

    /// What was counted since the last time.
    mutating func takeEvidence() -> CrashEvidence {
        defer { evidence = CrashEvidence() }
        return evidence
    }

    /// Kills the daemon, if one runs.
    mutating func end() async throws { _ = try await endNow() }

    /// Kills the daemon and says how it ended: perhaps otherwise, and before.
    mutating func endNow() async throws -> ChildProcess.Ending? {
        guard let child = daemon?.child else { return nil }
        daemon = nil
        child.send(SIGKILL)
        return try await child.end(within: Self.endMilliseconds)
    }

    /// How long the system may take to end a killed process, and a daemon to stop when it is told to.
    static let endMilliseconds = 15_000

    func faults(_ plan: FaultPlan = FaultPlan()) -> String {
        var plan = plan
        plan.ignoresSyncs = setting.breaksSync
        return plan.description
    }

    mutating func workers() -> Int { Int.random(in: 1...4, using: &random) }

    // MARK: Lives

    /// One life under load, its end, perhaps ends during recovery, and a start after which everything is compared.
    mutating func round(_ plan: CrashPlan) async throws {
        if daemon == nil { try await startAndVerify() }
        switch plan {
        case .kill(let milliseconds): try await kill(after: milliseconds)
        case .terminate(let milliseconds): try await terminate(after: milliseconds)
        case .faults(let faults, let milliseconds): try await live(with: faults, milliseconds)
        }
        if Int.random(in: 0..<100, using: &random) < 20 { try await killRecoveries() }
        try await startAndVerify()
    }

    /// Starts clients. They are another workload in each life.
    mutating func load(_ daemon: DaemonProcess) async -> CrashLoad {
        lives += 1
        let workload = CrashWorkload(seed: random.next(), name: "\(setting.seed)-\(lives)")
        let load = await CrashLoad(daemon, ledger: ledger, workload: workload, group: setting.group)
        load.start()
        return load
    }

    private mutating func kill(after milliseconds: Int) async throws {
        guard let daemon else { return }
        let load = await load(daemon)
        let early = try await daemon.child.end(within: milliseconds)
        try await end()
        await load.stop()
        if let early { throw Violation("the daemon ended by itself under load: \(early)\(lastWords())") }
        evidence.add(.killsAtRandom)
    }

    private mutating func terminate(after milliseconds: Int) async throws {
        guard let daemon else { return }
        let load = await load(daemon)
        let early = try await daemon.child.end(within: milliseconds)
        let ending = try await stop(daemon, load)
        if early != nil || ending != .exit(0) {
            throw Violation("the daemon was to end with code 0 after SIGTERM: \(early ?? ending)\(lastWords())")
        }
        evidence.add(.terminations)
    }

    /// Tells a daemon to stop, and waits for it.
    private mutating func stop(_ daemon: DaemonProcess, _ load: CrashLoad) async throws -> ChildProcess.Ending {
        daemon.child.send(SIGTERM)
        load.sendNoMore()
        let ending = try await daemon.child.end(within: Self.endMilliseconds)
        try await end()
        await load.stop()
        guard let ending else { throw Violation("the daemon did not stop within 15 s after SIGTERM\(lastWords())") }
        return ending
    }

    /// A life with a broken disk, from its start on.
    private mutating func live(with plan: FaultPlan, _ milliseconds: Int) async throws {
        try await end()
        let start = try await setting.launcher.start(
            data: data, workers: workers(), level: setting.level, faults: faults(plan))
        let isKilling = plan.faults.allSatisfy { $0.action.isKilling }
        let ending: ChildProcess.Ending
        switch start {
        case .ended(let early): ending = early
        case .ready(let daemon):
            let load = await load(daemon)
            if let early = try await daemon.child.end(within: milliseconds) {
                ending = early
                await load.stop()
            } else if isKilling {
                daemon.child.send(SIGKILL)
                _ = try await daemon.child.end(within: Self.endMilliseconds)
                await load.stop()
                return evidence.add(.killsAtRandom)
            } else {
                ending = try await stop(daemon, load)
            }
        }
        try judge(ending, plan, isKilling)
        evidence.add(isKilling ? .killsAtCall : .failures)
    }

    /// What a process with a broken disk may end with: the documented codes of a service and of a start.
    private func judge(_ ending: ChildProcess.Ending, _ plan: FaultPlan, _ isKilling: Bool) throws {
        let allowed: [ChildProcess.Ending] =
            isKilling ? [.signal(SIGKILL)] : [.exit(0), .exit(70), .exit(73), .exit(74), .exit(75)]
        if !allowed.contains(ending) {
            throw Violation("with \(plan) the daemon ended with \(ending)\(lastWords())")
        }
    }

    /// Starts that do not get to their end.
    private mutating func killRecoveries() async throws {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let isByCall = Bool.random(using: &random)
            let plan = isByCall ? CrashPlan.recovery(&random) : FaultPlan()
            let child = try setting.launcher.spawn(
                data: data, workers: workers(), level: setting.level, faults: faults(plan))
            let wait = isByCall ? 1_000 : Int.random(in: 0...35, using: &random)
            let isReady = try await child.line(within: wait) != nil
            child.send(SIGKILL)
            let ending = try await child.end(within: Self.endMilliseconds)
            guard ending == .signal(SIGKILL) else {
                throw Violation("a start ended with \(ending.map { "\($0)" } ?? "nothing")\(lastWords())")
            }
            if !isReady { evidence.add(.killsInRecovery) }
        }
    }

    // MARK: Verification

    /// Notes that the power was cut: only what was on the disk must be there.
    mutating func losePower() { isPowerLoss = true }

    mutating func startAndVerify() async throws {
        let copy = try await copyForDigest()
        let start = try await setting.launcher.start(
            data: data, workers: workers(), level: setting.level, faults: faults())
        guard case .ready(let daemon) = start else {
            throw Violation("the daemon does not start after the crash: \(start)\(lastWords())")
        }
        self.daemon = daemon
        if let copy { try await compareDigest(copy, daemon) }
        let entries = ledger.take()
        let mayLose = isPowerLoss && setting.level != "disk"
        let before = CrashVerification.Before(
            log: log, anchor: mayLose ? min(anchor, log.lastLSN) : log.lastLSN, isPowerLoss: isPowerLoss,
            mayLose: mayLose, entries: entries, keyed: keyed)
        var verification = CrashVerification(
            daemon: daemon, data: data, group: setting.group, random: SeededRandom(seed: random.next()))
        defer { evidence.add(verification.evidence) }
        log = try await verification.run(before)
        if setting.level == "disk" { anchor = log.lastLSN } else { anchor = daemon.readyLSN }
        isPowerLoss = false
        keyed = Array((entries.acknowledged.map(\.write).filter { $0.key != nil } + keyed).prefix(200))
    }
}

extension FaultPlan.Action {
    fileprivate var isKilling: Bool { self == .killBefore || self == .killMiddle || self == .killAfter }
}
