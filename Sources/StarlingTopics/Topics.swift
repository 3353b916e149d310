import StarlingLog
import StarlingSystem
import Synchronization

/// All topics of a data directory. Any thread may use it, except where a method says otherwise. Completions run on the topics'
/// own thread and must be short.
public final class Topics: Sendable {
    /// The settings that they were opened with.
    public let configuration: TopicsConfiguration
    private let queue: SubmissionQueue
    private let published: PublishedTopics
    private let writer: TopicWriter
    private let time: any TimeSource
    private let parker = Parker()
    private let isStopping = Atomic<Bool>(false)
    private let isDropping = Atomic<Bool>(false)
    private let areWaitsOver = Atomic<Bool>(false)
    private let waiterCount = Atomic<Int>(0)
    private let nextExpiry = Atomic<UInt64>(0)

    /// How late a fetch that waits may be answered.
    private static let expiryNanoseconds: UInt64 = 20_000_000

    /// Opens the topics in the data directory `directory` and recovers their logs. Makes nothing when there are none.
    ///
    /// Reads of each partition what follows its last checkpoint, and costs a handful of syncs for each.
    /// - Parameter seed: start of the random sequence that names new logs.
    /// - Throws: `damagedFile`, `unknownFormat`, `missingPartition`, `log`, `disk`.
    public static func open(
        directory: String, disk: any Disk, time: any TimeSource, seed: UInt64,
        configuration: TopicsConfiguration = TopicsConfiguration()
    ) throws(TopicError) -> Topics {
        let store = try TopicStore(data: directory, disk: disk, configuration: configuration, seed: seed)
        return Topics(store, topics: try store.openAll(), time: time)
    }

    private init(_ store: TopicStore, topics: [OpenTopic], time: any TimeSource) {
        configuration = store.configuration
        self.time = time
        let queue = SubmissionQueue(limit: configuration.queueLimit, byteLimit: configuration.queueBytes)
        self.queue = queue
        let list = PublishedTopics(topics.map(\.topic))
        published = list
        writer = TopicWriter(store: store, topics: topics, queue: queue, time: time) { list.add($0) }
    }

    /// The writer of a topic of the system, which is made when it is not there; who has it closes it. Call it once, before
    /// anything else.
    public func takeSystemTopic(_ name: TopicName, _ settings: TopicSettings) throws(TopicError) -> SystemTopicWriter {
        // Its settings are those with which it was made.
        if published.topic(name) == nil { _ = try writer.create(name, settings) }
        guard let topic = writer.release(name) else { throw .reservedName(name) }
        return SystemTopicWriter(topic)
    }

    // MARK: What there is

    /// All topics by name.
    public var all: [Topic] { published.all }

    /// The topic of that name.
    public func topic(_ name: TopicName) throws(TopicError) -> Topic {
        guard let topic = published.topic(name) else { throw .notFound(name) }
        return topic
    }

    // MARK: Writing

    /// Makes a topic. It is durable when the completion runs. Costs some milliseconds a partition.
    public func create(
        _ name: TopicName, _ settings: TopicSettings,
        completion: @escaping @Sendable (Result<CreatedTopic, TopicError>) -> Void
    ) {
        if TopicName.system.contains(name) { return completion(.failure(.reservedName(name))) }
        guard (1...TopicsConfiguration.partitionsPerTopic).contains(settings.partitions) else {
            let reason = "it is \(settings.partitions); it must be 1 to \(TopicsConfiguration.partitionsPerTopic)"
            return completion(.failure(.invalid(field: "partitions", reason: reason)))
        }
        offer(.create(name, settings, completion))
    }

    /// Stores records. The completion runs when the level is reached. Requests from one thread are stored in their order.
    public func produce(
        _ request: ProduceRequest, completion: @escaping @Sendable (Result<ProduceReceipt, TopicError>) -> Void
    ) {
        do throws(TopicError) { try request.validate() } catch { return completion(.failure(error)) }
        offer(.produce(request, completion))
    }

    private func offer(_ submission: TopicSubmission) {
        if let error = queue.offer(submission) { return submission.fail(error) }
        parker.wake()
    }

    // MARK: Waiting for records

    /// Runs `completion` once: when `partition` has a record at `offset` that may be read, when `milliseconds` have passed, or
    /// when the topics end. It may run at once, and it may run on the thread that commits.
    /// - Throws: `overloaded` when too many wait.
    public func wait(
        for offset: UInt64, in partition: TopicPartition, milliseconds: UInt64,
        completion: @escaping @Sendable () -> Void
    ) throws(TopicError) {
        if waiterCount.add(1, ordering: .relaxed).newValue > configuration.maximumWaiters {
            waiterCount.subtract(1, ordering: .relaxed)
            throw .overloaded(retryAfterMilliseconds: 1_000)
        }
        let deadline = time.monotonicNanoseconds() &+ min(milliseconds, TopicLimits.fetchWaitMilliseconds) * 1_000_000
        partition.waiters.add(offset: offset, deadline: deadline) { [self] in
            waiterCount.subtract(1, ordering: .relaxed)
            completion()
        }
        // A commit between the caller's look and the line above has woken nobody.
        let hasEnded = partition.log.hasEnded || areWaitsOver.load(ordering: .acquiring)
        partition.waiters.wake(before: partition.highWatermark, hasEnded: hasEnded)
    }

    /// Ends all waits and lets none begin: the process is about to end, and must not wait for them.
    public func endWaits() {
        areWaitsOver.store(true, ordering: .releasing)
        for topic in published.all { for partition in topic.partitions { partition.waiters.wakeAll() } }
    }

    private func expireWaiters() {
        let now = time.monotonicNanoseconds()
        guard waiterCount.load(ordering: .relaxed) > 0, now >= nextExpiry.load(ordering: .relaxed) else { return }
        nextExpiry.store(now &+ Self.expiryNanoseconds, ordering: .relaxed)
        for topic in published.all { for partition in topic.partitions { partition.waiters.wakeExpired(at: now) } }
    }

    // MARK: Running

    /// Why nothing can be written any more, or nil.
    public var failure: TopicError? { writer.failure }

    /// One round of the writer, and what is due between two. Returns whether there was anything to write. Only for the one
    /// thread that does not call `run`.
    public func step() -> Bool {
        let worked = writer.step()
        writer.maintain()
        expireWaiters()
        return worked
    }

    /// The topics' thread: until `stop` or a failure. What was queued before `stop` is still written.
    public func run() {
        while !isStopping.load(ordering: .acquiring), failure == nil {
            if step() { continue }
            parker.park(milliseconds: 20)
        }
        if !isDropping.load(ordering: .acquiring) { while writer.step() {} }
        writer.refuseRest()
    }

    /// Lets `run` return. With `clean` false, what is queued is refused.
    public func stop(clean: Bool) {
        queue.close()
        if !clean { isDropping.store(true, ordering: .releasing) }
        isStopping.store(true, ordering: .releasing)
        parker.wake()
        endWaits()
    }

    /// Closes the logs. After `stop`, when no thread is in `run` or `step` any more.
    public func close(clean: Bool) throws(TopicError) {
        writer.refuseRest()
        try writer.close(clean: clean)
    }
}
