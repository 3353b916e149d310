import StarlingLog
import StarlingSimulation
import Testing

@testable import StarlingTopics

@Suite struct TopicsVerificationTests {
    private func filled() throws -> TopicsFixture {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 2)
        for number in 0..<50 { try fixture.produce("t", [NewTopicRecord("record \(number)")], partition: number % 2) }
        try fixture.close()
        return fixture
    }

    private func verify(_ fixture: TopicsFixture) -> TopicsVerification {
        TopicsVerification.verify(directory: "data", disk: fixture.disk, deep: true)
    }

    @Test func wholeTopicsAreWhole() throws {
        let fixture = try filled()
        let found = verify(fixture)
        #expect(found.refusal == nil)
        #expect(found.partitions.map(\.path) == ["topics/1/0", "topics/1/1"])
        #expect(found.partitions.map(\.log.intactRange) == [1...25, 1...25])
        #expect(verify(TopicsFixture()).partitions.isEmpty)
    }

    @Test func damageIsFound() throws {
        let fixture = try filled()
        let path = try #require(
            fixture.disk.files.first { $0.hasPrefix("data/topics/1/1/log/") && $0.hasSuffix(".seg") })
        #expect(fixture.disk.corrupt(path, byte: 200, bit: 3))
        #expect(verify(fixture).refusal?.exitCode == 65)
        fixture.disk.discard("data/topics/1/1/log")
        #expect(verify(fixture).refusal?.exitCode == 66)
    }
}
