import StarlingSystem
import StarlingTopics
import Synchronization

/// Writes the topic `feed-events`: one record for each post whose fan-out is finished.
///
/// Exactly one, also over crashes: within a partition, which an author's posts always share, events ascend by post id, and ids are
/// never given twice. So the last record of each partition says what it has. Where to look for posts that some partition lacks,
/// the last record of partition 0 says: each tells up to which post all events were on the disk when it was written. (Those of
/// other partitions do not count: in a backup, partition 0 is the oldest.)
///
/// It takes rows from the workers by the thousand and hands its records to the disk itself, on a thread of low priority: posts,
/// deliveries and producers do not wait for it. Owned by that thread, or by who calls `step`.
final class FeedEventRecorder: @unchecked Sendable {
    /// What a worker knows of some posts.
    struct Rows: Sendable {
        /// For each post.
        var rows: [DeliveryRow?]
        /// Posts, from the first on, whose fan-out is finished there. A giant's goes on beside those that follow it.
        var finished: Int
        /// Posts that are held back. They get no record, not even when they are let go: events ascend by post.
        var held: [PostOrdinal]
    }
    /// Asks all workers for the rows of posts that they must have applied up to a record.
    typealias Ask = (_ posts: ClosedRange<PostOrdinal>, _ lsn: UInt64, @escaping @Sendable ([Rows]?) -> Void) -> Void

    private let topic: SystemTopicWriter
    private let posts: PostTable
    private let users: UserTable
    private let time: any TimeSource
    /// Posts whose rows the workers keep.
    private let keptRows: UInt64
    private let parker = Parker()
    private let isStopping = Atomic<Bool>(false)
    private let answer = Mutex<Answer?>(nil)
    private var asked: ClosedRange<PostOrdinal>?
    /// The next post to be recorded, and the last one of this pass.
    private var next: PostOrdinal
    private var passEnd: PostOrdinal = 0
    /// The last post that each partition has.
    private var lastIDs: [UInt64]
    /// The events of all posts up to this one are on the disk.
    private var settledID: UInt64
    /// The last post that was looked at, and the bytes of the events since the last commit.
    private var newestID: UInt64
    private var pendingBytes = 0
    private var encoder = FeedEventEncoder()
    private var pausedUntil: UInt64 = 0
    private var lastWork: UInt64 = 0
    private var lastRetention: UInt64 = 0

    private struct Answer: Sendable {
        var rows: [Rows]?
    }

    /// Posts of one request to the workers: some microseconds of their time.
    private static let rangePosts: PostOrdinal = 8_192
    private static let skippedPosts: PostOrdinal = 1 << 16
    private static let commitBytes = 1 << 20
    /// Between two passes: events come in batches, and each batch costs a sync for each partition.
    private static let pauseMilliseconds = 250
    private static let quietNanoseconds: UInt64 = 1_000_000_000
    private static let retentionNanoseconds: UInt64 = 10_000_000_000

    /// Finds out how far the topic has come. Before any thread runs.
    init(
        _ topic: SystemTopicWriter, posts: PostTable, users: UserTable, time: any TimeSource, keptRows: Int
    ) throws(TopicError) {
        self.topic = topic
        self.posts = posts
        self.users = users
        self.time = time
        self.keptRows = UInt64(keptRows)
        var last = [UInt64](repeating: 0, count: topic.partitionCount)
        var settled: UInt64 = 0
        for partition in last.indices {
            guard let record = try topic.lastRecord(in: partition) else { continue }
            let mark = try FeedEventEncoder.mark(of: record, partition: partition)
            last[partition] = mark.post
            if partition == 0 { settled = mark.settled }
        }
        lastIDs = last
        settledID = settled
        newestID = settled
        next = posts.firstOrdinal(notBefore: PostID(rawValue: settled + 1), among: posts.publishedCount)
    }

    /// One step of a pass over the posts that are new: asks, appends or commits. Returns whether there was anything to do; while
    /// the workers are asked there is not.
    func step(_ ask: Ask) throws(TopicError) -> Bool {
        if asked != nil { return try takeAnswer() }
        if pendingBytes > Self.commitBytes || (next > passEnd && pendingBytes > 0) {
            try commit()
            return true
        }
        if next > passEnd, time.monotonicNanoseconds() >= pausedUntil { passEnd = posts.publishedCount }
        guard next <= passEnd else {
            try rest()
            return false
        }
        skipRecorded()
        if next <= passEnd { request(next...min(next + Self.rangePosts - 1, passEnd), ask) }
        return true
    }

