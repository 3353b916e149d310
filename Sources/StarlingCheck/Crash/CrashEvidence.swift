import StarlingSchema

/// What a run has done and found.
public struct CrashEvidence: Sendable {
    /// Crashes and checks by name, in the order of their first use.
    private(set) var counts: [(name: Count, value: Int)] = Count.allCases.map { ($0, 0) }
    /// What must not be, with the seed of the round and where its data directory was kept.
    private(set) var violations: [String] = []
    /// Nanoseconds that it took.
    var nanoseconds: UInt64 = 0

    /// What is counted.
    enum Count: String, CaseIterable, Sendable {
        case killsAtRandom = "SIGKILL at a random moment"
        case killsAtCall = "SIGKILL at the k-th call to the disk"
        case killsInRecovery = "SIGKILL during recovery"
        case terminations = "SIGTERM under load"
        case failures = "lives with failing calls to the disk"
        case powerCutsExt4 = "power cuts on ext4"
        case powerCutsXFS = "power cuts on xfs"
        case powerCutsAtOS = "power cuts at level os"
        case fullDisks = "full disks"
        case acknowledged = "acknowledged writes checked"
        case lost = "acknowledged writes lost"
        case lostAtOS = "writes of level os lost to power cuts, as documented"
        case lostAtMemory = "writes of level memory lost, as documented"
        case lostLate = "writes lost that were answered while the file system was being shut down"
        case refused = "refused writes checked to be absent"
        case unanswered = "unanswered writes"
        case retried = "writes repeated with their key"
        case duplicates = "writes stored twice"
        case seen = "posts seen by readers before a crash"
        case pages = "pages read under load"
        case cursors = "feeds gone on with after a crash by a cursor from before it"
        case feeds = "feeds read to their end and compared"
        case entries = "entries of these feeds"
        case digests = "digests compared with other numbers of workers"
        case flips = "flipped bits"
        case cuts = "cut files"
        case flipsSame = "of these: same state"
        case flipsRefused = "of these: refused"
        case flipsLatent = "of these: same state by a snapshot, damage before it found by verify"
        case flipsTorn = "of these: cut back within the last batch"
        case flipsShortened = "of these: cut together with all that vouched for the rest, as documented"
    }

    mutating func add(_ name: Count, _ number: Int = 1) {
        guard let place = counts.firstIndex(where: { $0.name == name }) else { return }
        counts[place].value += number
    }

    mutating func add(_ other: CrashEvidence) {
        for count in other.counts { add(count.name, count.value) }
        violations += other.violations
    }

    mutating func add(violation: String) { violations.append(violation) }

    func count(_ name: Count) -> Int { counts.first { $0.name == name }?.value ?? 0 }

    /// Whether nothing was found.
    public var isClean: Bool { violations.isEmpty }

    /// Crashes after which everything acknowledged had to be there.
    var crashes: Int {
        let counted: [Count] = [
            .killsAtRandom, .killsAtCall, .killsInRecovery, .failures, .powerCutsExt4, .powerCutsXFS, .fullDisks,
        ]
        return counted.reduce(0) { $0 + count($1) }
    }

    private var powerCuts: Int { count(.powerCutsExt4) + count(.powerCutsXFS) }

    /// Lines for people.
    public var text: String {
        var lines = counts.filter { $0.value > 0 || $0.name == .lost || $0.name == .duplicates }.map { count in
            "\(Self.padded(count.value)) \(count.name.rawValue)"
        }
        if isClean {
            lines += [bound("crash", "crashes", crashes), bound("power cut", "power cuts", powerCuts)].compactMap { $0 }
            lines.append("clean: no violation in \(seconds) s")
        } else {
            lines += violations.map { "VIOLATION: \($0)" }
        }
        return lines.joined(separator: "\n")
    }

    /// With no loss in n independent trials, a chance of 3/n or more would have shown itself with 95 % (rule of three).
    private func bound(_ name: String, _ plural: String, _ trials: Int) -> String? {
        guard trials > 0 else { return nil }
        return "no loss in \(trials) \(plural): with 95 % confidence the chance of a loss per "
            + "\(name) is below \(Self.percent(3, of: trials)) % (rule of three)"
    }

    private var seconds: UInt64 { nanoseconds / 1_000_000_000 }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: " ", count: max(0, 10 - digits.count)) + digits
    }

    /// Two digits behind the point, rounded up.
    private static func percent(_ part: Int, of whole: Int) -> String {
        let hundredths = min((part * 10_000 + whole - 1) / whole, 10_000)
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// One JSON object.
    public var json: String {
        var writer = JSONWriter()
        writer.write(raw: "{")
        for count in counts {
            writer.write(string: "\(count.name)")
            writer.write(raw: ":\(count.value),")
        }
        writer.write(raw: "\"crashes\":\(crashes),\"milliseconds\":\(nanoseconds / 1_000_000),\"clean\":\(isClean),")
        writer.write(raw: "\"violations\":[")
        for (place, violation) in violations.enumerated() {
            if place > 0 { writer.write(raw: ",") }
            writer.write(string: violation)
        }
        writer.write(raw: "]}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
