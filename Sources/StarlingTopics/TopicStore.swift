import StarlingLog
import StarlingSystem

/// The topics' directory: the catalogue and the logs that it names. Owned by one thread at a time.
///
/// A topic is created logs first, catalogue last. So what the catalogue names is there, and what an interruption leaves under
/// the next number holds no record and is taken over by the next creation.
struct TopicStore {
    let directory: String
    let disk: any Disk
    let configuration: TopicsConfiguration
    private(set) var catalogue: TopicCatalogue
    private var random: SeededRandom

    /// Reads the catalogue in the data directory `data`. Changes nothing.
    init(data: String, disk: any Disk, configuration: TopicsConfiguration, seed: UInt64) throws(TopicError) {
        directory = TopicFiles.directory(in: data)
        self.disk = disk
        self.configuration = configuration
        catalogue = try TopicCatalogue.read(in: directory, disk: disk)
        random = SeededRandom(seed: seed)
    }

    /// Opens the logs of all topics.
    func openAll() throws(TopicError) -> [OpenTopic] {
        if catalogue.rows.isEmpty { return [] }
        do {
            // What was read must not vanish with the next power cut: records will be acknowledged on it.
            try disk.syncNames(to: directory)
        } catch {
            throw .disk(error)
        }
        var topics: [OpenTopic] = []
        do throws(TopicError) {
            for row in catalogue.rows { topics.append(try open(row)) }
        } catch {
            for topic in topics { topic.abandon() }
            throw error
        }
        return topics
    }

    /// Makes a topic. It is durable when the call returns.
    mutating func create(
        _ name: TopicName, _ settings: TopicSettings, createdMilliseconds: UInt64
    ) throws(TopicError) -> OpenTopic {
        guard catalogue.partitionCount + settings.partitions <= configuration.maximumPartitions else {
            throw .tooManyPartitions(limit: configuration.maximumPartitions)
        }
        let ids = (0..<settings.partitions).map { _ in max(random.next(), 1) }
        let row = TopicRow(
            number: catalogue.nextNumber, name: name, retention: settings.retention,
            createdMilliseconds: createdMilliseconds, logIDs: ids)
        var next = catalogue
        do {
            let root = directory + "/\(row.number)"
            let isFirst = catalogue.rows.isEmpty
            try disk.createDirectory(root)
            if isFirst { try disk.syncNames(to: directory) } else { try disk.syncDirectory(directory) }
            let topic = try makeLogs(row)
            do {
                next.rows.append(topic.row)
                try next.write(in: directory, disk: disk)
            } catch {
                topic.topic.abandon()
                // A full disk shows before the rename; after it, nobody knows which catalogue the next start will find.
                throw error.isOutOfSpace ? TopicError.disk(error) : .unknownOutcome("\(error)")
            }
            catalogue = next
            return topic.topic
        } catch let error as TopicError {
            throw Self.isFull(error) ? .outOfSpace("\(error)") : error
        } catch let error as DiskError {
            throw error.isOutOfSpace ? .outOfSpace("\(error)") : .disk(error)
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
    }

    private static func isFull(_ error: TopicError) -> Bool {
        switch error {
        case .disk(let error): error.isOutOfSpace
        case .log(_, .outOfSpace): true
        case .log(_, .cannotCreate(let error)), .log(_, .writeFailed(let error)): error.isOutOfSpace
        default: false
        }
    }

    /// Logs that an interrupted creation left under this number are taken as they are, with their own ids.
    private func makeLogs(_ row: TopicRow) throws(TopicError) -> (topic: OpenTopic, row: TopicRow) {
        var row = row
        for partition in row.logIDs.indices {
            let path = path(row.number, partition)
            guard try TopicFiles.hasLog(path, disk: disk) else { continue }
            do {
                let reader = try LogReader(directory: path, disk: disk)
                if reader.logID != 0 { row.logIDs[partition] = reader.logID }
            } catch {
                throw .log(path: path, error)
            }
        }
        return (try open(row, isNew: true), row)
    }

    private func path(_ number: UInt64, _ partition: Int) -> String {
        directory + "/" + TopicFiles.partition(number, partition)
    }

    private func open(_ row: TopicRow, isNew: Bool = false) throws(TopicError) -> OpenTopic {
        var writers: [PartitionWriter] = []
        do throws(TopicError) {
            for (partition, id) in row.logIDs.enumerated() {
                let path = path(row.number, partition)
                if !isNew, try !TopicFiles.hasLog(path, disk: disk) { throw .missingPartition(path: path) }
                writers.append(
                    try PartitionWriter(
                        row.name, partition, logID: id, retention: row.retention, directory: path, disk: disk,
                        configuration: configuration))
            }
        } catch {
            for writer in writers { writer.abandon() }
            throw error
        }
        return OpenTopic(Topic(row, writers.map(\.partition)), writers: writers)
    }
}

/// A topic as everybody may see it. Immutable but for what its partitions hold.
public struct Topic: Sendable {
    /// Its name.
    public let name: TopicName
    /// What its creator chose.
    public let settings: TopicSettings
    /// When it was created, in milliseconds since 1970.
    public let createdMilliseconds: UInt64
    /// By their numbers.
    public let partitions: [TopicPartition]
    /// Names its directory.
    let number: UInt64

    init(_ row: TopicRow, _ partitions: [TopicPartition]) {
        number = row.number
        name = row.name
        settings = row.settings
        createdMilliseconds = row.createdMilliseconds
        self.partitions = partitions
    }

    /// The partition with this number.
    public func partition(_ number: Int) throws(TopicError) -> TopicPartition {
        guard partitions.indices.contains(number) else {
            throw .partitionNotFound(name, partition: number, partitions: partitions.count)
        }
        return partitions[number]
    }
}

/// The answer to the creation of a topic.
public struct CreatedTopic: Sendable {
    /// The topic.
    public var topic: Topic
    /// False when it was there already, with the same settings.
    public var isNew: Bool
}

/// A topic with the writers of its partitions. Owned by one thread at a time.
final class OpenTopic {
    let topic: Topic
    let writers: [PartitionWriter]
    /// Requests with records without a key so far: they take the partitions in turn.
    var keylessRequests = 0

    init(_ topic: Topic, writers: [PartitionWriter]) {
        self.topic = topic
        self.writers = writers
    }

    /// Ends the writing and leaves everything as a crash would.
    func abandon() { for writer in writers { writer.abandon() } }
}
