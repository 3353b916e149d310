import StarlingLog
import StarlingMemory
import StarlingSystem
import Synchronization

/// A command on its way to the sequencer, and who waits for the answer.
struct Submission: Sendable {
    var command: Command
    var context: WriteContext
    /// What the command can take, reckoned once.
    var budget: CommandBudget
    /// Runs on the writer's thread and must be short.
    var completion: @Sendable (Result<WriteReceipt, EngineError>) -> Void
}

/// The one writer: takes what has arrived, sequences it, commits, publishes to the workers, answers, and begins again. What
/// arrives during a commit goes into the next one, so batches grow with the load and no timer is needed.
final class Writer: @unchecked Sendable {
    let sequencer: Sequencer
    let mailbox: Mailbox<Submission>
    let signal: WriterSignal
    let log: LogWriter
    private let ids: PostIDReservation
    let ring: EventRing
    let time: any TimeSource
    let syncer: RoundSyncer
    private let wakeWorkers: @Sendable () -> Void
    let snapshotter: Snapshotter?
    private let published = Atomic<UInt64>(0)
    private let graphBytes = Atomic<Int>(0)
    private var queue: [Submission] = []
    private var queueStart = 0
    /// Of what was sequenced and is not committed.
    var answers = PendingAnswers()
    private var quiet = Quiet()
    private var lastSync: UInt64 = 0
    private var lastWatermark: UInt64 = 0
    private let failed = Mutex<LogError?>(nil)

    /// When something was last written and whether it is known to be on the disk.
    private struct Quiet {
        var since: UInt64 = 0
        var needsMarker = false
        /// Whether writes of the last round were answered as durable, although the log's own level is lower.
        var hasDiskAnswers = false
    }

    /// Uncommitted log bytes at which a round ends, so that answers do not wait for ever in a flood.
    private static let roundBytes = 4 << 20
    private let roundCommands: Int
    private static let quietNanoseconds: UInt64 = 100_000_000
    private static let syncNanoseconds: UInt64 = 1_000_000_000

    init(
        sequencer: Sequencer, log: LogWriter, ids: PostIDReservation, ring: EventRing, time: any TimeSource,
        configuration: EngineConfiguration, signal: WriterSignal, syncer: RoundSyncer, snapshotter: Snapshotter?,
        wakeWorkers: @escaping @Sendable () -> Void
    ) {
        self.syncer = syncer
        roundCommands = configuration.roundCommands
        self.snapshotter = snapshotter
        self.sequencer = sequencer
        self.log = log
        self.ids = ids
        self.ring = ring
        self.time = time
        self.signal = signal
        self.wakeWorkers = wakeWorkers
        mailbox = Mailbox(limit: configuration.writeQueueLimit, byteLimit: configuration.writeQueueBytes)
        published.store(sequencer.state.lastLSN, ordering: .relaxed)
        noteMemory()
    }

    /// The last record that workers and readers may see. Any thread.
    var publishedLSN: UInt64 { published.load(ordering: .acquiring) }

    /// Memory of the sequencer's own edges, as of the last commit. Any thread.
    var sequencerEdgeBytes: Int { graphBytes.load(ordering: .relaxed) }

    /// Why nothing is written any more, or nil. Any thread.
    var failure: LogError? { failed.withLock { $0 } }

    /// What a round came to.
    enum Round {
        case idle, worked
        /// The ring is full: the workers must catch up first.
        case stalled
    }

    /// One round: sequence, commit, publish, answer.
    func step() -> Round {
        if failure != nil {
            refuseRest(.closed)
            return .idle
        }
        // Changing nothing while the disk is behind bounds the memory of a snapshot's copies.
        let mustWait = sequencer.state.snapshot?.mustWait == true
        if mustWait, answers.isEmpty { return takeQueue() ? .stalled : .idle }
        let isStalled = !mustWait && sequenceNext()
        if answers.isEmpty { return isStalled ? .stalled : queueIsEmpty ? .idle : .worked }
        finishRound()
        return .worked
    }

    private var queueIsEmpty: Bool { queueStart == queue.count }

    /// Takes what has arrived when everything before was sequenced. Returns whether there is something to sequence.
    private func takeQueue() -> Bool {
        if queueIsEmpty {
            queue.removeAll(keepingCapacity: true)
            queueStart = 0
            mailbox.takeAll(into: &queue)
            if let own = sequencer.dueCommand() { queue.append(submission(of: own)) }
        }
        return !queueIsEmpty
    }

