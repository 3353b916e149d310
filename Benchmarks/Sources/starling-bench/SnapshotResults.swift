import Foundation

/// All runs of the `snapshot` suite, and how they are shown.
struct SnapshotResults: Codable {
    var machine: Machine
    var facts: FullTimelines.Facts
    var phases: [PhaseSample] = []
    var changes: [ChangeSample] = []
    var redis: [RedisSaveSample] = []

    /// Microseconds that 999 of 1,000 stalls must not exceed.
    private static let target = 1_000.0

    var table: String {
        let lines = [
            "# Snapshots under load", "", machine.line + " Medians (least to greatest).", "",
            "\(facts.graph.timelines) timelines of at least \(facts.graph.entries) entries, \(facts.workers) workers; each post"
                + " goes to about \(facts.graph.followees) timelines; every batch is answered after its fdatasync. Snapshots"
                + " are taken one after the other. Load, reader and daemon share the processors.", "",
        ]
        return (lines + phaseLines + stallLines + snapshotLines + changeLines + redisLines).joined(separator: "\n")
    }

    private func group(_ load: LoadKind, _ withSnapshots: Bool) -> [PhaseSample] {
        phases.filter { $0.load == load && $0.withSnapshots == withSnapshots }
    }

    private func eachGroup(_ body: (LoadKind, Bool, [PhaseSample]) -> String) -> [String] {
        LoadKind.allCases.flatMap { load in
            [false, true].compactMap { snapshots in
                let samples = group(load, snapshots)
                return samples.isEmpty ? nil : body(load, snapshots, samples)
            }
        }
    }

    private var phaseLines: [String] {
        [
            "| load | snapshots | runs | deliveries/s | read p50, us | read p99, us | read p99.9, us | RSS before | peak RSS |"
                + " peak RSS, anonymous | processors | others' processors |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
            + eachGroup { load, snapshots, samples in
                func spread(_ format: String, _ value: (PhaseSample) -> Double) -> String {
                    Spread(samples.map(value)).text(format)
                }
                func bytes(_ value: (PhaseSample) -> UInt64) -> String {
                    String(format: "%.2f GB", Spread(samples.map { Double(value($0)) }).median / 1e9)
                }
                let columns = [
                    load.rawValue, snapshots ? "one after the other" : "none", "\(samples.count)",
                    spread("%.2f M") { $0.deliveriesPerSecond / 1e6 }, spread("%.0f") { $0.reads.p50 },
                    spread("%.0f") { $0.reads.p99 }, spread("%.0f") { $0.reads.p999 }, bytes { $0.memoryBefore.rss },
                    bytes { $0.memoryPeak.rss }, bytes { $0.memoryPeak.anonymous }, spread("%.2f") { $0.processors },
                    spread("%.2f") { $0.otherProcessors },
                ]
                return "| " + columns.joined(separator: " | ") + " |"
            }
    }

    private var stallLines: [String] {
        var lines = [
            "", "Worker stalls while snapshots are taken: how long a worker looked at no read, as it measures itself.",
            "",
            "| load | count | p50, us | p99, us | p99.9, us | max, us | p99.9 under 1 ms |",
            "|---|---|---|---|---|---|---|",
        ]
        for load in LoadKind.allCases {
            let stalls = group(load, true).map(\.stalls)
            guard !stalls.isEmpty else { continue }
            func spread(_ value: (StallFigures) -> Double) -> String { Spread(stalls.map(value)).text("%.0f") }
            let columns = [
                load.rawValue, spread { Double($0.count) }, spread(\.p50), spread(\.p99), spread(\.p999),
                spread(\.maximum), "\(stalls.filter { $0.p999 < Self.target }.count) of \(stalls.count) runs",
            ]
            lines.append("| " + columns.joined(separator: " | ") + " |")
        }
        return lines
    }

    private var snapshotLines: [String] {
        var lines = [
            "", "The snapshots of those phases, from their beginning to their installation:", "",
            "| load | kind | count | seconds | written, MB |", "|---|---|---|---|---|",
        ]
        for load in LoadKind.allCases {
            for isFull in [true, false] {
                let samples = group(load, true).flatMap(\.snapshots).filter { $0.isFull == isFull }
                guard !samples.isEmpty else { continue }
                lines.append(
                    "| \(load.rawValue) | \(isFull ? "full" : "incremental") | \(samples.count) |"
                        + " \(Spread(samples.map(\.seconds)).text("%.2f")) |"
                        + " \(Spread(samples.map { Double($0.bytes) }).text("%.1f", per: 1e6)) |")
            }
        }
        return lines
    }

    private var changeLines: [String] {
        var lines = [
            "",
            "Cost by what changed, without other load. The first two snapshots are full by rule (two generations that"
                + " share no file).", "",
            "| posts since the last | kind | pages changed | written, MB | seconds | processor time, s | peak RSS |",
            "|---|---|---|---|---|---|---|",
        ]
        var seen: Set<String> = []
        for sample in changes {
            let name = "\(sample.posts) \(sample.snapshot.isFull)"
            guard seen.insert(name).inserted else { continue }
            let samples = changes.filter { "\($0.posts) \($0.snapshot.isFull)" == name }
            let share = samples.map { 100 * Double($0.snapshot.pages) / Double(max($0.allPages, 1)) }
            lines.append(
                "| \(sample.posts) | \(sample.snapshot.isFull ? "full" : "incremental") |"
                    + " \(String(format: "%.2f %%", Spread(share).median)) |"
                    + " \(Spread(samples.map { Double($0.snapshot.bytes) }).text("%.1f", per: 1e6)) |"
                    + " \(Spread(samples.map(\.snapshot.seconds)).text("%.2f")) |"
                    + " \(Spread(samples.map(\.processorSeconds)).text("%.2f")) |"
                    + " \(String(format: "%.2f GB", Spread(samples.map { Double($0.memoryPeak.rss) }).median / 1e9)) |")
        }
        return lines
    }

    private var redisLines: [String] {
        guard !redis.isEmpty else { return [] }
        func row(_ name: String, _ format: String, _ value: (RedisSaveSample) -> Double) -> String {
            "| \(name) | \(Spread(redis.map(value)).text(format)) |"
        }
        return [
            "",
            "Redis beside it: the same number of timelines and entries, ZADD and ZREMRANGEBYRANK for 200 followers a post,"
                + " pipelined; BGSAVE under that load.", "", "| | \(redis.count) runs |", "|---|---|",
            row("stop for the fork, ms", "%.0f") { $0.forkSeconds * 1e3 },
            row("BGSAVE takes, s", "%.1f") { $0.saveSeconds },
            row("RSS before, GB", "%.2f") { Double($0.memoryBefore) / 1e9 },
            row("RSS after, with the pages that were copied, GB", "%.2f") { Double($0.memoryPeak) / 1e9 },
            row("deliveries/s before, k", "%.0f") { $0.deliveriesPerSecondBefore / 1e3 },
            row("deliveries/s during BGSAVE, k", "%.0f") { $0.deliveriesPerSecondMeanwhile / 1e3 },
            row("read p50 before, us", "%.0f") { $0.readsBefore.p50 },
            row("read p99.9 before, us", "%.0f") { $0.readsBefore.p999 },
            row("read p50 during BGSAVE, us", "%.0f") { $0.readsMeanwhile.p50 },
            row("read p99.9 during BGSAVE, us", "%.0f") { $0.readsMeanwhile.p999 },
            row("read max during BGSAVE, us", "%.0f") { $0.readsMeanwhile.maximum },
            row("others' processors", "%.2f") { $0.otherProcessors },
        ]
    }
}
