import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// What is told of a post's fan-out.
@Suite struct DeliveryRecordTests {
    private func fixture(followers: Int, records: Int = 1 << 10) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration(workers: 3)
        configuration.deliveryRecords = records
        let fixture = try EngineFixture(configuration)
        for reader in 0..<followers { try fixture.follow(100 + UInt64(reader), 1) }
        return fixture
    }

    private func record(_ fixture: EngineFixture, _ post: PostID) throws -> DeliveryRecord? {
        try fixture.read { fixture.engine.delivery(of: post, completion: $0) }
    }

    @Test func countsFollowersOfAllWorkers() throws {
        let fixture = try fixture(followers: 11)
        let post = try fixture.post(1)
        let lonely = try fixture.post(2)
        let record = try #require(try record(fixture, post))
        #expect(record.targeted == 11 && record.pushed == 11 && record.pulled == 0 && record.isComplete)
        #expect(record.medianMicroseconds != nil && record.lateMicroseconds != nil)
        #expect(try self.record(fixture, lonely)?.targeted == 0)
    }

    @Test func celebritysPostIsLeftToPull() throws {
        let fixture = try fixture(followers: 12)
        let record = try #require(try record(fixture, try fixture.post(1)))
        #expect(record.targeted == 12 && record.pushed == 0 && record.pulled == 12)
    }

    @Test func unknownAndDeletedPostsHaveNone() throws {
        let fixture = try fixture(followers: 1)
        let post = try fixture.post(1)
        try fixture.delete(post, as: 1)
        #expect(try record(fixture, post) == nil)
        #expect(try record(fixture, PostID(rawValue: 5)) == nil)
    }

    @Test func onlyTheNewestAreKept() throws {
        let fixture = try fixture(followers: 3, records: 8)
        let posts = try (0..<10).map { _ in try fixture.post(1) }
        #expect(try record(fixture, posts[1]) == nil)
        #expect(try record(fixture, posts[2])?.pushed == 3)
    }

    @Test(arguments: [true, false]) func countsOutliveARestartWithOtherWorkers(snapshot: Bool) throws {
        let fixture = try fixture(followers: 9)
        let posts = try (0..<5).map { _ in try fixture.post(1) }
        if snapshot { _ = try fixture.read { fixture.engine.snapshot(completion: $0) } }
        try fixture.restart(crash: .loseUnsynced, workers: 2)
        for post in posts { #expect(try record(fixture, post)?.pushed == 9) }
    }
}
