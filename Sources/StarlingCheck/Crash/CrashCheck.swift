import Glibc
import NIOCore
import NIOPosix
import StarlingSystem

/// Crashes daemons and looks whether everything that they acknowledged is there.
public struct CrashCheck {
    let options: CrashCheckOptions
    let isStopping: @Sendable () -> Bool
    let report: @Sendable (String) -> Void
    let group: any EventLoopGroup
    /// Where all campaigns work.
    let directory: String
    var evidence = CrashEvidence()
    private var campaigns: UInt64 = 0
    private var lastReport: UInt64 = 0
    private let start = SystemTime().monotonicNanoseconds()

    /// Rounds on one data directory.
    static let roundsOfACampaign = 20
    private static let roundsAside = 3
    /// After so many violations there is nothing more to learn from going on.
    static let enoughViolations = 5

    /// Runs everything that the options ask for. Not to be cancelled: it has mounts and processes to tidy up.
    ///
    /// - Parameters:
    ///   - isStopping: asked between rounds; when it says true, nothing more is begun.
    ///   - report: takes lines about how far it is.
    /// - Throws: `CrashCheckError` when the machine does not give what is needed.
    public static func run(
        _ options: CrashCheckOptions, isStopping: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (String) -> Void
    ) async throws -> CrashEvidence {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var check = CrashCheck(options, isStopping: isStopping, report: report, group: group)
        do {
            try await check.run()
        } catch {
            // The first error is the one to report.
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
        return check.evidence
    }

    private init(
        _ options: CrashCheckOptions, isStopping: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (String) -> Void, group: any EventLoopGroup
    ) {
        self.options = options
        self.isStopping = isStopping
        self.report = report
        self.group = group
        directory = "\(options.directory)/starling-check-\(getpid())"
    }

    private mutating func run() async throws {
        try PosixDisk().createDirectory(directory)
        // It stays when something in it is evidence.
        defer { rmdir(directory) }
        try await crash()
        try await flip()
        evidence.nanoseconds = SystemTime().monotonicNanoseconds() - start
    }

    var goesOn: Bool {
        !isStopping() && (options.breaksSync || evidence.violations.count < Self.enoughViolations)
    }

    /// A line about how far it is, at most one a second.
    mutating func say(_ line: String) {
        let now = SystemTime().monotonicNanoseconds()
        guard now - lastReport >= 1_000_000_000 else { return }
        lastReport = now
        report(line)
    }

    // MARK: Campaigns

    private mutating func crash() async throws {
        let wanted = options
        try await campaigns(Campaigns(name: "kills", option: "--kills", wanted: wanted.kills) { $0.kills }) {
            try await $0.round(CrashPlan.kill(&$0.random))
        }
        let failing = Campaigns(name: "failing calls", option: "--faults", wanted: wanted.faults) {
            $0.count(.failures)
        }
        try await campaigns(failing) { try await $0.round(CrashPlan.failure(&$0.random)) }
        for kind in options.fileSystems { try await powerCuts(kind) }
        var full = Campaigns(name: "full disks", option: "--disk-full", wanted: wanted.fullDisks) {
            $0.count(.fullDisks)
        }
        full.volume = .ext4
        full.megabytes = 24
        try await campaigns(full) { try await $0.fillDisk() }
    }

    private mutating func powerCuts(_ kind: CrashVolume.Kind) async throws {
        let share = options.powerCuts / options.fileSystems.count
        let name = "power cuts on \(kind.rawValue)"
        let counted: CrashEvidence.Count = kind == .ext4 ? .powerCutsExt4 : .powerCutsXFS
        let option = "--file-system \(kind.rawValue) --power-cuts"
        var cuts = Campaigns(name: name, option: option, wanted: share) { $0.count(counted) }
        cuts.volume = kind
        try await campaigns(cuts) { try await $0.powerCut() }
    }

    /// Campaigns of one kind.
    private struct Campaigns {
        var name: String
        /// What asks for them on the command line.
        var option: String
        var wanted: Int
        var count: (CrashEvidence) -> Int
        var volume: CrashVolume.Kind?
        var megabytes: Int?

        init(name: String, option: String, wanted: Int, count: @escaping (CrashEvidence) -> Int) {
            self.name = name
            self.option = option
            self.wanted = wanted
            self.count = count
        }
    }

    /// Campaigns, one behind the other, until there is enough.
    private mutating func campaigns(
        _ kind: Campaigns, _ round: (inout CrashCampaign) async throws -> Void
    ) async throws {
        guard kind.wanted > 0, goesOn else { return }
        if let volume = kind.volume, let problem = await CrashVolume.problem(volume) {
            return report("\(kind.name): skipped, \(problem)")
        }
        while kind.count(evidence) < kind.wanted, goesOn {
            let setting = try await begin(kind)
            var campaign = CrashCampaign(setting)
            let failure: (any Error)?
            do {
                try await rounds(&campaign, kind, round)
                failure = nil
            } catch {
                failure = error
            }
            try await campaign.end()
            evidence.add(campaign.takeEvidence())
            try await finish(setting, failure, kind)
        }
        report("\(kind.name): \(kind.count(evidence)) of \(kind.wanted)")
    }

    private mutating func rounds(
        _ campaign: inout CrashCampaign, _ kind: Campaigns, _ round: (inout CrashCampaign) async throws -> Void
    ) async throws {
        // Power cuts at level os are not what is counted.
        let isAside = kind.volume != nil && campaign.setting.level != "disk"
        for _ in 0..<(isAside ? Self.roundsAside : Self.roundsOfACampaign) {
            guard kind.count(evidence) < kind.wanted, goesOn, !campaign.isLongEnough else { return }
            try await round(&campaign)
            evidence.add(campaign.takeEvidence())
            say("\(kind.name): \(kind.count(evidence)) of \(kind.wanted)")
        }
    }

    private mutating func begin(_ kind: Campaigns) async throws -> CrashCampaign.Setting {
        let seed = options.seed &+ campaigns
        campaigns += 1
        let directory = "\(directory)/\(kind.volume?.rawValue ?? "plain")-\(seed)-\(campaigns)"
        try PosixDisk().createDirectory(directory)
        var random = SeededRandom(seed: seed)
        // Two of three take snapshots all the time; the others have nothing but the log.
        let snapshots = Int.random(in: 0..<3, using: &random) > 0 ? "snapshots.records=300" : "snapshots=false"
        let launcher = DaemonLauncher(
            program: options.program, settings: [snapshots] + options.settings, errors: directory + "/errors")
        var setting = CrashCampaign.Setting(
            seed: seed, directory: directory, breaksSync: options.breaksSync, launcher: launcher, group: group)
        if !options.breaksSync, Int.random(in: 0..<100, using: &random) < 20 { setting.level = "os" }
        if let volume = kind.volume {
            setting.volume = try await CrashVolume(volume, in: directory, megabytes: kind.megabytes)
        }
        return setting
    }

    /// Removes what a campaign has left, unless it is evidence.
    private mutating func finish(
        _ setting: CrashCampaign.Setting, _ failure: (any Error)?, _ kind: Campaigns
    ) async throws {
        let isViolation = failure is Violation
        if isViolation, !options.breaksSync, let volume = setting.volume {
            try await setting.copy(volume.mountPoint + "/data", to: setting.directory + "/data")
        }
        try await setting.volume?.discard()
        if let violation = failure as? Violation {
            var text = "\(kind.name), seed \(setting.seed), level \(setting.level): \(violation)"
            if options.breaksSync {
                try await setting.remove(setting.directory)
            } else {
                text += "\n  data directory: \(setting.directory)/data"
                text += "\n  to repeat: \(repetition(setting, kind))"
            }
            evidence.add(violation: text)
            report("VIOLATION: \(text)")
        } else {
            try await setting.remove(setting.directory)
            if let failure { throw failure }
        }
    }

    /// The same draws again. The machine's own timing is not part of a seed, so it may take several tries.
    private func repetition(_ setting: CrashCampaign.Setting, _ kind: Campaigns) -> String {
        let none = ["--kills", "--faults", "--power-cuts", "--disk-full"].filter { !kind.option.hasSuffix($0) }
        let settings = options.settings.map { " --set \($0)" }.joined()
        return "starling check crash --seed \(setting.seed) \(kind.option) \(Self.roundsOfACampaign) --flips 0 "
            + none.map { "\($0) 0" }.joined(separator: " ") + settings
    }
}

extension CrashEvidence {
    /// Lives that ended by SIGKILL.
    var kills: Int { count(.killsAtRandom) + count(.killsAtCall) + count(.killsInRecovery) }
}