    /// Whether more waits to be sequenced.
    var hasMore: Bool { !queueIsEmpty || mailbox.count > 0 }

    /// Sequences what has arrived. Returns whether the ring had no room for the next command.
    func sequenceNext() -> Bool {
        guard takeQueue() else { return false }
        sequencer.readCapacity()
        return sequenceRound()
    }

    /// What the sequencer itself has to say goes the way of all commands, behind those that have arrived.
    private func submission(of own: Command) -> Submission {
        Submission(
            command: own, context: WriteContext(actor: UserID(rawValue: 0)),
            budget: .of(own, ringEvents: ring.capacity)
        ) { _ in }
    }

    /// Sequences until the round is full. Returns whether the ring had no room for the next command.
    private func sequenceRound() -> Bool {
        let end = queueStart + min(queue.count - queueStart, roundCommands)
        while queueStart < end, log.pendingBytes < Self.roundBytes {
            let submission = queue[queueStart]
            let budget = submission.budget
            guard ring.hasRoom(for: budget.events) else { return true }
            let result: Result<WriteReceipt, EngineError>
            do throws(EngineError) {
                try reserve(budget.logBytes)
                result = .success(try sequencer.process(submission.command, submission.context))
            } catch {
                if case .tooMuch = reservation { return false }
                if sequencer.mustWaitForWorkers { return true }
                result = .failure(error)
            }
            keep(result, for: submission)
            queueStart += 1
            if failure != nil { return false }
        }
        return false
    }

    /// Keeps an answer until the level that was asked for is reached, and lets it say so. Answers at one level stay in order.
    private func keep(_ result: Result<WriteReceipt, EngineError>, for submission: Submission) {
        let own = log.log.level
        let asked = submission.context.durability ?? own
        guard case .success(var receipt) = result else {
            // Nothing is to be made safe. But a refusal tells of what stands before it, so it does not overtake that.
            return answers.add(result, at: min(asked, own), submission.completion)
        }
        // The record of a repeated key may be safer by now than is asked for.
        let reached = receipt.isReplay ? level(of: receipt.lsn) : .memory
        receipt.durability = max(asked, reached)
        answers.add(.success(receipt), at: asked > reached ? asked : min(asked, own), submission.completion)
    }

    /// How safe a record is now.
    private func level(of lsn: UInt64) -> AcknowledgementLevel {
        if lsn <= log.log.durableLSN { return .disk }
        return lsn <= log.log.writtenLSN ? .os : .memory
    }

    private enum Reservation { case made, tooMuch, refused }
    private var reservation = Reservation.made

    private func reserve(_ bytes: Int) throws(EngineError) {
        reservation = .made
        if bytes == 0 { return }
        do {
            try log.reserve(bytes: bytes)
        } catch .tooMuchPending where log.pendingBytes > 0 {
            // What is there is committed first; then there is room.
            reservation = .tooMuch
            throw .overloaded(retryAfterMilliseconds: 1)
        } catch .outOfSpace(let error) {
            reservation = .refused
            throw .outOfSpace(error.description)
        } catch .tooMuchPending(let bytes, let limit) {
            reservation = .refused
            throw .invalid(field: "rows", reason: "the request needs \(bytes) bytes of log; at most \(limit) fit")
        } catch {
            failed.withLock { $0 = error }
            throw .closed
        }
    }

    /// Makes the round safe, step by step, and gives each answer as soon as its level is reached. Readers see the round when
    /// it is committed at the log's level, whatever single writes asked for; and not before it is written, because they read
    /// bodies from the log.
    private func finishRound() {
        let hasRecords = ring.hasUnpublished
        do throws(LogError) {
            if hasRecords { try reserveIDs() }
            answers.give(at: .memory)
            if hasRecords {
                if mayOverlap { return try commitBesideNext() }
                try commit()
                publish(committedRound)
            }
            answers.give(at: max(log.log.level, .os))
            if !answers.isEmpty {
                try syncNow()
                quiet.hasDiskAnswers = true
                answers.give(at: .disk)
            }
        } catch {
            return fail(error)
        }
        if log.log.level == .os { syncWhenDue() }
    }

    /// Before an id leaves that is not safe on the disk: see `PostIDReservation`.
    private func reserveIDs() throws(LogError) {
        guard log.log.level != .disk || answers.isAwaiting(.os) || answers.isAwaiting(.memory) else { return }
        do {
            try ids.cover(sequencer.state.mint.lastMilliseconds)
        } catch {
            throw .writeFailed(error)
        }
    }

