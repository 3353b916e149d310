import Foundation
import Glibc

/// How much is posted while snapshots are taken.
enum LoadKind: String, CaseIterable, Codable {
    /// As much as the daemon takes.
    case full
    /// A steady rate.
    case light
}

/// How long a phase is, and how often pages are read in it.
struct LoadPace {
    var seconds: Double
    var readsPerSecond: Double
}

/// One snapshot, as `POST /admin/snapshot` tells of it.
struct SnapshotSample: Codable {
    var isFull: Bool
    var pages: Int
    var seconds: Double

    init(_ answer: SnapshotAnswer) {
        isFull = answer.full ?? false
        pages = answer.pages.flatMap { Int($0) } ?? 0
        seconds = (answer.microseconds.flatMap { Double($0) } ?? 0) / 1e6
    }

    var bytes: Int { pages * 4_096 }
}

/// Some seconds under load, with or without snapshots.
struct PhaseSample: Codable {
    var run: Int
    var load: LoadKind
    var withSnapshots: Bool
    var seconds: Double
    var deliveriesPerSecond: Double
    var reads: LatencyFigures
    /// Of all snapshots since the daemon's start; zero in a phase without.
    var stalls: StallFigures
    var snapshots: [SnapshotSample]
    var memoryBefore: MemorySample
    /// The highest of each.
    var memoryPeak: MemorySample
    /// Processor time of the daemon for each second.
    var processors: Double
    var otherProcessors: Double
}

/// Runs a daemon under load, first without and then with snapshots one after the other.
struct SnapshotMeasurement {
    let set: FullTimelines
    let pace: LoadPace

    /// The daemon folds the log anew, without a snapshot, so that nothing is moved out of mapped files and every stall is a
    /// snapshot's.
    func run(number: Int, load: LoadKind, postsPerSecond: Double?) throws -> [PhaseSample] {
        let copy = set.root + "/load"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let daemon = try set.serveWithoutSnapshot(in: copy)
        defer { daemon.stop() }
        var samples: [PhaseSample] = []
        for withSnapshots in [false, true] {
            Progress.note("run \(number): \(load.rawValue) load, \(withSnapshots ? "with" : "without") snapshots")
            samples.append(
                try phase(daemon, withSnapshots: withSnapshots, postsPerSecond: postsPerSecond) { sample in
                    sample.run = number
                    sample.load = load
                })
        }
        return samples
    }

    private func phase(
        _ daemon: RunningDaemon, withSnapshots: Bool, postsPerSecond: Double?, complete: (inout PhaseSample) -> Void
    ) throws -> PhaseSample {
        let process = daemon.identifier
        let users = set.graph.timelines
        let before = ProcessFigures.memory(process)
        let http = daemon.http
        let load = PostLoad(http: http, users: users, postsPerSecond: postsPerSecond)
        Thread.sleep(forTimeInterval: 1)
        let watch = MemoryWatch(process)
        let machine = MachineLoad()
        let (own, harness) = (ProcessFigures.processorSeconds(process), ProcessFigures.processorSeconds(getpid()))
        let deliveries = try daemon.metrics().deliveries
        let start = monotonicSeconds()
        let reader = SteadyReader(perSecond: pace.readsPerSecond) {
            let connection = try HTTPConnection(http)
            return { number in
                let user = 1 + number &* 7_919 % users
                _ = try connection.call("GET", FeedPageAnswer.path(user: user))
            }
        }
        var snapshots: [SnapshotSample] = []
        if withSnapshots {
            while monotonicSeconds() - start < pace.seconds {
                snapshots.append(
                    SnapshotSample(
                        try HTTPConnection(daemon.admin).call(
                            "POST", "/admin/snapshot", body: Array("{}".utf8), as: SnapshotAnswer.self)))
            }
        } else {
            Thread.sleep(forTimeInterval: pace.seconds)
        }
        let reads = try reader.stop()
        let after = try daemon.metrics()
        let seconds = monotonicSeconds() - start
        let used = ProcessFigures.processorSeconds(process) - own
        let others = machine.others(own: used, harness: ProcessFigures.processorSeconds(getpid()) - harness)
        try load.stop()
        var sample = PhaseSample(
            run: 0, load: .full, withSnapshots: withSnapshots, seconds: seconds,
            deliveriesPerSecond: (after.deliveries - deliveries) / seconds, reads: reads, stalls: after.stalls,
            snapshots: snapshots, memoryBefore: before, memoryPeak: try watch.stop(), processors: used / seconds,
            otherProcessors: others)
        complete(&sample)
        return sample
    }
}

extension FullTimelines {
    /// A daemon on a copy of the log alone, which it folds.
    func serveWithoutSnapshot(in copy: String) throws -> RunningDaemon {
        try? FileManager.default.removeItem(atPath: copy)
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: starlingDirectory + "/log", toPath: copy + "/log")
        Progress.note("folding the log")
        let daemon = try program.serve(data: copy, workers: workers, settings: serveSettings)
        try daemon.quiesce()
        return daemon
    }
}
