import Testing

@testable import StarlingCheck

@Suite struct SimulationTests {
    @Test func threeHundredSeedsBreakNoPromise() {
        var options = SimulationOptions()
        options.seeds = 300
        let report = Simulator.run(options)
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.seeds == 300)
    }

    @Test func seedsTakenBySeveralThreadsAreEachRunOnce() {
        var options = SimulationOptions()
        options.firstSeed = 5_000
        options.seeds = 24
        let alone = Simulator.run(options).totals
        options.jobs = 3
        let together = Simulator.run(options).totals
        #expect(together.seeds == 24)
        #expect(together.commands == alone.commands)
        #expect(together.probes == alone.probes)
    }

    @Test func oneSeedGivesTheSameRunTwice() throws {
        for seed: UInt64 in 400..<420 {
            let first = try Simulator.run(seed: seed)
            #expect(try Simulator.run(seed: seed) == first, "seed \(seed)")
        }
    }

    @Test func differentSeedsGiveDifferentRuns() throws {
        #expect(try Simulator.run(seed: 1) != Simulator.run(seed: 2))
    }

    @Test func narratingChangesNothing() throws {
        var lines: [String] = []
        let silent = try Simulator.run(seed: 7)
        let told = try Simulator.run(seed: 7) { lines.append($0) }
        #expect(told == silent)
        #expect(lines.contains { $0.contains("recovered") })
    }

    @Test func syncsThatDoNothingAreFoundOut() throws {
        var options = SimulationOptions()
        options.seeds = 100
        options.breaksSync = true
        let failure = try #require(Simulator.run(options).failure)
        #expect(failure.violation.invariant == "I1 no acknowledged loss")
    }

    @Test func aFailureIsShortenedAndSaysHowToSeeItAgain() throws {
        var options = SimulationOptions()
        options.seeds = 100
        options.breaksSync = true
        let report = Simulator.run(options)
        let failure = try #require(report.failure)
        #expect(failure.turns <= SimulationPlan(seed: failure.seed).turns)
        let command =
            "starling check simulate --seed \(failure.seed) --turns \(failure.turns) --break sync --verbose"
        #expect(failure.replayCommand == command)
        #expect(report.text.contains(command))
        #expect(!report.isClean)
        // What the command does.
        #expect(throws: failure.smallestViolation) {
            try Simulator.run(seed: failure.seed, turns: failure.turns, breaksSync: true)
        }
    }
}

@Suite struct SimulationReportTests {
    private func report(seeds: Int, reached probes: [Probe]) -> SimulationReport {
        var totals = SimulationTotals()
        totals.seeds = seeds
        for probe in probes { totals.reached(probe) }
        return SimulationReport(totals: totals, seconds: 2, firstSeed: 1, failure: nil)
    }

    @Test func aLargeRunThatMissesAProbeIsNotClean() {
        let all = Probe.allCases.filter { $0 != .tornTailCut }
        #expect(!report(seeds: 10_000, reached: all).isClean)
        #expect(report(seeds: 10_000, reached: all).text.contains("PROBES NEVER REACHED: torn_tail_cut"))
        #expect(report(seeds: 10_000, reached: Probe.allCases).isClean)
    }

    @Test func aSmallRunMayMissProbes() { #expect(report(seeds: 9_999, reached: []).isClean) }

    @Test func jsonNamesTheFailure() {
        let failure = FailedSeed(
            seed: 9, violation: InvariantViolation(.timelines, "a \"feed\"\nof 1"), turns: 3,
            smallestViolation: InvariantViolation(.timelines, "b"), breaksSync: false)
        let report = SimulationReport(totals: SimulationTotals(), seconds: 1, firstSeed: 1, failure: failure)
        #expect(report.json.contains(#""failure":{"seed":"9","invariant":"I5 timelines","details":"a \"feed\" of 1""#))
        #expect(report.json.contains("\"clean\":false"))
    }
}