    private func commit() throws(LogError) {
        if log.log.level == .disk, answers.isAwaiting(.os) {
            try log.flush()
            answers.give(at: .os)
        }
        try log.commit()
        noteCommitted()
    }

    func noteCommitted() {
        let now = time.monotonicNanoseconds()
        quiet = Quiet(since: now, needsMarker: true)
        // At most this old after a crash, however few commits there are.
        if now &- lastWatermark >= Self.quietNanoseconds {
            log.updateWatermark()
            lastWatermark = now
        }
    }

    private func syncNow() throws(LogError) {
        try log.sync()
        lastSync = time.monotonicNanoseconds()
    }

    /// The periodic sync of level `os`, under load.
    private func syncWhenDue() {
        guard time.monotonicNanoseconds() &- lastSync >= Self.syncNanoseconds else { return }
        do { try syncNow() } catch { fail(error) }
    }

    /// Everything that was sequenced so far.
    var committedRound: CommittedRound {
        CommittedRound(
            lsn: sequencer.state.lastLSN, posts: sequencer.state.posts.count,
            erasures: sequencer.state.erasures.table.count, events: ring.head)
    }

    /// Shows workers and readers a round that is committed.
    func publish(_ round: CommittedRound) {
        sequencer.state.posts.publish(round.posts)
        sequencer.state.erasures.publish(round.erasures)
        noteMemory()
        published.store(round.lsn, ordering: .releasing)
        ring.publish(upTo: round.events, nanoseconds: time.monotonicNanoseconds())
        wakeWorkers()
    }

    private func noteMemory() {
        let state = sequencer.state
        graphBytes.store(state.graph.memory(users: Int(state.users.count)), ordering: .relaxed)
    }

    /// Ends the writing: what still waits in this round may or may not have happened.
    private func fail(_ error: LogError) {
        failed.withLock { $0 = error }
        answers.giveUnknown(because: error)
    }

    /// Work for a moment without writes: the periodic sync of level `os`, and a marker after which the last batch cannot be
    /// taken for a torn one.
    func rest() {
        guard quiet.needsMarker, failure == nil else { return }
        let idle = time.monotonicNanoseconds() &- quiet.since
        let level = quiet.hasDiskAnswers ? .disk : log.log.level
        guard idle >= (level == .disk ? Self.quietNanoseconds : Self.syncNanoseconds) else { return }
        do {
            if level != .memory { try log.writeSyncMarker() }
            log.updateWatermark()
            quiet.needsMarker = false
        } catch {
            fail(error)
        }
    }

    /// Between two rounds: begins a snapshot when one is due, and does a short piece of the one in progress. Returns whether
    /// there was anything to do.
    func maintainSnapshots() -> Bool {
        guard let snapshotter, let own = sequencer.state.snapshot, failure == nil else { return false }
        if snapshotter.wantsSync { syncForSnapshot() }
        let isBusy = own.isBusy
        guard isBusy || beginSnapshotIfDue(snapshotter) else { return false }
        if isBusy { own.step() }
        return !own.mustWait
    }

    private func beginSnapshotIfDue(_ snapshotter: Snapshotter) -> Bool {
        let state = sequencer.state
        guard log.pendingBytes == 0, ring.hasRoom(for: 1),
            let cut = snapshotter.cutIfDue(lsn: state.lastLSN, chain: log.chain, milliseconds: state.milliseconds)
        else { return false }
        ring.append(
            Event(
                lsn: cut.lsn, value: 0, first: cut.takesAllPages ? 1 : 0, second: 0, third: 0, kind: .snapshotCut,
                endsRecord: true))
        ring.publish(nanoseconds: time.monotonicNanoseconds())
        wakeWorkers()
        state.snapshot?.beginCut(takesAllPages: cut.takesAllPages)
        return true
    }

    private func syncForSnapshot() {
        do { try log.sync() } catch { fail(error) }
    }

    /// Refuses everything that still waits. What was sequenced and is not committed may or may not have happened.
    func refuseRest(_ error: EngineError) {
        answers.giveUnknown(because: failure ?? .closed)
        mailbox.close()
        var rest: [Submission] = []
        mailbox.takeAll(into: &rest)
        for submission in queue[queueStart...] + rest { submission.completion(.failure(error)) }
        queue = []
        queueStart = 0
    }

    /// Closes the log; with `clean`, everything appended is committed and marked.
    func close(clean: Bool) throws(LogError) {
        ids.close()
        try log.close(clean: clean && failure == nil)
    }
}
