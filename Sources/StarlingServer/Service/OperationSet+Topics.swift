import NIOPosix
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingTopics
import SwiftProtobuf

extension OperationSet {
    /// TopicService.
    func bindTopics(_ bindings: inout Bindings) {
        bindings.bind("ListTopics", listTopics)
        bindings.bind("CreateTopic", createTopic)
        bindings.bind("Produce", produce)
        bindings.bind("Fetch", fetch)
    }

    /// Bytes of a fetch that does not say.
    private static let fetchBytes: UInt32 = 1 << 20

    @Sendable
    private func listTopics(
        _ request: Starling_V1_ListTopicsRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_ListTopicsResponse>
    ) {
        let items = engine.topics.all.map(TopicMessages.topic)
        respond(.success(Reply(response: .with { $0.items = items })))
    }

    @Sendable
    private func createTopic(
        _ request: Starling_V1_CreateTopicRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_CreateTopicResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            var settings = TopicSettings(
                partitions: request.hasPartitions ? Int(request.partitions) : 1,
                retention: engine.topics.configuration.retention)
            if request.hasRetention { settings.retention = TopicMessages.policy(request.retention) }
            engine.topics.create(
                try topicName(request.name, field: "name"), settings,
                completion: answering(respond) { made in
                    .with {
                        $0.topic = TopicMessages.topic(made.topic)
                        $0.created = made.isNew
                    }
                })
        }
    }

    @Sendable
    private func produce(
        _ request: Starling_V1_ProduceRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_ProduceResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            guard request.hasProducerID == request.hasBaseSequence else {
                throw .invalid("baseSequence", "producerId and baseSequence go together")
            }
            var command = ProduceRequest(
                topic: try topicName(request.topic, field: "topic"),
                partition: request.hasPartition ? Int(request.partition) : nil,
                records: try TopicMessages.records(request.records), level: call.context.durability)
            if request.hasProducerID {
                command.producer = ProducerSequence(producer: request.producerID, first: request.baseSequence)
            }
            engine.topics.produce(
                command,
                completion: answering(respond) { receipt in
                    .with {
                        $0.offset = receipt.positions.first?.offset ?? 0
                        $0.positions = receipt.positions.map { position in
                            .with {
                                $0.partition = UInt32(position.partition)
                                $0.offset = position.offset
                            }
                        }
                        $0.storedBefore = UInt32(receipt.storedBefore)
                        $0.durability = receipt.level.schema
                    }
                })
        }
    }

    @Sendable
    private func fetch(
        _ request: Starling_V1_FetchRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_FetchResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            if request.hasOffset, request.hasTime {
                throw .invalid("time", "an offset and a time were given; one of them says where to begin")
            }
            let time = request.hasTime ? request.time.milliseconds : nil
            if request.hasTime, time == nil { throw .invalid("time", "it must lie between 1970 and 9999") }
            let partition = try partition(Int(request.partition), of: try topicName(request.topic, field: "topic"))
            let bytes = Int(request.hasMaxBytes ? request.maxBytes : Self.fetchBytes)
            // Reading and finding a time may wait for the disk.
            bodyReaders.submit { _ in
                attempt(respond) { () throws(Problem) in
                    let first: UInt64
                    do throws(TopicError) {
                        first =
                            if let time { try partition.offset(atOrAfter: time) } else if request.hasOffset {
                                request.offset
                            } else { partition.logStartOffset }
                    } catch {
                        throw Problem(error)
                    }
                    try read(
                        partition, from: first, bytes: bytes, waitMilliseconds: UInt64(request.maxWaitMs), respond)
                }
            }
        }
    }

    /// Answers with what is there, or waits for it once.
    private func read(
        _ partition: TopicPartition, from offset: UInt64, bytes: Int, waitMilliseconds: UInt64,
        _ respond: @escaping Respond<Starling_V1_FetchResponse>
    ) throws(Problem) {
        do throws(TopicError) {
            let fetched = try partition.read(from: offset, maximumBytes: bytes)
            guard fetched.records.isEmpty, waitMilliseconds > 0 else {
                return respond(.success(Reply(response: TopicMessages.fetched(fetched))))
            }
            try engine.topics.wait(for: offset, in: partition, milliseconds: waitMilliseconds) {
                bodyReaders.submit { _ in
                    attempt(respond) { () throws(Problem) in
                        try read(partition, from: offset, bytes: bytes, waitMilliseconds: 0, respond)
                    }
                }
            }
        } catch {
            throw Problem(error)
        }
    }

    private func partition(_ number: Int, of name: TopicName) throws(Problem) -> TopicPartition {
        do { return try engine.topics.topic(name).partition(number) } catch { throw Problem(error) }
    }

    private func topicName(_ text: String, field: String) throws(Problem) -> TopicName {
        guard let name = TopicName(text) else { throw .invalid(field, TopicName.rule) }
        return name
    }

    private func answering<Value, Response>(
        _ respond: @escaping Respond<Response>, _ make: @escaping @Sendable (Value) -> Response
    ) -> @Sendable (Result<Value, TopicError>) -> Void {
        { result in
            switch result {
            case .failure(let error): respond(.failure(Problem(error)))
            case .success(let value): respond(.success(Reply(response: make(value))))
            }
        }
    }
}
