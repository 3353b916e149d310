import StarlingLog
import StarlingSystem

/// The writer of a topic of the system. Owned by one thread at a time, which is not the topics' own: so what the system records
/// does not hold up producers, and goes at its owner's priority.
public final class SystemTopicWriter {
    private let topic: OpenTopic

    init(_ topic: OpenTopic) { self.topic = topic }

    /// How many partitions there are.
    public var partitionCount: Int { topic.writers.count }

    /// The last record of a partition, or nil when there is none.
    public func lastRecord(in partition: Int) throws(TopicError) -> TopicRecord? {
        try topic.writers[partition].partition.lastRecord()
    }

    /// Makes sure of the room on the disk for records with `bytes` of keys and values.
    /// - Throws: `outOfSpace`: nothing was changed, try again later; `log`.
    public func reserve(records: Int, bytes: Int, in partition: Int) throws(TopicError) {
        let writer = topic.writers[partition]
        let needed = bytes + records * LogWriter.reservation(valueBytes: 64)
        do {
            do {
                try writer.reserve(bytes: needed)
            } catch .tooMuchPending where writer.pendingBytes > 0 {
                try writer.flush()
                try writer.reserve(bytes: needed)
            }
        } catch .outOfSpace(let error) {
            throw .outOfSpace("\(error)")
        } catch {
            throw failure(error, partition)
        }
    }

    /// Appends a record for which room was reserved. Touches no file.
    public func append(
        key: [UInt8], value: [UInt8], timestamp: UInt64, to partition: Int
    ) throws(TopicError) {
        do {
            _ = try topic.writers[partition].append(
                key: key, value: value, headers: [], producer: nil, timestamp: timestamp)
        } catch {
            throw failure(error, partition)
        }
    }

    /// Makes everything that was appended durable, one sync for each partition that has something new.
    public func commit() throws(TopicError) {
        for (partition, writer) in topic.writers.enumerated() {
            do {
                try writer.flush()
                try writer.sync()
                try writer.checkpointIfDue()
            } catch {
                throw failure(error, partition)
            }
        }
    }

    /// After a while without records: see `LogWriter.writeSyncMarker`.
    public func markQuiet() throws(TopicError) {
        for (partition, writer) in topic.writers.enumerated() {
            do { try writer.markQuiet() } catch { throw failure(error, partition) }
        }
    }

    /// Removes what retention lets go; `now` in milliseconds since 1970. What cannot be removed stays for the next time.
    public func removeOldSegments(now: UInt64) {
        for writer in topic.writers { try? writer.removeOldSegments(now: now) }
    }

    /// Ends the writing.
    public func close(clean: Bool) throws(TopicError) {
        var first: TopicError?
        for (partition, writer) in topic.writers.enumerated() {
            do { try writer.close(clean: clean) } catch { first = first ?? failure(error, partition) }
        }
        if let first { throw first }
    }

    private func failure(_ error: LogError, _ partition: Int) -> TopicError {
        .log(path: "\(topic.topic.name)/\(partition)", error)
    }
}
