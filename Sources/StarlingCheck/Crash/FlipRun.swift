import Glibc

/// Runs `FlipWorker` in processes of its own on one data directory, and counts what they say.
struct FlipRun: Sendable {
    let options: CrashCheckOptions
    let seed: UInt64
    /// The file that takes what the processes say on standard error.
    let errors: String
    let isStopping: @Sendable () -> Bool
    let report: @Sendable (String) -> Void

    /// How long one opening may take. It takes milliseconds.
    private static let patience = 30_000
    private static let reportInterval = 20_000

    /// Tries all changes, with another process after each that did not survive.
    func run() async throws -> CrashEvidence {
        var evidence = CrashEvidence()
        var next: Int? = 0
        while let first = next, !isStopping(), evidence.violations.count < CrashCheck.enoughViolations {
            next = try await run(from: first, &evidence)
        }
        return evidence
    }

    /// Runs one process. Returns the change to go on with when it did not get to the end.
    private func run(from first: Int, _ evidence: inout CrashEvidence) async throws -> Int? {
        let child = try ChildProcess(options.program, arguments(first), errors: errors)
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
                if number > 0, number % Self.reportInterval == 0 {
                    report("flips: \(number) of \(total) with seed \(seed)")
                }
            default: take(line, trying, &evidence)
            }
            if isStopping() { child.send(SIGKILL) }
        }
        let ending = try await child.end(within: 0)
        if ending == .exit(0) || isStopping() {
            unlink(errors)
            return nil
        }
        child.send(SIGKILL)
        guard total > 0 else {
            throw CrashCheckError("the process that opens changed copies does not start; see \(errors)")
        }
        let reason = ending.map { "ended with \($0)" } ?? "took longer than \(Self.patience / 1_000) s"
        add(violation: "opening \(reason) with \(trying)", &evidence)
        return number + 1
    }

    private func arguments(_ first: Int) -> [String] {
        ["check", "crash", "--flip-worker", "\(first)", "--seed", "\(seed)", "--flips", count]
            + options.settings.flatMap { ["--set", $0] }
    }

    private var count: String { options.flips.map(String.init) ?? "all" }

    private func take(_ line: String, _ trying: String, _ evidence: inout CrashEvidence) {
        switch line.prefix(while: { $0 != " " }) {
        case "same": evidence.add(.flipsSame)
        case "refused": evidence.add(.flipsRefused)
        case "latent": evidence.add(.flipsLatent)
        case "torn": evidence.add(.flipsTorn)
        case "shortened": evidence.add(.flipsShortened)
        default: add(violation: "\(trying): \(line)", &evidence)
        }
    }

    private func add(violation: String, _ evidence: inout CrashEvidence) {
        let repetition =
            "starling check crash --seed \(seed) --flips \(count) --kills 0 --faults 0 --power-cuts 0 --disk-full 0"
            + options.settings.map { " --set \($0)" }.joined()
        evidence.add(violation: "flips, seed \(seed): \(violation)\n  to repeat: \(repetition)")
        report("VIOLATION: \(violation)")
    }
}
