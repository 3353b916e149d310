import StarlingEngine
import StarlingLog
import StarlingSimulation
import StarlingSnapshots

/// A log that begins later than with its first record leans on snapshots.
extension SimulationRun {
    /// Whether retention has removed records from the log in a directory: then a start there needs a snapshot.
    static func isLogCut(on disk: SimulatedDisk, in directory: String = SimulationRun.directory) -> Bool {
        disk.exists(directory + "/log/start")
    }

    /// Retention never passes the older of two snapshots that share no file, also not where a crash cut it short.
    func checkRetention(logFirst first: UInt64) throws(InvariantViolation) {
        guard first > 1 else { return }
        totals.reached(.crashWithCutLog)
        // With less than it was left with, the engine must open, which it did; it need not have two.
        if hasLostSnapshots { return }
        let dispensable = try readSnapshots { store throws(SnapshotError) in
            try store.retention().logDispensableThrough
        }
        guard first <= dispensable + 1 else {
            throw InvariantViolation(
                .equivalence,
                "the log begins with record \(first); the snapshots stand for 1 to \(dispensable) twice over")
        }
    }

    /// Whether a start can do without a file of the snapshots: the log is whole, or another whole snapshot reaches up to
    /// where it begins.
    func isDispensable(_ path: String) throws(InvariantViolation) -> Bool {
        guard Self.isLogCut(on: disk) else { return true }
        let name = String(path.split(separator: "/").last ?? "")
        let first = try firstRecord()
        return try readSnapshots { store throws(SnapshotError) in
            try store.candidates().contains { candidate in
                guard candidate.lsn + 1 >= first, let manifest = try? candidate.manifest.get(),
                    manifest.fileName != name, !manifest.pageFiles.contains(name)
                else { return false }
                return (try? store.verify(manifest)) != nil
            }
        }
    }

    private func firstRecord() throws(InvariantViolation) -> UInt64 {
        do {
            return try logReader(on: disk, in: Self.directory).firstLSN
        } catch {
            throw InvariantViolation(.corruption, "the log cannot be read: \(error)")
        }
    }

    private func readSnapshots<Value>(
        _ body: (SnapshotStore) throws(SnapshotError) -> Value
    ) throws(InvariantViolation) -> Value {
        do {
            return try body(SnapshotStore(directory: Self.directory + "/snapshots", disk: disk))
        } catch {
            throw InvariantViolation(.corruption, "the snapshots cannot be read: \(error)")
        }
    }

    /// Segments that were sealed long before they were full, in a run with segments so large that no batch can be why.
    func noteRolledByAge() {
        let settings = configuration.log
        guard settings.segmentMilliseconds > 0, settings.segmentBytes >= LogLimits.smallestSegmentBytes else { return }
        let segments = disk.files.filter { $0.hasPrefix("data/log/") && $0.hasSuffix(".seg") }
        let isEarly = segments.dropLast().contains { (disk.contents($0)?.count ?? 0) < Int(settings.segmentBytes / 2) }
        if isEarly { totals.reached(.segmentRolledByAge) }
    }
}
