import StarlingLog
import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingTopics

/// Topics on a disk and a clock in memory, driven by hand.
final class TopicsFixture {
    let disk: SimulatedDisk
    let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
    var configuration = TopicsConfiguration()
    private(set) var topics: Topics?
    private var opened: UInt64 = 0

    init(seed: UInt64 = 1, level: AcknowledgementLevel = .disk) {
        disk = SimulatedDisk(seed: seed)
        configuration.level = level
        configuration.segmentBytes = 4_096
        configuration.firstSegmentBytes = 512
        configuration.allowsTinySegments = true
        configuration.retention = RetentionPolicy()
    }

    @discardableResult
    func open() throws -> Topics {
        opened += 1
        let made = try Topics.open(
            directory: "data", disk: disk, time: time, seed: opened, configuration: configuration)
        topics = made
        return made
    }

    var current: Topics {
        get throws { try #require(topics) }
    }

    func close(clean: Bool = true) throws {
        let closing = try current
        closing.stop(clean: clean)
        if clean { while closing.step() {} }
        topics = nil
        try closing.close(clean: clean)
    }

    /// The power goes.
    func crash(_ mode: CrashMode) {
        disk.crash(mode)
        topics?.stop(clean: false)
        try? topics?.close(clean: false)
        topics = nil
    }

    // MARK: Calls that are answered at once

    @discardableResult
    func create(_ name: String, partitions: Int, retention: RetentionPolicy = RetentionPolicy()) throws -> CreatedTopic
    {
        let box = Answer<CreatedTopic>()
        try current.create(try topicName(name), TopicSettings(partitions: partitions, retention: retention)) {
            box.set($0)
        }
        return try settle(box)
    }

    @discardableResult
    func produce(
        _ topic: String, _ records: [NewTopicRecord], partition: Int? = nil, producer: ProducerSequence? = nil,
        level: AcknowledgementLevel? = nil
    ) throws -> ProduceReceipt {
        let box = Answer<ProduceReceipt>()
        try current.produce(
            ProduceRequest(
                topic: try topicName(topic), partition: partition, records: records, producer: producer, level: level)
        ) { box.set($0) }
        return try settle(box)
    }

    func partition(_ topic: String, _ number: Int = 0) throws -> TopicPartition {
        try current.topic(try topicName(topic)).partition(number)
    }

    /// Everything that a partition holds.
    func contents(_ topic: String, _ number: Int = 0) throws -> [TopicRecord] {
        let partition = try partition(topic, number)
        var records: [TopicRecord] = []
        var offset = partition.logStartOffset
        while true {
            let fetched = try partition.read(from: offset, maximumBytes: 256)
            if fetched.records.isEmpty { return records }
            records += fetched.records
            offset = fetched.nextOffset
        }
    }

    private func topicName(_ text: String) throws -> TopicName { try #require(TopicName(text)) }

    private func settle<Value: Sendable>(_ box: Answer<Value>) throws -> Value {
        let running = try current
        while running.step() {}
        return try #require(box.value, "the call was not answered").get()
    }
}

/// Holds what a completion said.
final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, TopicError>?>(nil)

    func set(_ value: Result<Value, TopicError>) {
        result.withLock {
            if $0 != nil { Issue.record("a call was answered twice") }
            $0 = value
        }
    }

    var value: Result<Value, TopicError>? { result.withLock { $0 } }
}

extension NewTopicRecord {
    init(_ text: String, key: String? = nil) {
        self.init(key: key.map { Array($0.utf8) }, value: Array(text.utf8))
    }
}

extension TopicRecord {
    var text: String? { value.map { String(decoding: $0, as: UTF8.self) } }
}
