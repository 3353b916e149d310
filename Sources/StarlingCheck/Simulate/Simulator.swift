import StarlingSystem
import Synchronization

/// Which seeds to run, and how.
public struct SimulationOptions: Sendable {
    /// The first seed.
    public var firstSeed: UInt64 = 1
    /// How many seeds, one after the other.
    public var seeds = 1_000
    /// Threads; each runs seeds of its own.
    public var jobs = 1
    /// Most turns of a run; nil for as many as the seed says.
    public var turns: Int?
    /// Makes every sync of the simulated disk a lie, to prove that the check can fail.
    public var breaksSync = false

    /// A thousand seeds from 1 in one thread.
    public init() {}
}

/// A seed that failed.
public struct FailedSeed: Sendable, Equatable {
    /// The seed.
    public let seed: UInt64
    /// The first broken promise.
    public let violation: InvariantViolation
    /// The fewest turns, as far as was tried, that still break one.
    public let turns: Int
    /// What breaks then.
    public let smallestViolation: InvariantViolation
    let breaksSync: Bool

    /// What to type to see it again.
    public var replayCommand: String {
        "starling check simulate --seed \(seed) --turns \(turns)\(breaksSync ? " --break sync" : "") --verbose"
    }
}

/// Runs simulated engines, one a seed.
public enum Simulator {
    /// Runs one seed. Throws the first broken promise.
    ///
    /// - Parameter narrate: gets a line for each thing that happens; nil for silence.
    /// - Returns: the hash of everything that was seen, which is the same for each run of a seed.
    @discardableResult
    public static func run(
        seed: UInt64, turns: Int? = nil, breaksSync: Bool = false, narrate: ((String) -> Void)? = nil
    ) throws(InvariantViolation) -> UInt64 {
        let run = SimulationRun(
            plan: SimulationPlan(seed: seed, turns: turns), breaksSync: breaksSync, narrate: narrate)
        try run.run()
        return run.trace.value
    }

    /// Runs many seeds, and stops after the first one that fails. Every hundredth seed is run twice.
    ///
    /// - Parameters:
    ///   - options: which, and how.
    ///   - time: for the rate.
    ///   - progress: called about once a second by one of the threads.
    public static func run(
        _ options: SimulationOptions, time: any TimeSource = SystemTime(),
        progress: @escaping @Sendable (SimulationProgress) -> Void = { _ in }
    ) -> SimulationReport {
        let field = SeedField(options: options, time: time, progress: progress)
        let threads = (1..<max(options.jobs, 1)).map { number in
            SystemThread(name: "simulate-\(number)") { field.work() }
        }
        field.work()
        for thread in threads { thread.join() }
        return field.report()
    }
}

/// How far a run of many seeds is.
public struct SimulationProgress: Sendable {
    /// Seeds that are done.
    public let done: Int
    /// Seeds in all.
    public let seeds: Int
    /// Seeds a second so far.
    public let rate: Double
}

/// Seeds that several threads take from one after the other.
private final class SeedField: Sendable {
    private struct State {
        var totals = SimulationTotals()
        var failure: (seed: UInt64, violation: InvariantViolation)?
        var nextReport: UInt64
    }

    private let options: SimulationOptions
    private let time: any TimeSource
    private let progress: @Sendable (SimulationProgress) -> Void
    private let start: UInt64
    private let next = Atomic<Int>(0)
    private let hasFailed = Atomic<Bool>(false)
    private let state: Mutex<State>
    private static let reportNanoseconds: UInt64 = 1_000_000_000
    private static let seedsPerRepetition: UInt64 = 100

    init(
        options: SimulationOptions, time: any TimeSource, progress: @escaping @Sendable (SimulationProgress) -> Void
    ) {
        self.options = options
        self.time = time
        self.progress = progress
        start = time.monotonicNanoseconds()
        state = Mutex(State(nextReport: start + Self.reportNanoseconds))
    }

    func work() {
        while !hasFailed.load(ordering: .relaxed) {
            let number = next.add(1, ordering: .relaxed).oldValue
            guard number < options.seeds else { return }
            let seed = options.firstSeed &+ UInt64(number)
            let run = SimulationRun(
                plan: SimulationPlan(seed: seed, turns: options.turns), breaksSync: options.breaksSync)
            var violation: InvariantViolation?
            do throws(InvariantViolation) {
                try run.run()
                if seed % Self.seedsPerRepetition == 0 { try repeatRun(seed, run.trace.value) }
            } catch {
                violation = error
            }
            note(seed, run.totals, violation)
        }
    }

    private func repeatRun(_ seed: UInt64, _ trace: UInt64) throws(InvariantViolation) {
        let again = try Simulator.run(seed: seed, turns: options.turns, breaksSync: options.breaksSync)
        if again != trace { throw InvariantViolation(.determinism, "trace \(trace), then \(again)") }
    }

    private func note(_ seed: UInt64, _ totals: SimulationTotals, _ violation: InvariantViolation?) {
        let now = time.monotonicNanoseconds()
        let report: SimulationProgress? = state.withLock { state in
            state.totals.add(totals)
            if let violation {
                hasFailed.store(true, ordering: .relaxed)
                // The lowest of the seeds that failed at about the same time.
                if state.failure.map({ seed < $0.seed }) ?? true { state.failure = (seed, violation) }
            }
            guard now >= state.nextReport else { return nil }
            state.nextReport = now + Self.reportNanoseconds
            return SimulationProgress(
                done: state.totals.seeds, seeds: options.seeds, rate: rate(state.totals.seeds, now))
        }
        if let report { progress(report) }
    }

    private func rate(_ seeds: Int, _ now: UInt64) -> Double { Double(seeds) * 1e9 / Double(max(now - start, 1)) }

    func report() -> SimulationReport {
        let now = time.monotonicNanoseconds()
        let (totals, failure) = state.withLock { ($0.totals, $0.failure) }
        return SimulationReport(
            totals: totals, seconds: Double(now - start) / 1e9, firstSeed: options.firstSeed,
            failure: failure.map { SeedShrinker.shrink($0.seed, $0.violation, options) })
    }
}