    /// After a start, passes over posts that their partitions have, some at a time.
    private func skipRecorded() {
        let end = min(passEnd, next + Self.skippedPosts - 1)
        while next <= end {
            let id = posts.rows[Int(next)].id
            guard id <= lastIDs[partition(of: next)] else { return }
            newestID = id
            next += 1
        }
    }

    /// Whether everything that was there when the pass began is recorded.
    private var isPassDone: Bool { asked == nil && pendingBytes == 0 && next > passEnd }

    private func request(_ range: ClosedRange<PostOrdinal>, _ ask: Ask) {
        asked = range
        ask(range, posts.rows[Int(range.upperBound)].lsn) { [self] rows in
            answer.withLock { $0 = Answer(rows: rows) }
            parker.wake()
        }
    }

    private func takeAnswer() throws(TopicError) -> Bool {
        let taken = answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
        guard let range = asked, let taken else { return false }
        asked = nil
        // Refused, because the workers lag or end.
        guard let rows = taken.rows else { return pause() }
        let finished = rows.map(\.finished).min() ?? 0
        if finished == 0 { return pause() }
        let last = range.lowerBound + PostOrdinal(finished) - 1
        do {
            try record(range.lowerBound...last, rows)
        } catch .outOfSpace {
            return pause()
        }
        next = last + 1
        newestID = posts.rows[Int(last)].id
        lastWork = time.monotonicNanoseconds()
        return true
    }

    /// Ends the pass; the next one tries again, in a while.
    private func pause() -> Bool {
        passEnd = next - 1
        pausedUntil = time.monotonicNanoseconds() &+ UInt64(Self.pauseMilliseconds) * 1_000_000
        return false
    }

    /// Appends the events of a range, but those that their partition has.
    private func record(_ range: ClosedRange<PostOrdinal>, _ rows: [Rows]) throws(TopicError) {
        var counts = [Int](repeating: 0, count: lastIDs.count)
        let held = Set(rows.flatMap(\.held))
        for ordinal in range where !posts.rows[Int(ordinal)].isComment { counts[partition(of: ordinal)] += 1 }
        for (partition, count) in counts.enumerated() where count > 0 {
            try topic.reserve(records: count, bytes: count * FeedEventEncoder.maximumBytes, in: partition)
        }
        let now = time.wallMilliseconds()
        // Rows further back may be overwritten on one worker and not on another.
        let following = UInt64(posts.publishedCount) + 1
        for (index, ordinal) in range.enumerated() {
            let row = posts.rows[Int(ordinal)]
            // A comment is delivered to nobody.
            if row.isComment || held.contains(ordinal) { continue }
            let partition = partition(of: ordinal)
            if row.id <= lastIDs[partition] { continue }
            var sum: DeliveryRow?
            if UInt64(ordinal) + keptRows > following {
                for worker in rows {
                    guard let part = worker.rows[index] else { continue }
                    sum = sum ?? DeliveryRow()
                    sum?.add(part)
                }
            }
            encoder.encode(row, author: users.id(of: row.author), row: sum, settled: settledID)
            try topic.append(key: encoder.key, value: encoder.value, timestamp: now, to: partition)
            lastIDs[partition] = row.id
            pendingBytes += encoder.value.count
        }
    }

    private func partition(of ordinal: PostOrdinal) -> Int {
        encoder.setKey(users.id(of: posts.rows[Int(ordinal)].author))
        return Partitioner.partition(of: encoder.key, partitions: lastIDs.count)
    }

    private func commit() throws(TopicError) {
        try topic.commit()
        settledID = newestID
        pendingBytes = 0
    }

    private func rest() throws(TopicError) {
        let now = time.monotonicNanoseconds()
        if lastWork != 0, now &- lastWork >= Self.quietNanoseconds {
            lastWork = 0
            try topic.markQuiet()
        }
        if now &- lastRetention >= Self.retentionNanoseconds {
            lastRetention = now
            topic.removeOldSegments(now: time.wallMilliseconds())
        }
    }

    // MARK: A thread of its own

    /// Records until `stop`, in passes.
    func run(_ ask: Ask) throws(TopicError) {
        while !isStopping.load(ordering: .acquiring) {
            if try step(ask), !isPassDone { continue }
            parker.park(milliseconds: asked == nil ? Self.pauseMilliseconds : 1_000)
        }
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        parker.wake()
    }

    /// Ends the writing. When nobody is in `run` or `step` any more.
    func close(clean: Bool) throws(TopicError) { try topic.close(clean: clean) }
}
