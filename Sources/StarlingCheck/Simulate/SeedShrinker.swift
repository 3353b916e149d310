/// Makes a failing run shorter. A run with fewer turns is a beginning of the same run, up to its last checks.
enum SeedShrinker {
    /// Turns that are tried one by one below the shortest run that is known to fail.
    private static let attempts = 200

    static func shrink(
        _ seed: UInt64, _ violation: InvariantViolation, _ options: SimulationOptions
    ) -> FailedSeed {
        var best = SimulationPlan(seed: seed, turns: options.turns).turns
        var smallest = violation
        // Halve while that fails, then go down one by one.
        var step = best / 2
        var left = attempts
        while step > 0, left > 0 {
            let turns = best - step
            left -= 1
            if let found = failure(seed, turns, options) {
                best = turns
                smallest = found
                step = min(step, best / 2)
            } else {
                step /= 2
            }
        }
        return FailedSeed(
            seed: seed, violation: violation, turns: best, smallestViolation: smallest, breaksSync: options.breaksSync)
    }

    private static func failure(_ seed: UInt64, _ turns: Int, _ options: SimulationOptions) -> InvariantViolation? {
        do throws(InvariantViolation) {
            try Simulator.run(seed: seed, turns: turns, breaksSync: options.breaksSync)
            return nil
        } catch {
            return error
        }
    }
}
