import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingTopics

@Suite struct TopicsTests {
    @Test func nothingIsMadeBeforeTheFirstTopic() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        #expect(!fixture.disk.exists("data/topics"))
        try fixture.close()
    }

    @Test func recordsComeBackAsTheyWere() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("orders", partitions: 1)
        let header = RecordHeader(name: "trace", value: [0, 255])
        let records = [
            NewTopicRecord(key: [1, 2], value: [3], headers: [header, header], timestamp: 5),
            NewTopicRecord(key: nil, value: [], headers: []),
            NewTopicRecord(key: [], value: nil),
        ]
        let receipt = try fixture.produce("orders", records)
        #expect(receipt.positions.map(\.offset) == [0, 1, 2])
        for _ in 0..<2 {
            let stored = try fixture.contents("orders")
            #expect(stored.map(\.key) == [[1, 2], nil, []])
            #expect(stored.map(\.value) == [[3], [], nil])
            #expect(stored.map(\.headers.count) == [2, 0, 0])
            #expect(stored.first?.headers.first == header)
            #expect(stored.map(\.timestamp) == [5, 1_700_000_000_000, 1_700_000_000_000])
            try fixture.close()
            try fixture.open()
        }
    }

    @Test func keysDecideThePartitionAndRequestsWithoutTakeTurns() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 3)
        for number in 0..<20 {
            let key = "key-\(number)"
            let receipt = try fixture.produce("t", [NewTopicRecord("v", key: key)])
            #expect(receipt.positions[0].partition == Partitioner.partition(of: Array(key.utf8), partitions: 3))
        }
        let turns = try (0..<6).map { _ in
            let receipt = try fixture.produce("t", [NewTopicRecord("a"), NewTopicRecord("b")])
            #expect(Set(receipt.positions.map(\.partition)).count == 1)
            return receipt.positions[0].partition
        }
        #expect(turns == [0, 1, 2, 0, 1, 2])
        #expect(try fixture.produce("t", [NewTopicRecord("x", key: "k")], partition: 2).positions[0].partition == 2)
    }

    @Test func creatingTwiceFindsTheTopicAndOtherSettingsAreRefused() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        #expect(try fixture.create("t", partitions: 2).isNew)
        #expect(try !fixture.create("t", partitions: 2).isNew)
        #expect { try fixture.create("t", partitions: 3) } throws: { ($0 as? TopicError)?.isExists == true }
        try fixture.close()
        #expect(try fixture.open().all.map(\.name.text) == ["t"])
        #expect(try !fixture.create("t", partitions: 2).isNew)
    }

    @Test func badRequestsAreRefused() throws {
        let fixture = TopicsFixture()
        fixture.configuration.maximumPartitions = 4
        try fixture.open()
        try fixture.create("t", partitions: 2)
        #expect(throws: TopicError.reservedName(.feedEvents)) { try fixture.create("feed-events", partitions: 1) }
        #expect(throws: TopicError.tooManyPartitions(limit: 4)) { try fixture.create("u", partitions: 3) }
        #expect(throws: TopicError.self) { try fixture.create("u", partitions: 0) }
        #expect(throws: TopicError.self) { try fixture.create("u", partitions: 257) }
        #expect(throws: TopicError.self) { try fixture.produce("missing", [NewTopicRecord("v")]) }
        #expect(throws: TopicError.reservedName(.feedEvents)) {
            try fixture.produce("feed-events", [NewTopicRecord("v")])
        }
        #expect(throws: TopicError.self) { try fixture.produce("t", []) }
        #expect(throws: TopicError.self) { try fixture.produce("t", [NewTopicRecord("v")], partition: 2) }
        #expect(throws: TopicError.self) { try fixture.produce("t", [NewTopicRecord("v")], partition: -1) }
        let large = NewTopicRecord(key: nil, value: Array(repeating: 0, count: TopicLimits.recordBytes))
        #expect(throws: TopicError.self) { try fixture.produce("t", [large]) }
        let noPartition = ProducerSequence(producer: 1, first: 0)
        #expect(throws: TopicError.self) { try fixture.produce("t", [NewTopicRecord("v")], producer: noPartition) }
        #expect(try fixture.contents("t", 0).isEmpty && fixture.contents("t", 1).isEmpty)
    }

    @Test func aRepeatedSequenceIsStoredOnceAlsoOverARestart() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1)
        let first = ProducerSequence(producer: 9, first: 0)
        let records = [NewTopicRecord("a"), NewTopicRecord("b")]
        let receipt = try fixture.produce("t", records, partition: 0, producer: first)
        #expect(receipt.storedBefore == 0)
        for clean in [true, false] {
            let again = try fixture.produce("t", records, partition: 0, producer: first)
            #expect(again.positions == receipt.positions)
            #expect(again.storedBefore == 2)
            let gap = ProducerSequence(producer: 9, first: 3)
            #expect { try fixture.produce("t", records, partition: 0, producer: gap) } throws: {
                if case .outOfOrderSequence(_, 0, 2, 3)? = $0 as? TopicError { true } else { false }
            }
            try fixture.close(clean: clean)
            try fixture.open()
        }
        #expect(try fixture.contents("t").map(\.text) == ["a", "b"])
    }

    @Test func timesLeadToOffsets() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1)
        for number in 0..<UInt64(10) {
            try fixture.produce("t", [NewTopicRecord(value: [1], timestamp: 1_000 + number * 10)])
        }
        let partition = try fixture.partition("t")
        #expect(try partition.offset(atOrAfter: 0) == 0)
        #expect(try partition.offset(atOrAfter: 1_011) == 2)
        #expect(try partition.offset(atOrAfter: 2_000) == 10)
    }

    @Test func aFetchHandsOutAtLeastOneRecordAndAboutAsManyBytesAsAsked() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1)
        let value = [UInt8](repeating: 1, count: 100)
        try fixture.produce("t", Array(repeating: NewTopicRecord(value: value), count: 10))
        let partition = try fixture.partition("t")
        #expect(try partition.read(from: 3, maximumBytes: 1).records.map(\.offset) == [3])
        #expect(try partition.read(from: 3, maximumBytes: 250).records.map(\.offset) == [3, 4])
        let end = try partition.read(from: 10, maximumBytes: 1_000)
        #expect(end.records.isEmpty && end.nextOffset == 10 && end.highWatermark == 10)
        #expect(throws: TopicError.self) { try partition.read(from: 11, maximumBytes: 1) }
    }

    @Test func whatRetentionTookIsNamed() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1, retention: RetentionPolicy(bytes: 8_000))
        for number in 0..<200 {
            var random = SeededRandom(seed: UInt64(number))
            let value = (0..<200).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try fixture.produce("t", [NewTopicRecord(value: value)])
            fixture.time.advance(milliseconds: 11_000)
            _ = try fixture.current.step()
        }
        let partition = try fixture.partition("t")
        let start = partition.logStartOffset
        #expect(start > 100)
        #expect(partition.log.dataBytes < 20_000)
        #expect(throws: TopicError.offsetOutOfRange(partition.topic, partition: 0, offset: 0, first: start, next: 200))
        {
            try partition.read(from: 0, maximumBytes: 1)
        }
        try fixture.close()
        try fixture.open()
        #expect(try fixture.partition("t").logStartOffset == start)
        #expect(try fixture.contents("t").map(\.offset) == Array(start..<200))
    }

    @Test func aFullDiskRefusesAndNothingIsLost() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1)
        try fixture.produce("t", [NewTopicRecord("kept")])
        fixture.disk.setCapacity(0)
        let large = NewTopicRecord(value: Array(repeating: 7, count: 100_000))
        #expect { try fixture.produce("t", [large]) } throws: {
            if case .outOfSpace? = $0 as? TopicError { true } else { false }
        }
        #expect(throws: TopicError.self) { try fixture.create("u", partitions: 1) }
        fixture.disk.setCapacity(nil)
        try fixture.produce("t", [large])
        try fixture.create("u", partitions: 1)
        #expect(try fixture.contents("t").count == 2)
    }

    @Test func aFailedSyncEndsTheTopics() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 1)
        fixture.disk.fail(.sync, code: SystemErrorCode.inputOutput)
        #expect { try fixture.produce("t", [NewTopicRecord("v")]) } throws: {
            if case .unknownOutcome? = $0 as? TopicError { true } else { false }
        }
        #expect(try fixture.current.failure != nil)
        #expect(throws: TopicError.closed) { try fixture.produce("t", [NewTopicRecord("v")]) }
    }

    @Test func aFullQueueRefuses() throws {
        let fixture = TopicsFixture()
        fixture.configuration.queueLimit = 3
        try fixture.open()
        try fixture.create("t", partitions: 1)
        let name = try #require(TopicName("t"))
        let boxes = (0..<5).map { _ in Answer<ProduceReceipt>() }
        for box in boxes {
            try fixture.current.produce(ProduceRequest(topic: name, records: [NewTopicRecord("v")])) { box.set($0) }
        }
        while try fixture.current.step() {}
        let refused = boxes.filter { if case .failure(.overloaded)? = $0.value { true } else { false } }
        #expect(refused.count == 2)
        #expect(try fixture.contents("t").count == 3)
    }

    @Test func aWaitEndsWithTheRecordOrTheTime() throws {
        let fixture = TopicsFixture()
        fixture.configuration.maximumWaiters = 2
        try fixture.open()
        try fixture.create("t", partitions: 1)
        let partition = try fixture.partition("t")
        let woken = [Answer<Int>(), Answer<Int>(), Answer<Int>()]
        try fixture.current.wait(for: 0, in: partition, milliseconds: 5_000) { woken[0].set(.success(0)) }
        try fixture.current.wait(for: 1, in: partition, milliseconds: 5_000) { woken[1].set(.success(1)) }
        #expect(throws: TopicError.self) { try fixture.current.wait(for: 1, in: partition, milliseconds: 1) {} }
        #expect(woken[0].value == nil)
        try fixture.produce("t", [NewTopicRecord("v")])
        #expect(woken[0].value != nil && woken[1].value == nil)
        fixture.time.advance(milliseconds: 5_001)
        _ = try fixture.current.step()
        #expect(woken[1].value != nil)
        try fixture.current.wait(for: 0, in: partition, milliseconds: 5_000) { woken[2].set(.success(2)) }
        #expect(woken[2].value != nil, "what is there is not waited for")
    }

    @Test func weakerLevelsAreAnsweredAndReadable() throws {
        for level in AcknowledgementLevel.allCases {
            let fixture = TopicsFixture(level: level)
            try fixture.open()
            try fixture.create("t", partitions: 2)
            for asked in AcknowledgementLevel.allCases {
                let receipt = try fixture.produce("t", [NewTopicRecord("v")], partition: 1, level: asked)
                #expect(receipt.level == asked)
                if asked == .disk { fixture.crash(.loseUnsynced); try fixture.open() }
            }
            #expect(try fixture.contents("t", 1).count == 3)
        }
    }
}

extension TopicError {
    fileprivate var isExists: Bool { if case .exists = self { true } else { false } }
}
