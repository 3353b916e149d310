/// Flipped bits and cut files, each opened by a process that may not survive it.
extension CrashCheck {
    mutating func flip() async throws {
        if options.flips == 0 || !goesOn { return }
        // Killed and closed cleanly, with snapshots and without; side by side, for this is work for a processor.
        let runs = (0..<4).map { number in
            FlipRun(
                options: options, seed: options.seed &+ number, errors: "\(directory)/flips-\(number)",
                isStopping: isStopping, report: report)
        }
        try await withThrowingTaskGroup(of: CrashEvidence.self) { group in
            for run in runs { group.addTask { try await run.run() } }
            for try await found in group { evidence.add(found) }
        }
    }
}
