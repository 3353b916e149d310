import StarlingLog
import StarlingSystem
import Synchronization

/// What copying topics came to.
public struct TopicsCopy: Equatable, Sendable {
    /// Files that were written.
    public var files: UInt64 = 0
    /// Bytes that were written.
    public var bytes: UInt64 = 0
}

extension Topics {
    /// Copies all topics into the data directory `directory`, while they are written: of each partition what was written when
    /// its turn came, in the order of their numbers. The copy opens as topics with the same records, offsets and producers.
    /// Any thread; costs reading and writing all of it. No old segment of a partition is removed while that is copied.
    public func copy(to directory: String, disk: any Disk) throws(TopicError) -> TopicsCopy {
        let topics = all
        var copy = TopicsCopy()
        if topics.isEmpty { return copy }
        let root = TopicFiles.directory(in: directory)
        var catalogue = TopicCatalogue()
        for topic in topics {
            for partition in topic.partitions {
                let path = root + "/" + TopicFiles.partition(topic.number, partition.number)
                let part = try Self.copy(partition, to: path, disk)
                copy.files += part.files
                copy.bytes += part.bytes
            }
            catalogue.rows.append(
                TopicRow(
                    number: topic.number, name: topic.name, retention: topic.settings.retention,
                    createdMilliseconds: topic.createdMilliseconds, logIDs: topic.partitions.map(\.log.id)))
        }
        do {
            for topic in topics {
                for partition in topic.partitions {
                    try disk.syncDirectory(root + "/" + TopicFiles.partition(topic.number, partition.number))
                }
                try disk.syncDirectory("\(root)/\(topic.number)")
            }
            copy.bytes += try catalogue.write(in: root, disk: disk)
            copy.files += 1
        } catch {
            throw error.isOutOfSpace ? .outOfSpace("\(error)") : .disk(error)
        }
        return copy
    }

    private static func copy(
        _ partition: TopicPartition, to directory: String, _ disk: any Disk
    ) throws(TopicError) -> LogCopy {
        try partition.files.withLock { _ throws(TopicError) in
            do throws(LogError) {
                return try partition.log.copy(to: directory, disk: disk)
            } catch {
                throw .log(path: directory, error)
            }
        }
    }

    /// The directories of a copy that hold files, relative to its data directory: those of the logs before that of the catalogue.
    public static func directories(in directory: String, disk: any Disk) throws(DiskError) -> [String] {
        let root = TopicFiles.directory(in: directory)
        guard disk.exists(root) else { return [] }
        var result: [String] = []
        for topic in try disk.list(root) where UInt64(topic) != nil {
            for partition in try disk.list(root + "/" + topic) { result.append("topics/\(topic)/\(partition)/log") }
        }
        return result + ["topics"]
    }
}
