/// What a run, or many, have done.
struct SimulationTotals: Sendable {
    var seeds = 0
    var commands = 0
    var reads = 0
    var feedsCompared = 0
    var recordsCompared = 0
    var acknowledged = 0
    var unanswered = 0
    var kills = 0
    var powerCuts = 0
    var cleanRestarts = 0
    var recoveries = 0
    var crashesInRecovery = 0
    var damages = 0
    var fullDiskRefusals = 0
    var digestsCompared = 0
    var feedEventsCompared = 0
    var snapshots = 0
    var backups = 0
    /// Acknowledged at a level that does not outlive what happened.
    var unsyncedAcknowledgementsLost = 0
    /// Records that were missing after the end of a copy's log was cut off, and nothing told.
    var recordsLostToCutEnds = 0
    /// Failed calls by operation, in the order of `DiskOperation.allCases`.
    var failedCalls: [Int] = []
    /// Times that each probe was reached, in the order of `Probe.allCases`.
    var probes = [Int](repeating: 0, count: Probe.allCases.count)

    mutating func reached(_ probe: Probe) { probes[probe.number] += 1 }

    mutating func add(_ other: SimulationTotals) {
        seeds += other.seeds
        commands += other.commands
        reads += other.reads
        feedsCompared += other.feedsCompared
        recordsCompared += other.recordsCompared
        acknowledged += other.acknowledged
        unanswered += other.unanswered
        kills += other.kills
        powerCuts += other.powerCuts
        cleanRestarts += other.cleanRestarts
        recoveries += other.recoveries
        crashesInRecovery += other.crashesInRecovery
        damages += other.damages
        fullDiskRefusals += other.fullDiskRefusals
        digestsCompared += other.digestsCompared
        feedEventsCompared += other.feedEventsCompared
        snapshots += other.snapshots
        backups += other.backups
        unsyncedAcknowledgementsLost += other.unsyncedAcknowledgementsLost
        recordsLostToCutEnds += other.recordsLostToCutEnds
        for (place, count) in other.failedCalls.enumerated() {
            if place < failedCalls.count { failedCalls[place] += count } else { failedCalls.append(count) }
        }
        for place in probes.indices { probes[place] += other.probes[place] }
    }
}
