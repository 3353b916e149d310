import Glibc

/// Flipped bits and cut files, each opened by a process that may not survive it.
extension CrashCheck {
    /// How long one opening may take. It takes milliseconds.
    private static let patience = 30_000

    mutating func flip() async throws {
        if options.flips == 0 || !goesOn { return }
        // Killed and closed cleanly, with snapshots and without.
        for seed in (0..<4).map({ options.seed &+ $0 }) {
            var next: Int? = 0
            while let first = next, goesOn { next = try await flip(seed: seed, from: first) }
        }
    }

    /// Runs one process. Returns the change to go on with when it did not get to the end.
    private mutating func flip(seed: UInt64, from first: Int) async throws -> Int? {
        let arguments =
            ["check", "crash", "--flip-worker", "\(first)", "--seed", "\(seed)"]
            + ["--flips", options.flips.map(String.init) ?? "all"] + options.settings.flatMap { ["--set", $0] }
        let errors = directory + "/flip-errors"
        let child = try ChildProcess(options.program, arguments, errors: errors)
        var total = 0
        var trying = ""
        var number = first
        while let line = try await child.line(within: Self.patience) {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            switch words.first {
            case "total": total = Int(words.last ?? "") ?? 0
            case "try" where words.count == 4:
                number = Int(words[1]) ?? number
                trying = words[3]
                evidence.add(words[2] == "flip" ? .flips : .cuts)
                say("flips: \(number) of \(total) with seed \(seed)")
            default: take(line, trying, seed)
            }
            if Task.isCancelled { child.send(SIGKILL) }
        }
        let ending = try await child.end(within: 0)
        if ending == .exit(0) || Task.isCancelled {
            unlink(errors)
            return nil
        }
        child.send(SIGKILL)
        guard total > 0 else {
            throw CrashCheckError("the process that opens changed copies does not start; see \(errors)")
        }
        let reason = ending.map { "ended with \($0)" } ?? "took longer than \(Self.patience / 1_000) s"
        add(violation: "opening \(reason) with \(trying)", seed)
        return number + 1
    }

    private mutating func take(_ line: String, _ trying: String, _ seed: UInt64) {
        switch line.prefix(while: { $0 != " " }) {
        case "same": evidence.add(.flipsSame)
        case "refused": evidence.add(.flipsRefused)
        case "torn": evidence.add(.flipsTorn)
        case "latent": evidence.add(.flipsLatent)
        case "shortened": evidence.add(.flipsShortened)
        default: add(violation: "\(trying): \(line)", seed)
        }
    }

    private mutating func add(violation: String, _ seed: UInt64) {
        let repetition =
            "starling check crash --seed \(seed) --flips \(options.flips.map(String.init) ?? "all") --kills 0"
            + " --faults 0 --power-cuts 0 --disk-full 0" + options.settings.map { " --set \($0)" }.joined()
        evidence.add(violation: "flips, seed \(seed): \(violation)\n  to repeat: \(repetition)")
        report("VIOLATION: \(violation)")
    }
}
