import StarlingLog
import StarlingSystem

/// Reads the log of a data directory, beside the daemon that has it open.
enum LogFolding {
    /// A fold of the log as it is now, and how much of what was folded before it still holds.
    struct Result: Sendable {
        var log: FoldedLog
        /// Records that are as they were.
        var kept: UInt64
    }

    /// Goes on from `before` when the log still holds it, and begins anew when it does not.
    static func fold(_ data: String, after before: FoldedLog) async throws -> Result {
        try await BlockingCalls.run {
            let reader = try LogReader(directory: data, disk: PosixDisk())
            if let refusal = reader.refusal { throw Violation("the log of a running daemon is damaged: \(refusal)") }
            if try holds(reader, before) {
                var log = before
                if reader.lastLSN > before.lastLSN {
                    try reader.forEachRecord(from: before.lastLSN + 1) { try log.fold($0) }
                }
                return Result(log: log, kept: before.lastLSN)
            }
            var log = FoldedLog()
            if reader.lastLSN > 0 { try reader.forEachRecord(from: 1) { try log.fold($0) } }
            let kept = zip(before.records, log.records).prefix { $0.chain == $1.chain }.count
            return Result(log: log, kept: UInt64(kept))
        }
    }

    /// The chain of the last record stands for all records before it.
    private static func holds(_ reader: LogReader, _ before: FoldedLog) throws -> Bool {
        guard let last = before.records.last else { return true }
        guard reader.lastLSN >= before.lastLSN else { return false }
        var chain: UInt64?
        try reader.forEachRecord(from: before.lastLSN, upTo: before.lastLSN) { chain = $0.chain }
        return chain == last.chain
    }
}
