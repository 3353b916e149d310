import StarlingSystem

/// What a salvage has copied, and what is not there.
public struct SalvageReport: Equatable, Sendable {
    /// The log's id; the copy has the same.
    public var logID: UInt64
    /// Records that were copied.
    public var keptRecords: UInt64
    /// First lsn of the copy.
    public var firstLSN: UInt64
    /// Last lsn of the copy, missing records at its end included. Below `firstLSN` for an empty log.
    public var lastLSN: UInt64
    /// The records that could not be copied, in order. In the copy their numbers are marked as lost.
    public var missing: [ClosedRange<UInt64>]
    /// Records that an earlier salvage had already marked as lost.
    public var lostBefore: UInt64
    /// The bytes that were passed over, in order. A torn tail, in which nothing acknowledged was, is among them.
    public var skipped: [LogDamage]

    /// How many records are missing.
    public var missingRecords: UInt64 { missing.reduce(0) { $0 + ($1.upperBound - $1.lowerBound + 1) } }

    /// 0 when everything was copied, 65 when records are missing.
    public var exitCode: Int32 { missing.isEmpty ? 0 : 65 }
}

/// Copies what is whole of a damaged log.
public enum LogSalvage {
    /// Copies every valid batch of the log in `directory`/log to a new log in `out`/log. Records keep their lsn, their
    /// bytes and the chain after them; each missing range becomes envelopes that say so. The copy opens like any log.
    ///
    /// Takes no lock and changes nothing in `directory`; no writer should run there. The copy's segments get their
    /// names last, so that one which was interrupted is never taken for a whole log.
    ///
    /// - Parameters:
    ///   - directory: the data directory to copy from.
    ///   - out: the data directory to make; it must be missing or empty.
    ///   - disk: where both are.
    ///   - segmentBytes: size at which the copy's segments roll.
    /// - Throws: `targetNotEmpty`, `cannotCreate`, `unknownFormat`, `writeFailed`, `outOfSpace`, `readFailed` when not
    ///   even the directory can be read, and `damaged` when there is not one valid envelope.
    public static func run(
        directory: String, out: String, disk: any Disk, segmentBytes: UInt64 = 64 << 20
    ) throws(LogError) -> SalvageReport {
        let source = try SalvageSource(directory: LogFiles.directory(in: directory), disk: disk)
        let output = try SalvageOutput(
            directory: out, disk: disk, logID: source.logID, start: source.start, segmentBytes: segmentBytes)
        do {
            var scan = SalvageScan(source: source, output: output)
            try scan.run()
            return try scan.finish()
        } catch let error as LogError {
            throw error
        } catch let error as DiskError {
            // What cannot be read is skipped, so only the copy is left as the place of a failure.
            throw error.isOutOfSpace ? .outOfSpace(error) : .writeFailed(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }
}
