import StarlingLog
import Synchronization

/// One partition of a topic, as its readers see it. Any thread may use it.
public final class TopicPartition: Sendable {
    /// The topic.
    public let topic: TopicName
    /// Its number in the topic, from 0 on.
    public let number: Int
    let log: Log
    let waiters = FetchWaiters()
    /// Held while old segments are removed, or while the partition is copied.
    let files = Mutex(())
    private let subscription: CommitSubscription

    init(topic: TopicName, number: Int, log: Log) {
        self.topic = topic
        self.number = number
        self.log = log
        subscription = log.onCommit { [waiters, log] in waiters.wake(before: log.committedLSN, hasEnded: log.hasEnded) }
    }

    /// The first offset that is still there.
    public var logStartOffset: UInt64 { log.firstLSN - 1 }

    /// The offset behind the last record that may be read: the next one, once everything is acknowledged.
    public var highWatermark: UInt64 { log.committedLSN }

    /// The first offset with a timestamp at or after `milliseconds` (since 1970); the high watermark when there is none.
    /// Timestamps need not rise; all records before the answer are earlier. May block for the disk.
    public func offset(atOrAfter milliseconds: UInt64) throws(TopicError) -> UInt64 {
        let end = highWatermark
        do {
            return min(try log.firstLSN(atOrAfter: milliseconds).map { $0 - 1 } ?? end, end)
        } catch {
            throw failure(error, at: logStartOffset)
        }
    }

    /// Reads acknowledged records from `offset` on: up to about `maximumBytes` of keys, values and headers, and at least one
    /// when there is one. May block for the disk; does not wait for records.
    /// - Throws: `offsetOutOfRange`, `log`.
    public func read(from offset: UInt64, maximumBytes: Int) throws(TopicError) -> FetchedRecords {
        let end = highWatermark
        guard offset >= logStartOffset, offset <= end else { throw outOfRange(offset) }
        var result = FetchedRecords(
            records: [], nextOffset: offset, highWatermark: end, logStartOffset: logStartOffset)
        if offset == end { return result }
        var bytes = 0
        do {
            try log.forEachRecord(from: offset + 1, upTo: end) { view in
                let size = view.value.count + (view.body?.count ?? 0)
                if !result.records.isEmpty, size > maximumBytes - bytes { throw Enough() }
                guard let record = RecordFormat.decode(view) else { throw Unreadable(offset: view.lsn - 1) }
                bytes += size
                result.records.append(record)
                result.nextOffset = record.offset + 1
                if result.records.count >= TopicLimits.recordsPerFetch { throw Enough() }
            }
        } catch is Enough {
            return result
        } catch let error as Unreadable {
            throw .damagedRecord(topic, partition: number, offset: error.offset)
        } catch let error as LogError {
            // What was read before the damage, or before retention came by, is whole.
            if !result.records.isEmpty { return result }
            throw failure(error, at: offset)
        } catch {
            preconditionFailure("the closure throws nothing else")
        }
        return result
    }

    /// The last record, acknowledged or not; nil in an empty partition.
    func lastRecord() throws(TopicError) -> TopicRecord? {
        let end = log.writtenLSN
        if end < log.firstLSN { return nil }
        var last: TopicRecord?
        do {
            try log.forEachRecord(from: end, upTo: end) { last = RecordFormat.decode($0) }
        } catch {
            throw .log(path: "\(topic)/\(number)", error as? LogError ?? .closed)
        }
        guard let last else { throw .damagedRecord(topic, partition: number, offset: end - 1) }
        return last
    }

    private struct Enough: Error {}
    private struct Unreadable: Error {
        var offset: UInt64
    }

    private func outOfRange(_ offset: UInt64) -> TopicError {
        .offsetOutOfRange(topic, partition: number, offset: offset, first: logStartOffset, next: highWatermark)
    }

    private func failure(_ error: LogError, at offset: UInt64) -> TopicError {
        switch error {
        case .overtaken, .notFound: outOfRange(offset)
        default: .log(path: "\(topic)/\(number)", error)
        }
    }
}

/// What a fetch has read.
public struct FetchedRecords: Equatable, Sendable {
    /// In the order of their offsets, without gaps.
    public var records: [TopicRecord]
    /// Where the next fetch goes on.
    public var nextOffset: UInt64
    /// The offset behind the last record that may be read.
    public var highWatermark: UInt64
    /// The first offset that is still there.
    public var logStartOffset: UInt64
}
