import ArgumentParser
import Foundation

/// The `log` suite: durable appends, beside Redis Streams and beside the disk itself.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Durable appends of 100 bytes, beside XADD with appendfsync always and beside an fdatasync loop.",
        discussion: "Example: starling-bench log --data /var/tmp/starling-bench")

    @OptionGroup var options: SuiteOptions
    @Option(help: "Seconds of a run.") var seconds = 5.0
    @Flag(help: "Only what is compared: 64 clients with 64 in flight, batches, groups of 4,096.") var largest = false

    func validate() throws { guard seconds > 0 else { throw ValidationError("--seconds must be positive") } }

    private static let always = ["--appendonly", "yes", "--appendfsync", "always"]
    private static let everySecond = ["--appendonly", "yes", "--appendfsync", "everysec"]

    func run() throws {
        ChildProcesses.shared.endOnSignals()
        let peers = Peers.redisLike()
        let nats = Peers.path(of: "nats-server").map(NATSProgram.init(path:))
        var report = options.report(
            "log", "The log: durable appends of \(AppendTexts.byteCount) bytes",
            configuration: [
                "Starling, CreatePost: a post of \(AppendTexts.byteCount) bytes by one of 10,000 users without followers, with all that"
                    + " a post is: checked, numbered, answered after the fdatasync of its batch. The log alone: in process,"
                    + " no socket, no post.",
                "Texts are random letters; every server begins with an empty directory on the same disk.",
            ] + Peers.describe(peers, settings: Self.always)
                + [nats?.configuration ?? "nats-server: not installed."])
        let seconds = options.quick ? 0.5 : seconds
        let disk = largest ? nil : try diskSection(seconds: seconds)
        let appends = try appendSection(peers, nats, seconds: seconds)
        report.sections = [appends] + (disk.map { [$0] } ?? [])
        for peer in peers {
            let theirs = Self.stream(peer, "always", .largest)
            report.note(
                "durable posts over TCP to \(peer.name), XADD always, 64 clients, 64 in flight",
                appends.ratio(Self.posts(.largest), to: theirs), atLeast: 2)
            report.note(
                "the same in batches of 64", appends.ratio(Self.batches, to: theirs))
            report.note("the log alone, groups of 4,096, to the same", appends.ratio(Self.alone(4_096), to: theirs))
        }
        try report.publish(to: options.output, plots: report.sections.map { BarPlot($0) })
    }

    private static func posts(_ load: AppendLoad) -> String { "Starling, CreatePost, \(load.name)" }
    private static let batches = "Starling, BatchPosts of 64, 64 clients, 1 in flight"
    private static func alone(_ group: Int) -> String { "Starling, the log alone, groups of \(group)" }
    private static func stream(_ peer: RedisProgram, _ level: String, _ load: AppendLoad) -> String {
        "\(peer.name), XADD \(level), \(load.name)"
    }

    private func appendSection(
        _ peers: [RedisProgram], _ nats: NATSProgram?, seconds: Double
    ) throws -> Section {
        let measurement = AppendMeasurement(options: options, seconds: seconds)
        var sides: [Turns.Side] = []
        let loads = largest ? [.largest] : options.quick ? [.init(clients: 1, inFlight: 1), .largest] : AppendLoad.all
        for load in loads {
            sides.append(Turns.Side(Self.posts(load)) { try measurement.daemon(load, rows: 1).row })
            for peer in peers {
                sides.append(
                    Turns.Side(Self.stream(peer, "always", load)) {
                        try measurement.stream(peer, load, settings: Self.always).row
                    })
            }
        }
        sides.append(
            Turns.Side(Self.batches) {
                try measurement.daemon(AppendLoad(clients: 64, inFlight: 1), rows: 64).row
            })
        for group in largest ? [4_096] : [1, 64, 4_096] {
            sides.append(Turns.Side(Self.alone(group)) { try measurement.logAlone(group: group).row })
        }
        for peer in largest ? [] : peers {
            for (level, settings) in [("everysec", Self.everySecond), ("without persistence", [])] {
                sides.append(
                    Turns.Side(Self.stream(peer, level, .largest)) {
                        try measurement.stream(peer, .largest, settings: settings).row
                    })
            }
        }
        if let nats, !largest {
            for load in [AppendLoad(clients: 1, inFlight: 64), .largest] {
                sides.append(
                    Turns.Side("nats-server, JetStream, not durable, \(load.name)") {
                        try measurement.jetStream(nats, load).row
                    })
            }
        }
        return try Turns(runs: options.runCount).measure(
            "Appends a second", about: "For the log alone, p50 and p99 are of the commit of a whole group.",
            columns: AppendFigures.columns, sides)
    }

    private func diskSection(seconds: Double) throws -> Section {
        let directory = try options.directory("log-disk")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let disk = DiskLoop(directory: directory, seconds: seconds / 2)
        let sides = [false, true].flatMap { isOverwriting in
            DiskLoop.sizes.map { size in
                Turns.Side("\(size) bytes \(isOverwriting ? "overwritten" : "appended")") {
                    try disk.measure(size: size, isOverwriting: isOverwriting)
                }
            }
        }
        return try Turns(runs: options.runCount).measure(
            "The disk itself", about: "One thread: pwrite, fdatasync, again.", columns: DiskLoop.columns, sides)
    }
}
