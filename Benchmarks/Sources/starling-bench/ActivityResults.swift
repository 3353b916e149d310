import Foundation

/// How a replay reaches the engine.
enum ActivityDoor: String, CaseIterable, Codable {
    /// In the same process.
    case embedded
    /// A daemon, over loopback TCP.
    case tcp
}

/// One run.
struct ActivitySample: Codable {
    var door: ActivityDoor
    var workers: Int
    var followsPerSecond: Double
    var postsPerSecond: Double
    var deliveriesPerSecond: Double
    var deliveries: Int
    var delayP50Microseconds: Int
    var delayP99Microseconds: Int
    var delayMaxMicroseconds: Int
    var bytesPerTimelineEntry: Double
    var bytesPerEdge: Double
    var logBytes: Int
    var digest: String

    /// From what `starling replay --json` prints.
    init(door: ActivityDoor, workers: Int, json: Data) throws {
        let report = try JSONDecoder().decode(ReplayOutput.self, from: json)
        self.door = door
        self.workers = workers
        followsPerSecond = Double(report.followRows) / max(report.followSeconds, 1e-9)
        postsPerSecond = report.postsPerSecond
        deliveriesPerSecond = report.deliveriesPerSecond
        deliveries = report.pushed + report.pull + report.skippedAway
        delayP50Microseconds = report.delayP50Microseconds
        delayP99Microseconds = report.delayP99Microseconds
        delayMaxMicroseconds = report.delayMaxMicroseconds
        bytesPerTimelineEntry = Double(report.timelineBytes) / Double(max(report.timelineEntries, 1))
        bytesPerEdge = Double(report.edgeBytes) / Double(max(report.edges, 1))
        logBytes = report.logBytes
        digest = report.digest
    }

    private struct ReplayOutput: Decodable {
        var followRows: Int
        var followSeconds: Double
        var postsPerSecond: Double
        var deliveriesPerSecond: Double
        var pushed: Int
        var pull: Int
        var skippedAway: Int
        var delayP50Microseconds: Int
        var delayP99Microseconds: Int
        var delayMaxMicroseconds: Int
        var timelineEntries: Int
        var timelineBytes: Int
        var edges: Int
        var edgeBytes: Int
        var logBytes: Int
        var digest: String
    }
}

/// All runs, and how they are shown.
struct ActivityResults: Codable {
    var input: String
    var machine: Machine
    var samples: [ActivitySample]

    /// Medians, a row for each kind.
    var table: String {
        var lines = [
            "# Replay of activity (\(input))", "",
            "\(machine.date), commit \(machine.commit), \(machine.processors) processors (\(machine.processorName)),"
                + " kernel \(machine.kernel). Durable: every batch is answered after its fdatasync. Medians;"
                + " client and server share the processors.", "",
            "| door | workers | runs | posts/s (min to max) | deliveries/s | follows/s | delay p50 / p99 / max | bytes an entry |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for door in ActivityDoor.allCases {
            for workers in Set(samples.map(\.workers)).sorted() {
                let group = samples.filter { $0.door == door && $0.workers == workers }
                if !group.isEmpty { lines.append(Self.row(door, workers, group)) }
            }
        }
        let digests = Set(samples.map(\.digest)).sorted()
        lines += [
            "",
            "State digests seen: \(digests.joined(separator: ", ")). Deliveries: \(samples.first?.deliveries ?? 0).",
        ]
        return lines.joined(separator: "\n")
    }

    private static func row(_ door: ActivityDoor, _ workers: Int, _ group: [ActivitySample]) -> String {
        let posts = group.map(\.postsPerSecond).sorted()
        let delays = [\ActivitySample.delayP50Microseconds, \.delayP99Microseconds, \.delayMaxMicroseconds].map {
            path in
            String(format: "%.1f ms", Spread(group.map { Double($0[keyPath: path]) }).median / 1_000)
        }
        let columns = [
            door.rawValue, "\(workers)", "\(group.count)",
            String(format: "%.0f (%.0f to %.0f)", Spread(posts).median, posts.first ?? 0, posts.last ?? 0),
            String(format: "%.0f", Spread(group.map(\.deliveriesPerSecond)).median),
            String(format: "%.0f", Spread(group.map(\.followsPerSecond)).median),
            delays.joined(separator: " / "),
            String(format: "%.1f", Spread(group.map(\.bytesPerTimelineEntry)).median),
        ]
        return "| " + columns.joined(separator: " | ") + " |"
    }
}
