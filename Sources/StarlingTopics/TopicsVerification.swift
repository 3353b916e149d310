import StarlingLog
import StarlingSystem

/// What a look at the topics of a data directory found.
public struct TopicsVerification: Sendable {
    /// What a look at one partition found.
    public struct Partition: Sendable {
        /// The topic.
        public var topic: TopicName
        /// Its number in the topic.
        public var number: Int
        /// Where its log lies, in the data directory.
        public var path: String
        /// Its log.
        public var log: VerificationReport
    }

    /// All partitions that the catalogue names.
    public var partitions: [Partition] = []
    /// Why a start would refuse the topics, or nil.
    public var refusal: TopicError?

    /// Nothing was found, and nothing is wrong.
    public init() {}

    /// Looks at the catalogue and the logs of the topics in the data directory `directory`, and changes nothing: takes no lock, so
    /// a daemon may be running. With `deep`, every record is decoded.
    public static func verify(directory: String, disk: any Disk, deep: Bool) -> TopicsVerification {
        var result = TopicsVerification()
        do throws(TopicError) {
            let root = TopicFiles.directory(in: directory)
            for row in try TopicCatalogue.read(in: root, disk: disk).rows {
                for (number, id) in row.logIDs.enumerated() {
                    let place = TopicFiles.partition(row.number, number)
                    let found = Partition(
                        topic: row.name, number: number, path: "topics/" + place,
                        log: LogVerifier.verify(directory: root + "/" + place, disk: disk, deep: deep))
                    result.partitions.append(found)
                    let refusal = try refusal(of: found, logID: id, directory: root + "/" + place, disk: disk)
                    result.refusal = result.refusal ?? refusal
                }
            }
        } catch {
            result.refusal = result.refusal ?? error
        }
        return result
    }

    private static func refusal(
        of partition: Partition, logID: UInt64, directory: String, disk: any Disk
    ) throws(TopicError) -> TopicError? {
        if partition.log.segments.isEmpty { return .missingPartition(path: directory) }
        if case .refused(let error) = partition.log.outcome { return .log(path: directory, error) }
        var expectation = LogExpectation()
        expectation.logID = logID
        let checkpoint = try PartitionCheckpoint.read(in: directory, disk: disk, logID: logID, producerLimit: .max)
        expectation.point = checkpoint?.point
        expectation.durableLSN = checkpoint?.point.lsn ?? 0
        return LogVerifier.refusal(directory: directory, disk: disk, expecting: expectation)
            .map { .log(path: directory, $0) }
    }
}
