import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Readers who have not read for long: nothing is written for them, and no feed shows it.
@Suite struct AwayReadersTests {
    private static let reader: UInt64 = 500

    private func fixture(workers: Int = 2, awayAfter seconds: UInt32 = 0) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration(workers: workers)
        configuration.awayAfterSeconds = seconds
        let fixture = try EngineFixture(configuration)
        for author in 1...6 { try fixture.follow(Self.reader, UInt64(author)) }
        return fixture
    }

    private func feed(_ fixture: EngineFixture, limit: Int = 200) throws -> [PostID] {
        let reader = UserID(rawValue: Self.reader)
        return try fixture.read { fixture.engine.feed(of: reader, limit: limit, completion: $0) }.entries.map(\.post)
    }

    private func setAway(_ fixture: EngineFixture, _ away: Bool) throws {
        _ = try fixture.run(.setReadersAway([UserID(rawValue: Self.reader)], away), as: 1)
    }

    private func entries(_ fixture: EngineFixture) throws -> UInt64 {
        try fixture.read { fixture.engine.quiesce(completion: $0) }.statistics.timelineEntries
    }

    @Test func nothingIsWrittenToAnAbsentReaderAndItsFeedIsWhole() throws {
        let fixture = try fixture()
        var posts: [PostID] = []
        for round in 0..<40 { posts.append(try fixture.post(UInt64(round % 6 + 1))) }
        #expect(try entries(fixture) == 40)
        try setAway(fixture, true)
        #expect(try entries(fixture) == 0)
        for round in 0..<10 { posts.append(try fixture.post(UInt64(round % 6 + 1))) }
        #expect(try entries(fixture) == 0)
        #expect(try feed(fixture) == posts.reversed())
        let record = try fixture.read { fixture.engine.delivery(of: posts[45], completion: $0) }
        #expect(record?.skippedAway == 1 && record?.pushed == 0 && record?.targeted == 1)
        try setAway(fixture, false)
        #expect(try entries(fixture) == 50)
        posts.append(try fixture.post(3))
        #expect(try entries(fixture) == 51)
        #expect(try feed(fixture) == posts.reversed())
    }

    @Test func rebuiltTimelineIsCutAtTheCap() throws {
        let fixture = try fixture()
        try setAway(fixture, true)
        var posts: [PostID] = []
        for round in 0..<300 { posts.append(try fixture.post(UInt64(round % 6 + 1))) }
        try setAway(fixture, false)
        #expect(try entries(fixture) == 50)
        var seen: [PostID] = []
        var position: PagePosition?
        repeat {
            let page = try fixture.read {
                fixture.engine.feed(of: UserID(rawValue: Self.reader), from: position, limit: 7, completion: $0)
            }
            seen += page.entries.map(\.post)
            position = page.next
        } while position != nil
        #expect(seen == posts.reversed())
    }

    @Test func edgesChangeWhileTheReaderIsAway() throws {
        let fixture = try fixture()
        let first = try fixture.post(1)
        let second = try fixture.post(7)
        try setAway(fixture, true)
        try fixture.unfollow(Self.reader, 1)
        try fixture.follow(Self.reader, 7)
        #expect(try feed(fixture) == [second])
        try setAway(fixture, false)
        #expect(try feed(fixture) == [second])
        try fixture.follow(Self.reader, 1)
        #expect(try feed(fixture) == [second, first])
    }

    @Test func whoDoesNotReadGoesAwayAndWhoReadsComesBack() throws {
        let fixture = try fixture(awayAfter: 3_600)
        let post = try fixture.post(1)
        #expect(try feed(fixture) == [post])
        fixture.time.advance(milliseconds: 3_599_000)
        fixture.settle()
        #expect(try entries(fixture) == 1)
        fixture.time.advance(milliseconds: 2_000)
        fixture.settle()
        #expect(try entries(fixture) == 0)
        #expect(try feed(fixture) == [post])
        fixture.settle()
        #expect(try entries(fixture) == 1)
    }

    @Test(arguments: [1, 3]) func replayAndSnapshotTakeTheSameTurns(workers: Int) throws {
        let fixture = try fixture()
        for round in 0..<80 {
            _ = try fixture.post(UInt64(round % 6 + 1))
            if round % 20 == 10 { try setAway(fixture, round % 40 == 10) }
        }
        try setAway(fixture, true)
        let digest = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced, workers: workers)
        #expect(try fixture.digest() == digest)
        _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        try fixture.restart(workers: 2)
        #expect(fixture.engine.recovery.replayedRecords == 0)
        #expect(try fixture.digest() == digest)
        try setAway(fixture, false)
        #expect(try entries(fixture) == 50)
    }

    @Test func strangersAndRepetitionsChangeNothing() throws {
        let fixture = try fixture()
        let before = fixture.engine.publishedLSN
        _ = try fixture.run(.setReadersAway([UserID(rawValue: 99_999), UserID(rawValue: 0)], true), as: 1)
        try setAway(fixture, false)
        #expect(fixture.engine.publishedLSN == before)
    }
}
