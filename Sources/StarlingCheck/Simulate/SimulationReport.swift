import StarlingSimulation

/// What many seeds came to.
public struct SimulationReport: Sendable {
    let totals: SimulationTotals
    /// How long it took.
    public let seconds: Double
    /// The first seed.
    public let firstSeed: UInt64
    /// The seed that failed, or nil.
    public let failure: FailedSeed?

    /// Runs of this many seeds and more must have reached every probe.
    public static let seedsForProbes = 10_000

    /// Seeds that ran.
    public var seeds: Int { totals.seeds }

    /// Seeds a second.
    public var rate: Double { Double(totals.seeds) / max(seconds, 1e-9) }

    /// Probes that were never reached, by name.
    public var missedProbes: [String] {
        Probe.allCases.filter { totals.probes[$0.number] == 0 }.map(\.rawValue)
    }

    /// Whether no promise was broken, and a large run has seen all that it should.
    public var isClean: Bool { failure == nil && (seeds < Self.seedsForProbes || missedProbes.isEmpty) }

    private var counts: [(name: String, count: Int)] {
        [
            ("commands", totals.commands), ("acknowledged", totals.acknowledged), ("unanswered", totals.unanswered),
            ("reads", totals.reads), ("feeds_compared", totals.feedsCompared),
            ("records_compared", totals.recordsCompared), ("digests_compared", totals.digestsCompared),
            ("feed_events_compared", totals.feedEventsCompared),
            ("snapshots", totals.snapshots), ("backups", totals.backups), ("kills", totals.kills),
            ("power_cuts", totals.powerCuts), ("clean_restarts", totals.cleanRestarts),
            ("recoveries", totals.recoveries), ("crashes_in_recovery", totals.crashesInRecovery),
            ("damaged_copies", totals.damages), ("full_disk_refusals", totals.fullDiskRefusals),
            ("unsynced_acknowledgements_lost", totals.unsyncedAcknowledgementsLost),
            ("records_lost_to_cut_ends", totals.recordsLostToCutEnds),
        ]
    }

    private var failedCalls: [(name: String, count: Int)] {
        zip(DiskOperation.allCases, totals.failedCalls).map { ("\($0)", $1) }
    }

    private var probes: [(name: String, count: Int)] {
        Probe.allCases.map { ($0.rawValue, totals.probes[$0.number]) }
    }

    /// Lines for people.
    public var text: String {
        var lines = [
            "\(seeds) seeds from \(firstSeed), \(Self.oneDecimal(seconds)) s, \(Self.oneDecimal(rate)) seeds/s"
        ]
        for (name, count) in counts { lines.append("  \(name): \(count)") }
        lines.append("failed calls: " + failedCalls.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
        lines.append("probes: " + probes.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
        if !missedProbes.isEmpty {
            let weight = seeds >= Self.seedsForProbes ? "PROBES NEVER REACHED" : "probes not reached (few seeds)"
            lines.append("\(weight): " + missedProbes.joined(separator: ", "))
        }
        if let failure {
            lines.append("seed \(failure.seed) FAILED: \(failure.violation)")
            lines.append("with \(failure.turns) turns: \(failure.smallestViolation)")
            lines.append("again: \(failure.replayCommand)")
        } else {
            lines.append(isClean ? "no promise broken" : "no promise broken, but the run was blind in places")
        }
        return lines.joined(separator: "\n")
    }

    /// The same as one JSON object.
    public var json: String {
        func object(_ pairs: [(name: String, count: Int)]) -> String {
            "{" + pairs.map { "\"\($0.name)\":\($0.count)" }.joined(separator: ",") + "}"
        }
        var fields = [
            "\"seeds\":\(seeds)", "\"firstSeed\":\"\(firstSeed)\"", "\"seconds\":\(Self.oneDecimal(seconds))",
            "\"seedsPerSecond\":\(Self.oneDecimal(rate))", "\"clean\":\(isClean)", "\"totals\":\(object(counts))",
            "\"failedCalls\":\(object(failedCalls))", "\"probes\":\(object(probes))",
        ]
        if let failure {
            fields.append(
                "\"failure\":{\"seed\":\"\(failure.seed)\",\"invariant\":\(Self.quoted(failure.violation.invariant)),"
                    + "\"details\":\(Self.quoted(failure.violation.details)),\"turns\":\(failure.turns),"
                    + "\"replay\":\(Self.quoted(failure.replayCommand))}")
        }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private static func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\" + String(scalar)
            case _ where scalar.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
