import StarlingLog
import StarlingSystem
import Synchronization

/// The one writer of a partition. Owned by one thread at a time.
final class PartitionWriter {
    /// What readers share.
    let partition: TopicPartition
    private(set) var producers: ProducerTable
    private let writer: LogWriter
    private let retention: RetentionPolicy
    private let directory: String
    private let disk: any Disk
    private let checkpointBytes: UInt64
    /// Up to where a checkpoint covers the log, and how long the log was then.
    private var checkpointLSN: UInt64
    private var bytesAtCheckpoint: UInt64
    private var encoder = ByteEncoder()
    private var hasUnmarkedCommits = false

    /// Opens the log of a partition in `directory`, recovers it, and reads what follows its last checkpoint.
    init(
        _ name: TopicName, _ number: Int, logID: UInt64, retention: RetentionPolicy, directory: String, disk: any Disk,
        configuration: TopicsConfiguration
    ) throws(TopicError) {
        let checkpoint = try PartitionCheckpoint.read(
            in: directory, disk: disk, logID: logID, producerLimit: configuration.producersPerPartition)
        var expectation = LogExpectation()
        expectation.logID = logID
        expectation.durableLSN = checkpoint?.point.lsn ?? 0
        expectation.point = checkpoint?.point
        var producers = checkpoint?.producers ?? ProducerTable(limit: configuration.producersPerPartition)
        let opened: OpenedLog
        do {
            opened = try Log.open(
                directory: directory, disk: disk, configuration: configuration.log(retention: retention),
                expectation: expectation, newLogID: logID)
        } catch {
            throw .log(path: directory, error)
        }
        checkpointLSN = checkpoint?.point.lsn ?? 0
        var hasRead = false
        do {
            try opened.log.forEachRecord(from: max(checkpointLSN + 1, opened.log.firstLSN)) { record in
                hasRead = true
                guard let producer = RecordFormat.producer(of: record) else { return }
                producers.note(producer, offset: record.lsn - 1)
            }
        } catch {
            // The first error is the one to report; the log is not damaged by it.
            try? opened.writer.close(clean: false)
            throw .log(path: directory, error as? LogError ?? .closed)
        }
        self.producers = producers
        self.retention = retention
        self.directory = directory
        self.disk = disk
        writer = opened.writer
        checkpointBytes = configuration.segmentBytes
        // What had to be read again counts, so that many short runs do not make a long start.
        bytesAtCheckpoint = checkpoint == nil || hasRead ? 0 : opened.log.dataBytes
        partition = TopicPartition(topic: name, number: number, log: opened.log)
    }

    var pendingBytes: Int { writer.pendingBytes }

    /// The offset of the next record.
    var nextOffset: UInt64 { writer.nextLSN - 1 }

    /// Whether something was written that is not on the disk.
    var isUnsynced: Bool { partition.log.durableLSN < partition.log.writtenLSN }

    /// See `LogWriter.reserve`.
    func reserve(bytes: Int) throws(LogError) { try writer.reserve(bytes: bytes) }

    /// Appends a record for which room was reserved, and returns its offset. Touches no file.
    func append(
        key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader], producer: ProducerSequence?, timestamp: UInt64
    ) throws(LogError) -> UInt64 {
        RecordFormat.encode(key: key, headers: headers, producer: producer, into: &encoder)
        let hash = UInt64(key.map { Partitioner.murmur2($0) } ?? 0)
        let lsn = try encoder.bytes.withUnsafeBufferPointer { bytes throws(LogError) -> UInt64 in
            let fields = UnsafeRawBufferPointer(bytes)
            guard let value else { return try writer.append(timestamp: timestamp, key: hash, value: fields) }
            return try value.withUnsafeBufferPointer { body throws(LogError) -> UInt64 in
                // An empty array may have no address, but it is a value all the same.
                try writer.append(
                    timestamp: timestamp, key: hash, value: fields, body: UnsafeRawBufferPointer(body))
            }
        }
        if let producer { producers.note(producer, offset: lsn - 1) }
        return lsn - 1
    }

    /// Hands everything appended to the kernel. At a level below `disk` it can be read from then on.
    func flush() throws(LogError) {
        if writer.pendingBytes > 0 { hasUnmarkedCommits = true }
        try writer.flush()
    }

    /// Makes everything that was flushed durable.
    func sync() throws(LogError) { try writer.sync() }

    // MARK: Between the rounds

    /// A checkpoint, when a segment's worth of bytes came since the last one.
    func checkpointIfDue() throws(LogError) {
        let bytes = partition.log.dataBytes
        guard bytes < bytesAtCheckpoint || bytes - bytesAtCheckpoint >= checkpointBytes else { return }
        try checkpoint()
    }

    /// After a while without writes: a marker after which the last batch cannot be taken for a torn one.
    func markQuiet() throws(LogError) {
        guard hasUnmarkedCommits else { return }
        try writer.writeSyncMarker()
        writer.updateWatermark()
        hasUnmarkedCommits = false
    }

    /// Removes what retention lets go, but nothing that a start needs, and never the last record: the active segment may be
    /// empty, and who writes the topic may go by what it wrote last.
    func removeOldSegments(now: UInt64) throws(LogError) {
        guard retention != RetentionPolicy() else { return }
        let needed = min(checkpointLSN + 1, max(partition.log.writtenLSN, 1))
        // While it is copied they stay, until the next time.
        let outcome = partition.files.withLockIfAvailable { _ in
            Result { () throws(LogError) in
                try partition.log.removeSegments(retention, keepingFrom: needed, now: now)
            }
        }
        _ = try outcome?.get()
    }

    /// Ends the writing. With `clean`, everything is durable and the next start reads nothing again.
    func close(clean: Bool) throws(LogError) {
        defer { partition.waiters.wakeAll() }
        if clean, writer.nextLSN - 1 > checkpointLSN {
            try writer.commit()
            try checkpoint()
        }
        try writer.close(clean: clean)
    }

    /// Ends the writing as a crash would, after another failure, which is the one to report.
    func abandon() { try? close(clean: false) }

    private func checkpoint() throws(LogError) {
        try writer.commit()
        try writer.sync()
        let point = LogPoint(lsn: writer.nextLSN - 1, chain: writer.chain)
        let checkpoint = PartitionCheckpoint(logID: partition.log.id, point: point, producers: producers)
        do {
            try checkpoint.write(in: directory, disk: disk)
        } catch {
            // It saves reading at a start and is needed for nothing else. A full disk must not end the topics.
            if error.isOutOfSpace { return }
            throw .writeFailed(error)
        }
        checkpointLSN = point.lsn
        bytesAtCheckpoint = partition.log.dataBytes
    }
}
