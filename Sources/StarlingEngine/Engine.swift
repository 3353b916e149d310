import StarlingLog
import StarlingMemory
import StarlingSnapshots
import StarlingSystem
import StarlingTopics
import Synchronization

/// A fan-out engine: one log, one writer, W workers. Open it, submit commands, read feeds, close it.
///
/// All methods may be called from any thread. Completions run on the engine's own threads and must be short: hand longer
/// work over to another thread. Two engines in one process do not know of each other.
public final class Engine: Sendable {
    /// Who runs the engine.
    public enum Execution: Sendable {
        /// Threads of its own: one writer and one a worker.
        case threads
        /// Nobody: the caller calls `step()` until it returns false. For tests and simulation; then nothing blocks, and the
        /// same calls in the same order give the same results.
        case manual
    }

    /// The settings that it was opened with.
    public let configuration: EngineConfiguration
    /// What opening did.
    public let recovery: EngineRecovery
    let runners: [WorkerRunner]
    let awayPolicy: AwayPolicy
    let fanoutCapacity: FanoutCapacity
    let rankingInForce: Mutex<RankingSettings>
    let time: any TimeSource
    let users: UserTable
    let posts: PostTable
    let accounts: AccountTable
    let sessions: SessionTable
    let log: Log
    let writer: Writer
    let bodies: BodyStore
    let moderationRules: ModerationRuleStore
    /// Logs of records beside the engine's own.
    public let topics: Topics
    let feedEvents: FeedEventRecorder?
    /// Why no topic can be written any more, or nil.
    let topicsFailure = Mutex<TopicError?>(nil)
    let directory: String
    let disk: any Disk
    let snapshotter: Snapshotter?
    let scrub: BackgroundScrub?
    let eraser: BodyEraser
    let sweep: EdgeSweep
    let execution: Execution
    let threads: Mutex<[SystemThread]> = Mutex([])
    let isStopping = Atomic<Bool>(false)
    let isDropping = Atomic<Bool>(false)
    let isStorageStopping = Atomic<Bool>(false)
    let storageParker: Parker
    let isFailureReported = Atomic<Bool>(false)
    private let isClosed = Mutex(false)
    let onFailure: @Sendable (String) -> Void

