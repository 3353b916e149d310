import Glibc
import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSystem

/// Opens changed copies of a data directory in a process of its own, so that one that crashes or hangs is a finding.
///
/// Prints for each change first its number, then what came of it.
public struct FlipWorker {
    /// What came of a change.
    enum Outcome: String, CaseIterable {
        /// The state is the same.
        case same
        /// Opening was refused, with a code for damaged, missing or unknown data.
        case refused
        /// The state is that of a shorter log which holds everything that is known to have been durable.
        case torn
        /// As `torn`, but what vouched for the rest went away with it: a file was cut.
        case shortened
        /// The state is the same, by a snapshot; the damage lies in records before it, and is found by `verify`, the
        /// scrub and every read.
        case latent
        /// Anything else.
        case wrong
    }

    private let base: FlipBase
    private let changes: [FlipChange]
    private var digests: [UInt64: Hash128] = [:]

    /// Prepares the directory that follows from `seed`.
    ///
    /// - Parameters:
    ///   - count: changes of each kind, drawn at random; nil for all.
    ///   - configuration: the engine's settings; limits are made small.
    public init(seed: UInt64, count: Int?, configuration: EngineConfiguration) throws {
        base = try FlipBase(seed: seed, configuration: configuration)
        changes = FlipChange.all(of: base, count: count)
    }

    /// Tries the changes from number `first` on. Lines on standard output: `total COUNT`; `try NUMBER KIND`;
    /// `OUTCOME TEXT`.
    public mutating func run(from first: Int) throws {
        Self.say("total \(changes.count)")
        for (number, change) in changes.enumerated().dropFirst(first) {
            Self.say("try \(number) \(change.isFlip ? "flip" : "cut") \(change)")
            let (outcome, text) = try judge(change)
            Self.say("\(outcome.rawValue) \(text)")
        }
    }

    /// At once: the process may not live to say more.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return }
            sent += max(0, count)
        }
    }

    private mutating func judge(_ change: FlipChange) throws -> (Outcome, String) {
        let disk = SimulatedDisk(copying: base.disk, seed: base.seed)
        try change.apply(to: disk)
        // What is left may vouch for less, when a part of it is gone.
        let vouched =
            change.isFlip
            ? base.durable : LogVerifier.verify(directory: FlipBase.directory, disk: disk, deep: false).durableWatermark
        let engine: Engine
        do throws(EngineOpenError) {
            engine = try FlipBase.open(
                disk, base.configuration, SimulatedTime(wallMilliseconds: 1_700_000_000_000), seed: 7)
        } catch {
            let isHonest = [65, 66, 78].contains(error.exitCode)
            return (isHonest ? .refused : .wrong, "exit code \(error.exitCode): \(error)")
        }
        let digest = try FlipBase.digest(of: engine)
        let last = engine.publishedLSN
        try engine.close(clean: false)
        let chains = try FlipBase.chains(on: disk)
        guard chains.elementsEqual(base.chains.prefix(chains.count)) else {
            return (.wrong, "the log holds other records")
        }
        if last < vouched { return (.wrong, "the log ends at \(last), but was durable up to \(vouched)") }
        if try digest != expected(after: last) { return (.wrong, "the state at \(last) has digest \(digest)") }
        if UInt64(chains.count) != last { return damage(disk, chains.count, last) }
        if last == base.lastLSN { return (.same, "") }
        return (last < base.durable ? .shortened : .torn, "ends at \(last)")
    }

    /// For a log that opened although not all of it can be read.
    private func damage(_ disk: SimulatedDisk, _ readable: Int, _ last: UInt64) -> (Outcome, String) {
        let report = LogVerifier.verify(directory: FlipBase.directory, disk: disk, deep: true)
        let isFound = report.exitCode == 65 || report.exitCode == 66
        guard last == base.lastLSN, isFound, disk.exists(FlipBase.directory + "/snapshots") else {
            return (.wrong, "\(readable) of \(last) records can be read, and verify says \(report.exitCode)")
        }
        return (.latent, "verify says \(report.exitCode)")
    }

    private mutating func expected(after lsn: UInt64) throws -> Hash128 {
        if lsn == base.lastLSN { return base.digest }
        if let known = digests[lsn] { return known }
        let digest = try base.digest(after: lsn)
        digests[lsn] = digest
        return digest
    }
}
