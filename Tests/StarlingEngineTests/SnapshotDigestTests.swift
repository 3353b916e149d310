import StarlingLog
import StarlingSystem
import Testing

@testable import StarlingEngine

/// The digest that a snapshot's manifest carries: of an incremental one, read from what changed, it is the same as if all had
/// been read.
@Suite struct SnapshotDigestTests {
    private static let users: UInt64 = 1_500

    private let fixture: EngineFixture
    private var random: SeededRandom

    init() throws {
        var configuration = EngineFixture.smallConfiguration(workers: 2)
        configuration.log.segmentBytes = 1 << 20
        fixture = try EngineFixture(configuration)
        random = SeededRandom(seed: 4)
        // Enough accounts that every table of the workers has several pages.
        for user in 1...Self.users { try fixture.follow(user, user % 700 + 1 == user ? 701 : user % 700 + 1) }
        for author in 1...700 { _ = try fixture.post(UInt64(author)) }
        #expect(try snapshot().isFull)
        _ = try fixture.post(1)
        #expect(try snapshot().isFull)
    }

    private func snapshot() throws -> SnapshotReport {
        try fixture.read { fixture.engine.snapshot(completion: $0) }
    }

    /// One snapshot, mostly of changes, whose digest must be that of the memory.
    private func expectSameDigest(_ change: String) throws {
        let report = try snapshot()
        #expect(report.digest == (try fixture.digest()).description, "\(change)")
    }

    @Test func everyKindOfChangeShows() throws {
        _ = try fixture.post(1_490)
        try expectSameDigest("a post without readers")
        let post = try fixture.post(300)
        try expectSameDigest("a post")
        try fixture.delete(post, as: 300)
        try expectSameDigest("a deletion")
        try fixture.follow(1_400, 1_401)
        try expectSameDigest("an edge between others")
        try fixture.unfollow(1_400, 1_401)
        try expectSameDigest("and its end")
        try fixture.follow(Self.users + 1, 1_100)
        try expectSameDigest("a new account")
        for follower in 1_000..<1_020 { try fixture.follow(UInt64(follower), 1_300) }
        _ = try fixture.post(1_300)
        try expectSameDigest("an author becomes a celebrity")
        _ = try fixture.post(1_300)
        try expectSameDigest("its post is pulled")
        _ = try fixture.run(.setCelebrityThreshold(1_000), as: 1)
        _ = try fixture.post(1_300)
        try expectSameDigest("and no longer")
        fixture.configuration.celebrityThreshold = 1_000
        try fixture.restart()
        #expect(fixture.engine.recovery.replayedRecords == 0)
        try expectSameDigest("nothing after a start")
        try fixture.follow(33, 35)
        try expectSameDigest("the first change after a start")
        try fixture.follow(1_499, 34)
        try expectSameDigest("the second change after a start")
    }

    @Test mutating func manySmallSnapshotsInARow() throws {
        for round in 0..<8 {
            for _ in 0..<10 {
                let user = UInt64.random(in: 1...Self.users, using: &random)
                let other = UInt64.random(in: 1...Self.users, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: _ = try fixture.post(user)
                case 1 where user != other: try fixture.follow(user, other)
                default: try fixture.unfollow(user, user % 700 + 1)
                }
            }
            let report = try snapshot()
            #expect(report.digest == (try fixture.digest()).description, "round \(round)")
        }
    }
}
