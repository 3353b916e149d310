import StarlingSystem
import Synchronization

/// Something that a worker does for a reader, between two slices of fan-out.
struct WorkerJob: Sendable {
    /// The job waits until this record is applied.
    var minimumLSN: UInt64
    /// When it stops waiting, in monotonic nanoseconds.
    var deadline: UInt64
    /// It must not see a post that only a part of its readers has.
    var wantsWholeRecords: Bool
    /// Runs on the worker's thread and must be short.
    var run: @Sendable (Result<Worker, EngineError>) -> Void
}

/// Drives one worker: slices of fan-out, and jobs in between. On a thread of its own by `run`, or by `step` in a test.
final class WorkerRunner: @unchecked Sendable {
    let worker: Worker
    let parker = Parker()
    private let mailbox: Mailbox<WorkerJob>
    private let writer: WriterSignal
    private let awayReports: AwayReports
    /// What this worker can deliver.
    let rate = DeliveryRate()
    private var awaySweep = AwaySweep()
    private let isStopping = Atomic<Bool>(false)
    private let queueLimit: Int
    private var taken: [WorkerJob] = []
    private var waiting: [WorkerJob] = []
    /// The lowest record that a waiting job wants.
    private var wantedLSN = UInt64.max
    /// When waiting jobs are looked at for their deadlines, in monotonic nanoseconds.
    private var nextLook = UInt64.max
    /// Whether a job waits that wants no half delivered post.
    private var hasWaitedForRecord = false
    /// How long the worker looked at no read while a snapshot was taken or loaded pages were moved, each time.
    private(set) var stalls = Stalls()
    /// Steps since the last pause or other work that did nothing but copy for a snapshot.
    private var onlyCopied = 0

    /// Deliveries between two looks at the mailbox.
    private let sliceBudget: UInt64
    /// The same while pages are copied for a snapshot, at most: each delivery may then cost the copy of a page or two.
    private static let sliceBudgetWhileCutting: UInt64 = 64
    /// Steps with copies and nothing else before a pause of a millisecond.
    private static let copiesPerPause = 4
    /// Waiting jobs are looked at for their deadlines no more often than this, however many wait.
    private static let lookNanoseconds: UInt64 = 5_000_000

    init(
        worker: Worker, configuration: EngineConfiguration, writer: WriterSignal, awayReports: AwayReports
    ) {
        self.awayReports = awayReports
        worker.onReturn = { awayReports.report([$0], away: false) }
        self.worker = worker
        self.writer = writer
        queueLimit = configuration.readQueueLimit
        sliceBudget = configuration.sliceDeliveries
        mailbox = Mailbox(limit: queueLimit)
    }

    /// Hands a job over. Any thread. A job that is refused runs at once, with the reason.
    func offer(_ job: WorkerJob) {
        switch mailbox.offer(job) {
        case .taken: parker.wake()
        case .full: job.run(.failure(.overloaded(retryAfterMilliseconds: 100)))
        case .closed: job.run(.failure(.closed))
        }
    }

    /// One slice of fan-out and all jobs that can run. Returns whether there was anything to do.
    func step() -> Bool {
        guard let snapshot = worker.snapshot, snapshot.isBusy else {
            onlyCopied = 0
            let applied = applyEvents(budget: sliceBudget)
            awaySweep.step(worker, awayReports)
            return runJobs() || applied
        }
        // What may keep a read waiting while a snapshot is taken: the copies, and the fan-out with copies in it.
        let watch = StallWatch(worker.time)
        let progress = snapshot.progress
        snapshot.step()
        // Changing nothing while the disk is behind bounds the memory of the copies; reads go on.
        let mustWait = snapshot.mustWait
        let applied = !mustWait && applyEvents(budget: min(sliceBudget, Self.sliceBudgetWhileCutting))
        // A step that copied nothing is no longer than without a snapshot.
        if snapshot.progress != progress { watch.stop(worker.time, &stalls) }
        let hadJobs = runJobs()
        onlyCopied = snapshot.isCutting && !applied && !hadJobs ? onlyCopied + 1 : 0
        return hadJobs || !mustWait
    }

    private func applyEvents(budget: UInt64) -> Bool {
        let start = worker.time.monotonicNanoseconds()
        let before = worker.pushed
        guard worker.applySlice(budget: budget) else { return false }
        writer.wakeIfWaiting()
        noteRate(worker.pushed &- before, since: start)
        return true
    }

