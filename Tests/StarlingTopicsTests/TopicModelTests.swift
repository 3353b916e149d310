import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingTopics

/// Random requests, restarts and crashes against a model in a few lines.
@Suite struct TopicModelTests {
    private struct Model {
        /// What each partition has acknowledged.
        var partitions: [[String]]
        /// The next sequence of each producer in each partition.
        var sequences: [[UInt64]]
    }

    private static let producers = 3

    @Test(arguments: 0..<40)
    func everythingAcknowledgedIsThereOnceAndInOrder(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = TopicsFixture(seed: seed)
        let partitions = Int(random.next() % 3) + 1
        try fixture.open()
        try fixture.create("t", partitions: partitions)
        var model = Model(
            partitions: Array(repeating: [], count: partitions),
            sequences: Array(repeating: Array(repeating: 0, count: Self.producers), count: partitions))
        for turn in 0..<120 {
            let place = Int(random.next() % UInt64(partitions))
            switch random.next() % 20 {
            case 0..<14: try produce(turn, to: place, &model, fixture, &random)
            case 14..<16: try check(model, fixture, &random)
            case 16:
                try fixture.close(clean: random.next() % 2 == 0)
                try fixture.open()
            case 17:
                let mode = CrashMode.allCases[Int(random.next() % 3)]
                fixture.crash(mode)
                try fixture.open()
            case 18: try interrupt(turn, in: place, &model, fixture, &random)
            default:
                fixture.time.advance(milliseconds: random.next() % 2_000)
                _ = try fixture.current.step()
            }
        }
        try check(model, fixture, &random)
    }

    private func records(_ turn: Int, _ random: inout SeededRandom) -> [NewTopicRecord] {
        let length = Int(random.next() % 300)
        return (0..<(random.next() % 6 + 1)).map {
            NewTopicRecord("\(turn).\($0) " + String(repeating: "x", count: length), key: "k\(random.next() % 9)")
        }
    }

    private func produce(
        _ turn: Int, to place: Int, _ model: inout Model, _ fixture: TopicsFixture, _ random: inout SeededRandom
    ) throws {
        let records = records(turn, &random)
        let producer = Int(random.next() % UInt64(Self.producers))
        let sequence = ProducerSequence(producer: UInt64(producer) + 1, first: model.sequences[place][producer])
        let first = UInt64(model.partitions[place].count)
        // Some requests are repeated, as a client does that got no answer.
        for attempt in 0...(random.next() % 3 == 0 ? 1 : 0) {
            let receipt = try fixture.produce("t", records, partition: place, producer: sequence)
            #expect(receipt.positions.map(\.offset) == (0..<UInt64(records.count)).map { first + $0 })
            #expect(receipt.storedBefore == (attempt == 0 ? 0 : records.count))
        }
        model.partitions[place] += records.map { String(decoding: $0.value ?? [], as: UTF8.self) }
        model.sequences[place][producer] += UInt64(records.count)
    }

    /// The power goes in the middle of a request; then it is repeated until it is answered.
    private func interrupt(
        _ turn: Int, in place: Int, _ model: inout Model, _ fixture: TopicsFixture, _ random: inout SeededRandom
    ) throws {
        let records = records(turn, &random)
        let producer = Int(random.next() % UInt64(Self.producers))
        let sequence = ProducerSequence(producer: UInt64(producer) + 1, first: model.sequences[place][producer])
        fixture.disk.failPower(afterChanges: Int(random.next() % 4), tearing: random.next() % 2 == 0)
        _ = try? fixture.produce("t", records, partition: place, producer: sequence)
        fixture.disk.disarmPower()
        fixture.crash(.allCases[Int(random.next() % 3)])
        try fixture.open()
        try fixture.produce("t", records, partition: place, producer: sequence)
        model.partitions[place] += records.map { String(decoding: $0.value ?? [], as: UTF8.self) }
        model.sequences[place][producer] += UInt64(records.count)
    }

    private func check(_ model: Model, _ fixture: TopicsFixture, _ random: inout SeededRandom) throws {
        for (place, expected) in model.partitions.enumerated() {
            #expect(try fixture.contents("t", place).map(\.text) == expected)
            let partition = try fixture.partition("t", place)
            #expect(partition.highWatermark == UInt64(expected.count))
            let offset = random.next() % UInt64(expected.count + 1)
            let fetched = try partition.read(from: offset, maximumBytes: Int(random.next() % 2_000))
            #expect(fetched.records.map(\.offset) == Array(offset..<fetched.nextOffset))
            #expect(fetched.records.isEmpty == (offset == UInt64(expected.count)))
        }
    }
}
