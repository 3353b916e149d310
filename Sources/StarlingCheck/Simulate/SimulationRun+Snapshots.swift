import StarlingEngine
import StarlingLog
import StarlingSimulation

/// Snapshots only save time: whatever becomes of them, the state is that of the log.
extension SimulationRun {
    private static let snapshots = "data/snapshots/"

    func noteSnapshots() throws(InvariantViolation) {
        let statistics = running().snapshotStatistics
        if statistics.installed > 0 { totals.reached(.snapshotInstalled) }
        if statistics.failed > 0 {
            say("\(statistics.failed) snapshots failed: \(statistics.lastFailure ?? "")")
            totals.reached(.snapshotFailed)
            guard disk.disturbances > disturbancesBefore || !disk.isPowered || running().failure != nil else {
                let reason = statistics.lastFailure ?? "no reason"
                throw InvariantViolation(.honesty, "a snapshot failed without a fault: \(reason)")
            }
        }
        if let last = statistics.last, !last.isFull { totals.reached(.snapshotIncremental) }
        totals.snapshots += Int(statistics.installed)
        if running().logStatistics.removedSegments > 0 {
            say("the log begins with record \(running().firstLSN)")
            totals.reached(.logCutByRetention)
        }
        trace.add(statistics.installed)
    }

    func noteLoadedSnapshot() {
        let recovery = running().recovery
        trace.add(recovery.snapshotLSN)
        if !recovery.rejectedSnapshots.isEmpty { totals.reached(.snapshotRejected) }
        guard recovery.snapshotLSN > 0 else { return }
        say("snapshot of record \(recovery.snapshotLSN)")
        totals.reached(.snapshotLoaded)
        if snapshotWorkers != configuration.workers { totals.reached(.snapshotLoadedWithOtherWorkers) }
    }

    /// Removes or damages files of snapshots, as a careless operator or a bad disk may. Nothing is lost: the log is whole,
    /// or another snapshot stands for what is missing of it.
    func loseSnapshots() throws(InvariantViolation) {
        let files = disk.files.filter { $0.hasPrefix(Self.snapshots) }
        guard !files.isEmpty else { return }
        for _ in 0..<number(1...3) {
            let path = files[number(0...files.count - 1)]
            guard try isDispensable(path) else { continue }
            hasLostSnapshots = true
            totals.reached(Self.isLogCut(on: disk) ? .snapshotLostWithCutLog : .snapshotLost)
            guard let content = disk.contents(path), !content.isEmpty else { continue }
            let byte = number(0...content.count - 1)
            switch number(0...2) {
            case 0: remove(path, from: disk)
            case 1: disk.truncate(path, to: byte)
            default: disk.corrupt(path, byte: byte, bit: number(0...7))
            }
            say("\(path) is lost or damaged")
        }
    }

    func removeSnapshots(from disk: SimulatedDisk) {
        for path in disk.files where path.hasPrefix(Self.snapshots) { remove(path, from: disk) }
    }

    /// Removes a file behind the back of everybody.
    func remove(_ path: String, from disk: SimulatedDisk) {
        do {
            try disk.remove(path)
        } catch {
            preconditionFailure("a file that was listed cannot be removed: \(error)")
        }
    }
}
