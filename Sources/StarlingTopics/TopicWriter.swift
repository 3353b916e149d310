import StarlingLog
import StarlingSystem
import Synchronization

/// The one writer of all topics but those of the system: takes what has arrived, appends, commits every partition that has
/// something new, answers, and begins again. Owned by the topics' thread.
final class TopicWriter: @unchecked Sendable {
    private var store: TopicStore
    private var topics: [TopicName: OpenTopic]
    private let queue: SubmissionQueue
    private let time: any TimeSource
    private let level: AcknowledgementLevel
    private let publish: (Topic) -> Void
    private var submissions: [TopicSubmission] = []
    private var next = 0
    private var round = Round()
    private var lastWrite: UInt64 = 0
    private var lastSync: UInt64 = 0
    private var lastRetention: UInt64 = 0
    private var isQuiet = true
    private let failed = Mutex<TopicError?>(nil)

    /// Bytes at which a round ends, so that answers do not wait for ever in a flood.
    private static let roundBytes = 4 << 20
    private static let quietNanoseconds: UInt64 = 100_000_000
    private static let syncNanoseconds: UInt64 = 1_000_000_000
    private static let retentionNanoseconds: UInt64 = 10_000_000_000

    private struct Answer {
        var level: AcknowledgementLevel
        var give: (TopicError?) -> Void
    }

    /// What a round has done so far.
    private struct Round {
        var bytes = 0
        /// Partitions that answers of this round depend on, in the order in which they came up.
        var partitions: [PartitionWriter] = []
        var answers: [Answer] = []

        mutating func touch(_ partition: PartitionWriter) {
            if !partitions.contains(where: { $0 === partition }) { partitions.append(partition) }
        }
    }

    init(
        store: TopicStore, topics: [OpenTopic], queue: SubmissionQueue, time: any TimeSource,
        publish: @escaping (Topic) -> Void
    ) {
        self.store = store
        self.topics = Dictionary(uniqueKeysWithValues: topics.map { ($0.topic.name, $0) })
        self.queue = queue
        self.time = time
        level = store.configuration.level
        self.publish = publish
    }

    /// Why nothing is written any more, or nil. Any thread.
    var failure: TopicError? { failed.withLock { $0 } }

    private var ordered: [OpenTopic] { topics.values.sorted { $0.topic.name < $1.topic.name } }

    /// One round. Returns whether there was anything to do.
    func step() -> Bool {
        if failure != nil {
            refuseRest()
            return false
        }
        if next == submissions.count {
            submissions.removeAll(keepingCapacity: true)
            next = 0
            queue.takeAll(into: &submissions)
        }
        if next == submissions.count { return false }
        while next < submissions.count, round.bytes < Self.roundBytes, failure == nil {
            guard process(submissions[next]) else { break }
            next += 1
        }
        finishRound()
        return true
    }

    /// Returns whether it is done with; if not, what is there has to be committed first.
    private func process(_ submission: TopicSubmission) -> Bool {
        switch submission {
        case .create(let name, let settings, let completion):
            completion(Result { () throws(TopicError) in try create(name, settings) })
        case .produce(let request, let completion):
            do throws(TopicError) {
                guard let receipt = try append(request) else { return false }
                answer(receipt, completion)
            } catch {
                completion(.failure(error))
            }
        }
        return true
    }

    private func answer(
        _ receipt: ProduceReceipt, _ completion: @escaping @Sendable (Result<ProduceReceipt, TopicError>) -> Void
    ) {
        round.answers.append(
            Answer(level: receipt.level) { error in
                completion(error.map { .failure($0) } ?? .success(receipt))
            })
    }

    // MARK: Creating

    /// Makes a topic, or finds it: as if by a user, or by the system before the threads start.
    func create(_ name: TopicName, _ settings: TopicSettings) throws(TopicError) -> CreatedTopic {
        if let old = topics[name]?.topic {
            guard old.settings == settings else { throw .exists(name, old.settings) }
            return CreatedTopic(topic: old, isNew: false)
        }
        let made = try store.create(name, settings, createdMilliseconds: time.wallMilliseconds())
        topics[name] = made
        publish(made.topic)
        return CreatedTopic(topic: made.topic, isNew: true)
    }

    /// Hands the partitions of a topic to another owner. Before the threads start.
    func release(_ name: TopicName) -> OpenTopic? { topics.removeValue(forKey: name) }

    // MARK: Appending

    /// Nil when there is no room before the next commit.
    private func append(_ request: ProduceRequest) throws(TopicError) -> ProduceReceipt? {
        guard let topic = topics[request.topic] else { throw .notFound(request.topic) }
        let places = try places(of: request, in: topic)
        var stored: [UInt64] = []
        if let producer = request.producer, let place = places.first {
            stored = try check(producer, request, place, in: topic)
        }
        guard try reserve(request, places, from: stored.count, in: topic) else { return nil }
        var positions: [RecordPosition] = []
        positions.reserveCapacity(places.count)
        let now = time.wallMilliseconds()
        for (index, record) in request.records.enumerated() {
            let writer = topic.writers[places[index]]
            if index < stored.count {
                positions.append(RecordPosition(partition: places[index], offset: stored[index]))
                continue
            }
            let sequence = request.producer.map {
                ProducerSequence(producer: $0.producer, first: $0.first + UInt64(index))
            }
            do {
                let offset = try writer.append(
                    key: record.key, value: record.value, headers: record.headers, producer: sequence,
                    timestamp: min(record.timestamp ?? now, LogLimits.highestTimestamp))
                positions.append(RecordPosition(partition: places[index], offset: offset))
            } catch {
                throw fail(.log(path: "\(request.topic)/\(places[index])", error))
            }
        }
        for place in Set(places).sorted() { round.touch(topic.writers[place]) }
        return ProduceReceipt(positions: positions, storedBefore: stored.count, level: request.level ?? level)
    }

