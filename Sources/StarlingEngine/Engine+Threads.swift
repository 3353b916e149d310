import StarlingLog
import StarlingSystem
import Synchronization

/// What runs on the engine's threads.
extension Engine {
    static func start(_ runners: [WorkerRunner], pinned: Bool) -> [SystemThread] {
        runners.map { runner in
            let number = runner.worker.number
            return SystemThread(name: "worker-\(number)") { runner.run(pinnedTo: pinned ? number : nil) }
        }
    }

    static func stepAll(_ runners: [WorkerRunner]) { for runner in runners { _ = runner.step() } }

    func runWriter() {
        SystemThread.preferShortTurns()
        while !isStopping.load(ordering: .acquiring) {
            switch writer.step() {
            case .worked: _ = writer.maintainSnapshots()
            case .stalled:
                if !writer.maintainSnapshots() { writer.signal.waitForWorkers() }
            case .idle:
                if writer.maintainSnapshots() {
                    // Copies for a snapshot are not urgent: see `WorkerRunner.run`.
                    writer.signal.parker.park(milliseconds: 1)
                    break
                }
                writer.signal.parker.park(milliseconds: 50)
                writer.rest()
            }
            if endOnFailure() { return }
        }
        // What is queued is still sequenced and committed: the callers were told nothing else.
        while !isDropping.load(ordering: .acquiring) {
            switch writer.step() {
            case .worked: break
            case .stalled: writer.signal.waitForWorkers()
            case .idle: return
            }
            if endOnFailure() { return }
        }
    }

    /// Snapshots, memory for posts, the next segment of the log, and between them the scrub and the erasing. Nobody waits for
    /// any of them, so workers go first.
    func runStorage() {
        SystemThread.lowerCurrentPriority()
        let sweepHands = sweepHands
        var populated = 0
        while !isStorageStopping.load(ordering: .acquiring) {
            if configuration.hugePages { posts.populateAhead(from: &populated) }
            let isPreparing = writer.log.preparer.step()
            if let snapshotter, snapshotter.step() { continue }
            scrub?.step(now: time.monotonicNanoseconds())
            _ = sweep.step(sweepHands)
            eraser.step(now: time.monotonicNanoseconds())
            // The pause leaves the disk to the commits: zeros at 200 MB/s at most.
            storageParker.park(milliseconds: isPreparing ? 5 : 20)
        }
        snapshotter?.close()
    }

    /// Refuses everything and says so, once, when the log has failed. Returns whether it has.
    func endOnFailure() -> Bool {
        guard let failure = writer.failure else { return false }
        writer.refuseRest(.closed)
        reportFailure("\(failure)")
        return true
    }

    /// Says, once, that something cannot be made durable any more: the process should end.
    func reportFailure(_ reason: String) {
        if !isFailureReported.exchange(true, ordering: .relaxed) { onFailure(reason) }
    }
}
