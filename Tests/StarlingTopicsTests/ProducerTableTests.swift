import StarlingSystem
import Testing

@testable import StarlingTopics

@Suite struct ProducerTableTests {
    private func sequence(_ first: UInt64, of producer: UInt64 = 7) -> ProducerSequence {
        ProducerSequence(producer: producer, first: first)
    }

    @Test func repetitionsGetTheirOffsetsAndGapsAreRefused() {
        var table = ProducerTable(limit: 100)
        #expect(table.check(sequence(1), count: 1) == .outOfOrder(expected: 0))
        for number in 0..<5 { table.note(sequence(UInt64(number)), offset: 10 + UInt64(number)) }
        #expect(table.check(sequence(5), count: 3) == .append(stored: []))
        #expect(table.check(sequence(3), count: 2) == .append(stored: [13, 14]))
        #expect(table.check(sequence(3), count: 4) == .append(stored: [13, 14]), "a crash kept a part of the request")
        #expect(table.check(sequence(6), count: 1) == .outOfOrder(expected: 5))
        #expect(table.check(sequence(0, of: 8), count: 1) == .append(stored: []))
    }

    @Test func onlyTheLastRunsAreRemembered() {
        var table = ProducerTable(limit: 100)
        for number in 0..<UInt64(40) { table.note(sequence(number), offset: number * 2) }
        #expect(table.check(sequence(39), count: 1) == .append(stored: [78]))
        #expect(table.check(sequence(0), count: 1) == .outOfOrder(expected: 40))
    }

    @Test func thoseWhoWereSilentLongestAreForgotten() {
        var table = ProducerTable(limit: 16)
        for producer in UInt64(1)...100 { table.note(sequence(0, of: producer), offset: producer) }
        #expect(table.producers.count <= 16)
        #expect(table.producers[100] != nil)
        #expect(table.producers[1] == nil)
    }

    @Test func survivesACheckpoint() throws {
        var table = ProducerTable(limit: 50)
        var random = SeededRandom(seed: 3)
        for offset in 0..<UInt64(2_000) {
            let producer = random.next() % 80 + 1
            table.note(sequence(table.producers[producer]?.next ?? 0, of: producer), offset: offset)
        }
        var encoder = ByteEncoder()
        table.encode(into: &encoder)
        let copy = encoder.bytes.withUnsafeBytes { bytes in
            var decoder = ByteDecoder(bytes)
            return ProducerTable(decoding: &decoder, limit: 50)
        }
        #expect(copy == table)
        for length in 0..<encoder.bytes.count {
            encoder.bytes[..<length].withUnsafeBytes { bytes in
                var decoder = ByteDecoder(bytes)
                _ = ProducerTable(decoding: &decoder, limit: 50)
            }
        }
    }
}
