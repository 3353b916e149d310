import StarlingEngine
import StarlingSchema
import StarlingSimulation
import StarlingTopics
import SwiftProtobuf

extension SimulationRun {
    /// Exactly one event for each post; a post that was held back for a time may have none. While the disk is full, or when the topics have failed, some may be missing yet.
    func checkFeedEvents() throws(InvariantViolation) {
        try settle()
        let engine = running()
        guard let topic = try? engine.topics.topic(.feedEvents) else { return }
        var found = try readEvents(of: topic)
        guard configuration.feedEvents, engine.failure == nil, disk.isPowered, !isFaulty, !isDiskLimited else { return }
        if !missing(in: found).isEmpty {
            // Those that found no room before are tried again after a moment.
            time.advance(milliseconds: 1_000)
            try settle()
            found = try readEvents(of: topic)
        }
        let missing = missing(in: found)
        guard missing.isEmpty else {
            throw InvariantViolation(.feedEvents, "\(missing.count) posts have none, the first is \(missing[0].id)")
        }
        totals.feedEventsCompared += found.count
    }

    private func missing(in found: Set<UInt64>) -> [FeedModel.Post] {
        oracle.model.posts.filter { !$0.isComment && !$0.wasHeld && !found.contains($0.id) }
    }

    private func readEvents(of topic: Topic) throws(InvariantViolation) -> Set<UInt64> {
        var found: Set<UInt64> = []
        for partition in topic.partitions { try readEvents(of: partition, into: &found) }
        return found
    }

    private func readEvents(
        of partition: TopicPartition, into found: inout Set<UInt64>
    ) throws(InvariantViolation) {
        var offset = partition.logStartOffset
        do {
            while offset < partition.highWatermark {
                let fetched = try partition.read(from: offset, maximumBytes: 1 << 20)
                for record in fetched.records {
                    let event = try Starling_V1_FeedEvent(serializedBytes: record.value ?? [])
                    guard found.insert(event.postID).inserted else {
                        throw InvariantViolation(.feedEvents, "post \(event.postID) has two")
                    }
                }
                offset = fetched.nextOffset
            }
        } catch let violation as InvariantViolation {
            throw violation
        } catch {
            // A call that was made to fail.
            guard isFaulty || !disk.isPowered else {
                throw InvariantViolation(.feedEvents, "\(partition.topic) cannot be read: \(error)")
            }
        }
    }
}