    /// The partition of each record.
    private func places(of request: ProduceRequest, in topic: OpenTopic) throws(TopicError) -> [Int] {
        let count = topic.writers.count
        if let partition = request.partition {
            _ = try topic.topic.partition(partition)
            return Array(repeating: partition, count: request.records.count)
        }
        let keyless = topic.keylessRequests % count
        let places = request.records.map { record in
            record.key.map { Partitioner.partition(of: $0, partitions: count) } ?? keyless
        }
        if request.producer != nil {
            let isFixed = request.records.allSatisfy { $0.key != nil } || count == 1
            guard isFixed, places.allSatisfy({ $0 == places.first }) else {
                let reason = "sequences count for each partition: name it, or send records whose keys all belong to one"
                throw .invalid(field: "partition", reason: reason)
            }
        }
        if request.records.contains(where: { $0.key == nil }) { topic.keylessRequests += 1 }
        return places
    }

    /// The offsets of those of the first records that are stored already.
    private func check(
        _ producer: ProducerSequence, _ request: ProduceRequest, _ place: Int, in topic: OpenTopic
    ) throws(TopicError) -> [UInt64] {
        switch topic.writers[place].producers.check(producer, count: request.records.count) {
        case .append(let stored): return stored
        case .outOfOrder(let expected):
            throw .outOfOrderSequence(
                request.topic, partition: place, expected: expected, found: producer.first)
        }
    }

    /// Makes sure of the room on the disk before anything is appended. False when a commit has to make room in memory first.
    private func reserve(
        _ request: ProduceRequest, _ places: [Int], from first: Int, in topic: OpenTopic
    ) throws(TopicError) -> Bool {
        var bytes = [Int](repeating: 0, count: topic.writers.count)
        for index in first..<places.count { bytes[places[index]] += RecordFormat.reservation(request.records[index]) }
        for (place, needed) in bytes.enumerated() where needed > 0 {
            let path = "\(request.topic)/\(place)"
            do {
                try topic.writers[place].reserve(bytes: needed)
            } catch .tooMuchPending(let bytes, let limit) {
                if topic.writers[place].pendingBytes > 0 { return false }
                throw .invalid(field: "records", reason: "they need \(bytes) bytes of log; at most \(limit) fit")
            } catch .outOfSpace(let error) {
                throw .outOfSpace("\(error)")
            } catch {
                throw fail(.log(path: path, error))
            }
        }
        round.bytes += bytes.reduce(0, +)
        return true
    }

    // MARK: Committing

    /// Makes the round safe, step by step, and gives each answer as soon as its level is reached.
    private func finishRound() {
        guard failure == nil else { return giveUp() }
        give(upTo: .memory)
        do throws(LogError) {
            for partition in round.partitions { try partition.flush() }
            give(upTo: .os)
            if level == .disk || !round.answers.isEmpty {
                for partition in round.partitions { try partition.sync() }
                give(upTo: .disk)
            }
            for partition in round.partitions { try partition.checkpointIfDue() }
        } catch {
            _ = fail(.log(path: store.directory, error))
            return giveUp()
        }
        lastWrite = time.monotonicNanoseconds()
        isQuiet = false
        round = Round()
    }

    private func give(upTo level: AcknowledgementLevel) {
        for answer in round.answers where answer.level <= level { answer.give(nil) }
        round.answers.removeAll { $0.level <= level }
    }

    /// What still waits in this round may or may not have happened.
    private func giveUp() {
        let cause = failure.map { "\($0)" } ?? "the writer has ended"
        for answer in round.answers { answer.give(.unknownOutcome(cause)) }
        round = Round()
    }

    private func fail(_ error: TopicError) -> TopicError {
        failed.withLock { $0 = $0 ?? error }
        return .unknownOutcome("\(error)")
    }

    // MARK: Between the rounds

    /// Syncs, marks and removes what is due. Cheap when nothing is.
    func maintain() {
        guard failure == nil else { return }
        let now = time.monotonicNanoseconds()
        do throws(LogError) {
            if level != .memory, now &- lastSync >= Self.syncNanoseconds {
                lastSync = now
                for topic in ordered { for writer in topic.writers where writer.isUnsynced { try writer.sync() } }
            }
            if !isQuiet, now &- lastWrite >= Self.quietNanoseconds {
                isQuiet = true
                if level != .memory { for topic in ordered { for writer in topic.writers { try writer.markQuiet() } } }
            }
        } catch {
            _ = fail(.log(path: store.directory, error))
        }
        if now &- lastRetention >= Self.retentionNanoseconds {
            lastRetention = now
            removeOldSegments()
        }
    }

    private func removeOldSegments() {
        let now = time.wallMilliseconds()
        for topic in ordered {
            // What could not be removed stays for the next time; the logs are whole.
            for writer in topic.writers { try? writer.removeOldSegments(now: now) }
        }
    }

    // MARK: Ending

    /// Refuses everything that still waits.
    func refuseRest() {
        queue.close()
        var rest: [TopicSubmission] = []
        queue.takeAll(into: &rest)
        for submission in submissions[next...] + rest { submission.fail(.closed) }
        submissions = []
        next = 0
    }

    /// Closes all logs. The first failure is thrown after all were tried.
    func close(clean: Bool) throws(TopicError) {
        var first: TopicError?
        for topic in ordered {
            for writer in topic.writers {
                do throws(LogError) {
                    try writer.close(clean: clean && failure == nil)
                } catch {
                    first = first ?? .log(path: "\(topic.topic.name)/\(writer.partition.number)", error)
                }
            }
        }
        topics = [:]
        if let first { throw first }
    }
}
