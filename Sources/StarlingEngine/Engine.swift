import StarlingLog
import StarlingMemory
import StarlingSystem
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
    let time: any TimeSource
    let users: UserTable
    let posts: PostTable
    private let log: Log
    private let writer: Writer
    private let bodies: BodyStore
    private let execution: Execution
    private let threads: Mutex<[SystemThread]> = Mutex([])
    private let isStopping = Atomic<Bool>(false)
    private let isDropping = Atomic<Bool>(false)
    private let isFailureReported = Atomic<Bool>(false)
    private let isClosed = Mutex(false)
    private let onFailure: @Sendable (String) -> Void

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
        var random = SeededRandom(seed: environment.seed)
        do {
            let opened = try Log.open(
                directory: directory, disk: environment.disk, configuration: settings.log,
                newLogID: max(random.next(), 1))
            return try Engine(
                opened: opened, configuration: settings, environment: environment, execution: execution,
                onFailure: onFailure)
        } catch let error as LogError {
            throw .log(error)
        } catch let error as ArenaError {
            throw .memory("\(error)")
        } catch let error as EngineOpenError {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    private init(
        opened: OpenedLog, configuration: EngineConfiguration, environment: EngineEnvironment, execution: Execution,
        onFailure: @escaping @Sendable (String) -> Void
    ) throws {
        let ring = EventRing(workers: configuration.workers)
        // Not to be known to strangers: it spreads the ids that they choose over the user table.
        let state = try SequencerState(configuration: configuration, ring: ring, seed: opened.log.id)
        let signal = WriterSignal()
        var runners: [WorkerRunner] = []
        for number in 0..<configuration.workers {
            let worker = try Worker(
                number: number, configuration: configuration, users: state.users, posts: state.posts, ring: ring,
                time: environment.time, seed: Self.setSeed)
            runners.append(WorkerRunner(worker: worker, queueLimit: configuration.readQueueLimit, writer: signal))
        }
        self.configuration = configuration
        self.runners = runners
        self.execution = execution
        self.onFailure = onFailure
        time = environment.time
        users = state.users
        posts = state.posts
        log = opened.log
        bodies = BodyStore(log: opened.log, cacheBytes: configuration.bodyCacheBytes)
        var workerThreads: [SystemThread] = []
        if execution == .threads { workerThreads = Self.start(runners, pinned: configuration.pinWorkers) }
        let wakeWorkers: @Sendable () -> Void = { [runners] in for runner in runners { runner.parker.wake() } }
        let replay = Replay(
            log: opened.log, state: state, ring: ring, time: environment.time,
            waitForWorkers: {
                if execution == .threads { signal.waitForWorkers() } else { Self.stepAll(runners) }
            },
            wakeWorkers: wakeWorkers)
        do {
            let replayed = try replay.run()
            recovery = EngineRecovery(log: opened.report, replayedRecords: replayed)
        } catch {
            for runner in runners { runner.stop() }
            for thread in workerThreads { thread.join() }
            try opened.writer.close(clean: false)
            throw error
        }
        let sequencer = Sequencer(
            state: state, log: opened.writer, time: environment.time, configuration: configuration)
        writer = Writer(
            sequencer: sequencer, log: opened.writer, ring: ring, time: environment.time, configuration: configuration,
            signal: signal, wakeWorkers: wakeWorkers)
        waitUntilApplied()
        if execution == .threads {
            let writerThread = SystemThread(name: "writer") { [self] in runWriter() }
            threads.withLock { $0 = workerThreads + [writerThread] }
        }
    }

    /// Decides how high the towers of sets are, and so where a timeline is cut. Always the same, so that equal posts and
    /// edges give equal timelines in every data directory. Nobody can choose the keys: they are numbers of our own.
    private static let setSeed: UInt64 = 0x5354_4152_4c49_4e47

    private static func start(_ runners: [WorkerRunner], pinned: Bool) -> [SystemThread] {
        runners.map { runner in
            let number = runner.worker.number
            return SystemThread(name: "worker-\(number)") { runner.run(pinnedTo: pinned ? number : nil) }
        }
    }

    private static func stepAll(_ runners: [WorkerRunner]) { for runner in runners { _ = runner.step() } }

    /// Blocks until the workers have applied everything that is published.
    private func waitUntilApplied() {
        let target = writer.publishedLSN
        while runners.contains(where: { $0.worker.appliedLSN < target }) {
            if execution == .threads { writer.signal.waitForWorkers() } else { Self.stepAll(runners) }
        }
    }

    private func runWriter() {
        while !isStopping.load(ordering: .acquiring) {
            switch writer.step() {
            case .worked: break
            case .stalled: writer.signal.waitForWorkers()
            case .idle:
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

    /// Refuses everything and says so, once, when the log has failed. Returns whether it has.
    private func endOnFailure() -> Bool {
        guard let failure = writer.failure else { return false }
        writer.refuseRest(.closed)
        if !isFailureReported.exchange(true, ordering: .relaxed) { onFailure("\(failure)") }
        return true
    }

    // MARK: Writing

    /// Hands a command to the sequencer. The completion runs after the commit (at the configured level), or with the
    /// reason why the command was refused. Commands from one thread are sequenced in the order of the calls.
    public func submit(
        _ command: Command, _ context: WriteContext,
        completion: @escaping @Sendable (Result<WriteReceipt, EngineError>) -> Void
    ) {
        // Refused here already: it could wait for more room in the ring than there ever is.
        guard command.rowCount <= Command.maximumRows else {
            let reason = "\(command.rowCount) rows; at most \(Command.maximumRows) are allowed"
            return completion(.failure(.invalid(field: "rows", reason: reason)))
        }
        let budget = CommandBudget.of(command)
        let submission = Submission(command: command, context: context, budget: budget, completion: completion)
        switch writer.mailbox.offer(submission, bytes: budget.logBytes) {
        case .taken: writer.signal.parker.wake()
        case .full: completion(.failure(.overloaded(retryAfterMilliseconds: 50)))
        case .closed: completion(.failure(.closed))
        }
    }

    /// The last record that readers may see: committed and published to the workers.
    public var publishedLSN: UInt64 { writer.publishedLSN }

    /// The level that a write has reached when it is answered.
    public var acknowledgement: AcknowledgementLevel { configuration.acknowledgement }

    /// What the log's writer has done.
    public var logStatistics: LogStatistics { log.statistics }

    /// Memory of the edges that the sequencer keeps.
    var sequencerEdgeBytes: Int { writer.sequencerEdgeBytes }

    /// Bytes of the log on the disk.
    public var logBytes: UInt64 { log.dataBytes }

    // MARK: Reading

    /// How long a read waits for the record that it asks to see, at most.
    static let visibilityWaitNanoseconds: UInt64 = 1_000_000_000

    /// Runs `body` on the worker that owns `user`, after it has applied `minimumLSN`.
    func onWorker<Value: Sendable>(
        of user: UserID, minimumLSN: UInt64, waitNanoseconds: UInt64 = Engine.visibilityWaitNanoseconds,
        _ completion: @escaping @Sendable (Result<Value, EngineError>) -> Void,
        _ body: @escaping @Sendable (Worker) -> Value
    ) {
        let number = Slot.worker(of: user, workers: runners.count)
        onWorker(number, minimumLSN: minimumLSN, waitNanoseconds: waitNanoseconds, completion, body)
    }

    /// Runs `body` on a worker by its number.
    func onWorker<Value: Sendable>(
        _ number: Int, minimumLSN: UInt64, waitNanoseconds: UInt64 = Engine.visibilityWaitNanoseconds,
        _ completion: @escaping @Sendable (Result<Value, EngineError>) -> Void,
        _ body: @escaping @Sendable (Worker) -> Value
    ) {
        let deadline =
            minimumLSN == 0 ? UInt64.max : time.monotonicNanoseconds().saturatingAdd(waitNanoseconds)
        let job = WorkerJob(minimumLSN: minimumLSN, deadline: deadline) { result in completion(result.map(body)) }
        runners[number].offer(job)
    }

    /// What posts say, in the order of `entries`; nil for a body that was erased. Reads the log where the cache does not
    /// help, so it may block for the disk.
    public func bodies(of entries: [PostEntry]) throws(EngineError) -> [PostBody?] {
        do {
            return try bodies.bodies(of: entries, rows: posts.rows)
        } catch {
            throw .unreadableBody("\(error)")
        }
    }

    // MARK: Ending

    /// One round of everything, for `Execution.manual`. Returns whether there was anything to do.
    public func step() -> Bool {
        precondition(execution == .manual, "step() is for engines that were opened with .manual")
        let round = writer.step()
        if round == .idle { writer.rest() }
        _ = endOnFailure()
        var worked = round != .idle
        for runner in runners where runner.step() { worked = true }
        return worked
    }

    /// Why nothing can be written any more, or nil.
    public var failure: String? { writer.failure.map { "\($0)" } }

    /// Commits what was submitted, marks the log as cleanly closed, and ends the threads. Reads and writes are refused from
    /// now on. The second call does nothing. With `clean` false, nothing more is written: as after a crash. Not to be called
    /// from a completion: it waits for the threads that run them.
    public func close(clean: Bool = true) throws(EngineOpenError) {
        let isFirst = isClosed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard isFirst else { return }
        writer.mailbox.close()
        if !clean { isDropping.store(true, ordering: .releasing) }
        isStopping.store(true, ordering: .releasing)
        writer.signal.parker.wake()
        let running = threads.withLock { $0 }
        if let writerThread = running.last { writerThread.join() }
        if execution == .manual, clean { while step() {} }
        writer.refuseRest(.closed)
        for runner in runners { runner.stop() }
        for thread in running.dropLast() { thread.join() }
        if running.isEmpty { for runner in runners { runner.refuseRest() } }
        do {
            try writer.close(clean: clean)
        } catch {
            throw .log(error)
        }
    }
}

extension UInt64 {
    /// The sum, or the highest number.
    fileprivate func saturatingAdd(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