    /// Opens the engine in `directory`, which is made when missing, and folds its log. Returns when everything is applied.
    ///
    /// - Parameters:
    ///   - directory: the data directory; locked for as long as the engine is open.
    ///   - configuration: settings; the number of workers may differ from the last time.
    ///   - environment: disk, clocks and randomness.
    ///   - execution: threads, or steps by the caller.
    ///   - onFailure: called once when the log has failed and nothing can be written any more; the process should end.
    public static func open(
        directory: String, configuration: EngineConfiguration = EngineConfiguration(),
        environment: EngineEnvironment = .system(), execution: Execution = .threads,
        onFailure: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(EngineOpenError) -> Engine {
        if let problem = configuration.problem { throw .configuration(problem) }
        var settings = configuration
        settings.log.level = configuration.acknowledgement
        settings.topics.level = configuration.acknowledgement
        do {
            let opened = try EngineOpening(
                directory: directory, configuration: settings, environment: environment,
                inParallel: execution == .threads
            ).run()
            do {
                return try Engine(
                    opened, directory: directory, configuration: settings, environment: environment,
                    execution: execution, onFailure: onFailure)
            } catch {
                try opened.log.writer.close(clean: false)
                throw error
            }
        } catch let error as LogError {
            throw .log(error)
        } catch ArenaError.outOfRoom(let needed, let left) {
            throw .configuration(
                "the data directory does not fit into arenas of \(settings.arenaBytes) bytes (\(needed) needed, \(left) left); "
                    + "raise memory.arenaBytes, or open it with as many workers as before")
        } catch let error as ArenaError {
            throw .memory("\(error)")
        } catch let error as SnapshotError {
            throw .snapshot(error)
        } catch let error as EngineOpenError {
            throw error
        } catch let error as TopicError {
            throw .topics(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    private init(
        _ opened: OpenedState, directory: String, configuration: EngineConfiguration, environment: EngineEnvironment,
        execution: Execution, onFailure: @escaping @Sendable (String) -> Void
    ) throws {
        let signal = WriterSignal()
        let syncer = RoundSyncer(writer: signal.parker, hasThread: execution == .threads)
        let awayReports = AwayReports(policy: AwayPolicy(seconds: configuration.awayAfterSeconds))
        let runners = opened.workers.map {
            WorkerRunner(
                worker: $0, configuration: configuration, writer: signal, awayReports: awayReports)
        }
        awayPolicy = awayReports.policy
        fanoutCapacity = FanoutCapacity(
            rates: runners.map(\.rate), given: configuration.deliveriesPerSecond,
            share: configuration.celebrityCostShare)
        rankingInForce = Mutex(configuration.ranking)
        self.configuration = configuration
        self.runners = runners
        self.directory = directory
        disk = environment.disk
        self.execution = execution
        self.onFailure = onFailure
        time = environment.time
        users = opened.state.users
        posts = opened.state.posts
        accounts = opened.state.accounts
        sessions = opened.state.sessions
        log = opened.log.log
        bodies = BodyStore(log: opened.log.log, cacheBytes: configuration.bodyCacheBytes)
        moderationRules = opened.state.moderationRules.store
        let storageParker = Parker()
        self.storageParker = storageParker
        snapshotter =
            configuration.snapshots.isEnabled
            ? try Self.makeSnapshotter(
                opened, directory, configuration, environment, isMapping: execution == .threads,
                wake: { storageParker.wake() })
            : nil
        scrub =
            configuration.scrubBytesPerSecond > 0 && execution == .threads
            ? BackgroundScrub(
                log: opened.log.log, bytesPerSecond: configuration.scrubBytesPerSecond,
                pauseMilliseconds: configuration.scrubPauseMilliseconds, notify: environment.notify)
            : nil
        let sweep = EdgeSweep(opened.state.erasures)
        self.sweep = sweep
        eraser = BodyEraser(
            log: opened.log.log, state: opened.state, sweep: sweep, configuration: configuration,
            notify: environment.notify)
        let wakeWorkers: @Sendable () -> Void = { for runner in runners { runner.parker.wake() } }
        // The parkers alone: owners hold the snapshotter, and must not be held by it.
        let parkers = [signal.parker] + runners.map(\.parker)
        snapshotter?.wakeOwner = { parkers[$0].wake() }
        snapshotter?.wakeWriter = { signal.parker.wake() }
        var workerThreads: [SystemThread] = []
        if execution == .threads { workerThreads = Self.start(runners, pinned: configuration.pinWorkers) }
        let replay = Replay(
            log: opened.log.log, state: opened.state, ring: opened.ring, workers: opened.workers,
            waitForWorkers: {
                if execution == .threads { signal.waitForWorkers() } else { Self.stepAll(runners) }
            },
            wakeWorkers: wakeWorkers)
        do {
            let replayed = try replay.run()
            recovery = EngineRecovery(
                log: opened.log.report, snapshotLSN: opened.manifest?.lsn ?? 0, rejectedSnapshots: opened.rejected,
                replayedRecords: replayed, celebrityThreshold: opened.state.celebrityThreshold(configuration),
                reservedIDMilliseconds: opened.ids.milliseconds)
        } catch {
            for runner in runners { runner.stop() }
            for thread in workerThreads { thread.join() }
            throw error
        }
        do {
            (topics, feedEvents) = try Self.openTopics(
                directory: directory, configuration: configuration, environment: environment, posts: posts,
                users: users)
        } catch {
            for runner in runners { runner.stop() }
            for thread in workerThreads { thread.join() }
            throw error
        }
        opened.state.mint.passOver(upTo: opened.ids.milliseconds)
        if opened.ids.wasDamaged { environment.notify(EngineNotice(.warning, Self.damagedReservation)) }
        for worker in opened.workers { worker.stop.forbid() }
        let memory = MemoryAdmission(
            workers: opened.workers, ring: opened.ring, state: opened.state, arenaBytes: configuration.arenaBytes)
        let sequencer = Sequencer(
            state: opened.state, log: opened.log.writer, time: environment.time, memory: memory,
            capacity: fanoutCapacity, configuration: configuration)
        sequencer.passesTime = execution == .threads
        writer = Writer(
            sequencer: sequencer, log: opened.log.writer, ids: opened.ids, ring: opened.ring, time: environment.time,
            configuration: configuration, signal: signal, syncer: syncer, snapshotter: snapshotter,
            wakeWorkers: wakeWorkers)
        // The mailbox alone: the writer holds the workers, and must not be held by them.
        awayReports.begin { [mailbox = writer.mailbox] command in
            let submission = Submission(
                command: command, context: WriteContext(actor: UserID(rawValue: 0)),
                budget: .of(command, ringEvents: configuration.ringEvents)
            ) { _ in }
            if mailbox.offer(submission, bytes: submission.budget.logBytes) == .taken { signal.parker.wake() }
        }
        if execution == .threads {
            var services = workerThreads
            services.append(SystemThread(name: "storage") { [self] in runStorage() })
            services.append(SystemThread(name: "sync") { syncer.run() })
            services.append(SystemThread(name: "topics") { [self] in runTopics() })
            if let feedEvents {
                services.append(SystemThread(name: "feed-events") { [self] in runFeedEvents(feedEvents) })
            }
            let writerThread = SystemThread(name: "writer") { [self] in runWriter() }
            threads.withLock { $0 = services + [writerThread] }
        }
    }

    private static let damagedReservation =
        "post-ids was damaged and is made anew; ids go on behind the log's end and the clock. If the clock was set back, an "
        + "id that a power cut took may be given again"

    // MARK: Writing

    /// Hands a command to the sequencer. The completion runs when the configured level is reached, unless the write asks for
    /// another one (`WriteContext.durability`), or with the reason why the command was refused. Commands from one thread are
    /// sequenced in the order of the calls.
    public func submit(
        _ command: Command, _ context: WriteContext,
        completion: @escaping @Sendable (Result<WriteReceipt, EngineError>) -> Void
    ) {
        // Refused here already: it could wait for more room in the ring than there ever is.
        guard command.rowCount <= Command.maximumRows else {
            let reason = "\(command.rowCount) rows; at most \(Command.maximumRows) are allowed"
            return completion(.failure(.invalid(field: "rows", reason: reason)))
        }
        let command = judged(command)
        let budget = CommandBudget.of(command, ringEvents: configuration.ringEvents)
        guard budget.events <= configuration.ringEvents / 2 else {
            return completion(.failure(.invalid(field: "rows", reason: "more rows than ringEvents allows at a time")))
        }
        let submission = Submission(command: command, context: context, budget: budget, completion: completion)
        switch writer.mailbox.offer(submission, bytes: budget.logBytes) {
        case .taken: writer.signal.parker.wake()
        case .full: completion(.failure(.overloaded(retryAfterMilliseconds: 50)))
        case .closed: completion(.failure(.closed))
        }
    }

    /// Posts that a `PostBatch` may have, and bytes after which it should be submitted. A larger one may be refused as a whole.
    public var postBatchLimits: (rows: Int, bytes: Int) { CommandBudget.postBatchLimits(configuration) }

    /// The last record that readers may see: committed and published to the workers.
    public var publishedLSN: UInt64 { writer.publishedLSN }

    /// The level that a write has reached when it is answered, unless it asks for another one.
    public var acknowledgement: AcknowledgementLevel { configuration.acknowledgement }

    /// What the log's writer has done.
    public var logStatistics: LogStatistics { log.statistics }

    /// Memory of the edges that the sequencer keeps.
    var sequencerEdgeBytes: Int { writer.sequencerEdgeBytes }

    /// The first record that the log still has: retention has removed those before it.
    public var firstLSN: UInt64 { log.firstLSN }

    /// Bytes of the log on the disk.
    public var logBytes: UInt64 { log.dataBytes }

    // MARK: Ending

    /// One round of everything, for `Execution.manual`. Returns whether there was anything to do.
    public func step() -> Bool {
        precondition(execution == .manual, "step() is for engines that were opened with .manual")
        let round = writer.step()
        if round == .idle { writer.rest() }
        var worked = writer.maintainSnapshots()
        _ = endOnFailure()
        if round != .idle { worked = true }
        if let snapshotter, snapshotter.step() { worked = true }
        if failure == nil, writer.log.preparer.step() { worked = true }
        if sweep.step(sweepHands) { worked = true }
        for runner in runners where runner.step() { worked = true }
        if stepTopics() { worked = true }
        return worked
    }

    /// Why nothing can be written any more, or nil.
    public var failure: String? { writer.failure.map { "\($0)" } ?? topicsFailure.withLock { $0.map { "\($0)" } } }

    /// Commits what was submitted, marks the log as cleanly closed, and ends the threads. Reads and writes are refused from
    /// now on. The second call does nothing. With `clean` false, nothing more is written: as after a crash. Not to be called
    /// from a completion: it waits for the threads that run them.
    public func close(clean: Bool = true) throws(EngineOpenError) {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        if clean { takeLastSnapshot() }
        writer.mailbox.close()
        if !clean { isDropping.store(true, ordering: .releasing) }
        isStopping.store(true, ordering: .releasing)
        writer.signal.parker.wake()
        let running = threads.withLock { $0 }
        if let writerThread = running.last { writerThread.join() }
        if execution == .manual, clean { while step() {} }
        writer.refuseRest(.closed)
        feedEvents?.stop()
        topics.stop(clean: clean)
        for runner in runners { runner.stop() }
        isStorageStopping.store(true, ordering: .releasing)
        storageParker.wake()
        writer.syncer.stop()
        for thread in running.dropLast() { thread.join() }
        if running.isEmpty {
            for runner in runners { runner.refuseRest() }
            snapshotter?.close()
        }
        do {
            try writer.close(clean: clean)
        } catch {
            // The first error is the one to report.
            try? closeTopics(clean: clean)
            throw .log(error)
        }
        do {
            try closeTopics(clean: clean)
        } catch {
            throw .topics(error)
        }
    }
}