    /// A replay says little of what the worker can do later: it waits for the log, and its memory is cold. Slices beside a
    /// snapshot's copies are too small to count.
    private func noteRate(_ deliveries: UInt64, since start: UInt64) {
        guard deliveries >= DeliveryRate.leastDeliveries, !worker.stop.mayStop else { return }
        let now = worker.time.monotonicNanoseconds()
        rate.note(deliveries: deliveries, nanoseconds: now > start ? now - start : 0)
    }

    private func runJobs() -> Bool {
        mailbox.takeAll(into: &taken)
        let hadJobs = !taken.isEmpty
        for job in taken {
            if canRun(job, at: worker.appliedLSN) { job.run(.success(worker)) } else { wait(job) }
        }
        taken.removeAll(keepingCapacity: true)
        if !waiting.isEmpty { settleWaiting() }
        return hadJobs
    }

    private func canRun(_ job: WorkerJob, at applied: UInt64) -> Bool {
        applied >= job.minimumLSN && !(job.wantsWholeRecords && worker.isInsideRecord)
    }

    private func wait(_ job: WorkerJob) {
        guard waiting.count < queueLimit else { return job.run(.failure(.overloaded(retryAfterMilliseconds: 100))) }
        waiting.append(job)
        wantedLSN = min(wantedLSN, job.minimumLSN)
        nextLook = min(nextLook, job.deadline)
        hasWaitedForRecord = hasWaitedForRecord || job.wantsWholeRecords
    }

    /// Runs the jobs whose record is applied or whose time is up. Looks through all of them only when there may be one.
    private func settleWaiting() {
        let now = worker.time.monotonicNanoseconds()
        let applied = worker.appliedLSN
        guard applied >= wantedLSN || now >= nextLook || hasWaitedForRecord else { return }
        hasWaitedForRecord = false
        var lowest = UInt64.max
        var earliest = UInt64.max
        waiting.removeAll { job in
            if canRun(job, at: applied) {
                job.run(.success(worker))
            } else if now >= job.deadline {
                job.run(.failure(.notYetVisible(lsn: job.minimumLSN, appliedLSN: applied)))
            } else {
                lowest = min(lowest, job.minimumLSN)
                earliest = min(earliest, job.deadline)
                hasWaitedForRecord = hasWaitedForRecord || job.wantsWholeRecords
                return false
            }
            return true
        }
        wantedLSN = lowest
        nextLook = max(earliest, now &+ Self.lookNanoseconds)
    }

    /// The worker's thread: until `stop`.
    func run(pinnedTo processor: Int?) {
        SystemThread.preferShortTurns()
        worker.takesPauses = true
        if let processor { SystemThread.pinCurrent(toProcessor: processor) }
        while !isStopping.load(ordering: .acquiring) {
            let worked = step()
            if worker.hasOnlyLargeFanouts {
                parker.park(microseconds: worker.pauseBeforeBurst)
                continue
            }
            if onlyCopied >= Self.copiesPerPause {
                onlyCopied = 0
                // With nothing else to do, copies are not urgent. A thread that sleeps in between is seldom taken off the
                // processor in the middle of one: under light load p99.9 of a piece fell from 5.2 ms to 1.0 ms.
                parker.park(milliseconds: 1)
            } else if !worked, !worker.hasEvents || worker.snapshot?.mustWait == true {
                parker.park(milliseconds: waiting.isEmpty ? 1_000 : 5)
            }
        }
        refuseRest()
    }

    /// Ends `run` after the current step.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        parker.wake()
    }

    /// Answers everything that still waits. After `run` has ended, or without a thread.
    func refuseRest() {
        mailbox.close()
        mailbox.takeAll(into: &taken)
        for job in taken + waiting { job.run(.failure(.closed)) }
        taken = []
        waiting = []
    }
}

/// How workers tell a writer that waits for room in the ring that there is some.
final class WriterSignal: Sendable {
    let parker = Parker()
    private let isWaiting = Atomic<Bool>(false)

    func wakeIfWaiting() {
        if isWaiting.load(ordering: .relaxed) { parker.wake() }
    }

    /// Writer: sleeps until a worker made progress, or for a millisecond.
    func waitForWorkers() {
        isWaiting.store(true, ordering: .relaxed)
        parker.park(milliseconds: 1)
        isWaiting.store(false, ordering: .relaxed)
    }
}
