import StarlingLog
import StarlingSystem

/// Why a topic could not be opened, created, written or read. Except where a case says otherwise, nothing was done.
public enum TopicError: Error, Equatable, Sendable {
    /// The name breaks `TopicName.rule`.
    case invalidName(String)
    /// The name belongs to the system.
    case reservedName(TopicName)
    /// A topic of that name exists with other settings.
    case exists(TopicName, TopicSettings)
    /// There is no such topic.
    case notFound(TopicName)
    /// The topic has no such partition.
    case partitionNotFound(TopicName, partition: Int, partitions: Int)
    /// A field of the request is not acceptable.
    case invalid(field: String, reason: String)
    /// A record is larger than the limit.
    case recordTooLarge(index: Int, bytes: Int)
    /// The producer's sequence does not go on where its last one ended, or is so old that its offsets are forgotten.
    case outOfOrderSequence(TopicName, partition: Int, expected: UInt64, found: UInt64)
    /// The offset was removed by retention, or does not exist yet.
    case offsetOutOfRange(TopicName, partition: Int, offset: UInt64, first: UInt64, next: UInt64)
    /// A record cannot be read, although its checksums are right: a newer version wrote it.
    case damagedRecord(TopicName, partition: Int, offset: UInt64)
    /// All topics together would have too many partitions.
    case tooManyPartitions(limit: Int)
    /// Too much is waiting; come back after the given time.
    case overloaded(retryAfterMilliseconds: Int)
    /// The disk has no room for the records.
    case outOfSpace(String)
    /// A file of the topics is damaged in all its copies.
    case damagedFile(path: String)
    /// A file was written by a version that this one does not know.
    case unknownFormat(path: String, version: Int)
    /// The catalogue names a partition whose log is not there.
    case missingPartition(path: String)
    /// There are records, but not the catalogue that says which topics they belong to.
    case missingCatalogue(path: String, records: String)
    /// The log of a partition.
    case log(path: String, LogError)
    /// The disk.
    case disk(DiskError)
    /// The topics are closing, or have failed.
    case closed
    /// A file failed while the records, or the topic, were being made durable: they may or may not be there.
    case unknownOutcome(String)
}

extension TopicError: CustomStringConvertible {
    /// One sentence for people.
    public var description: String {
        switch self {
        case .invalidName(let name): "\"\(name.prefix(220))\" is no name for a topic: \(TopicName.rule)"
        case .reservedName(let name): "the topic \(name) belongs to the system: it can be read, and nothing else"
        case .exists(let name, let settings):
            "the topic \(name) exists with other settings: \(settings.partitions) partitions, retention "
                + "\(settings.retention.bytes ?? 0) bytes and \(settings.retention.milliseconds ?? 0) ms (0: no limit)"
        case .notFound(let name): "there is no topic \(name): create it first"
        case .partitionNotFound(let name, let partition, let count):
            "the topic \(name) has no partition \(partition): they are 0 to \(count - 1)"
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .recordTooLarge(let index, let bytes):
            "records[\(index)]: it has \(bytes) bytes with key and headers; at most \(TopicLimits.recordBytes) are allowed"
        case .outOfOrderSequence(let name, let partition, let expected, let found):
            "\(name)/\(partition): the producer's next sequence is \(expected), not \(found); "
                + "go on there, or begin anew at 0 with another producer id"
        case .offsetOutOfRange(let name, let partition, let offset, let first, let next):
            "\(name)/\(partition): there is no record \(offset): the first one still there is \(first), the next one will be \(next)"
        case .damagedRecord(let name, let partition, let offset):
            "\(name)/\(partition): record \(offset) is of a version that this program does not know"
        case .tooManyPartitions(let limit): "all topics together may have \(limit) partitions; raise topics.partitions"
        case .overloaded(let wait): "too much is waiting for the topics; try again in \(wait) ms"
        case .outOfSpace(let what): "the disk is full: \(what); free space and writes go on by themselves"
        case .damagedFile(let path):
            "\(path) is damaged in both copies; restore it from a backup, or move the directory topics away to begin without topics"
        case .unknownFormat(let path, let version):
            "\(path) has version \(version), which this program does not know; use the one that wrote it"
        case .missingPartition(let path):
            "\(path): the log of a partition is not there, but the catalogue of topics names it; restore it from a backup"
        case .missingCatalogue(let path, let records):
            "\(path) is not there, but \(records) holds records; restore it from a backup, or move the directory topics "
                + "away to begin without topics"
        case .log(let path, let error): "\(path): \(error)"
        case .disk(let error): "topics: \(error)"
        case .closed: "the topics are shutting down"
        case .unknownOutcome(let cause): "a file failed, what was written to the topics may be there or not: \(cause)"
        }
    }

    /// The exit code of a program that cannot go on because of it.
    public var exitCode: Int32 {
        switch self {
        case .damagedFile: 65
        case .missingPartition, .missingCatalogue: 66
        case .unknownFormat, .damagedRecord, .tooManyPartitions: 78
        case .log(_, let error): error.exitCode
        case .disk: 74
        default: 70
        }
    }
}
