import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Posts with so many followers that their fan-out goes on beside what comes after them.
@Suite struct LargeFanoutTests {
    private static let giant: UInt64 = 1
    private static let other: UInt64 = 2
    private static let firstFollower: UInt64 = 100
    private static let followers: UInt64 = 30

    /// Pieces of a delivery, three a slice. All followers follow the giant; the last of them the other author as well.
    private func fixture(pieces: Int = 1) throws -> EngineFixture {
        let fixture = try EngineFixture.small {
            $0.workers = 1
            $0.celebrityThreshold = 1_000
            $0.pieceDeliveries = pieces
            $0.sliceDeliveries = 3
        }
        for reader in 0..<Self.followers { try fixture.follow(Self.firstFollower + reader, Self.giant) }
        try fixture.follow(Self.lastFollower, Self.other)
        return fixture
    }

    private static var lastFollower: UInt64 { firstFollower + followers - 1 }

    /// What is read while most followers do not have the giant's post.
    @Test func postThatIsBeingDeliveredIsInEveryFeed() throws {
        let fixture = try fixture()
        fixture.isLazy = true
        let large = try fixture.post(Self.giant)
        let later = try fixture.post(Self.other)
        #expect(fixture.engine.runners[0].worker.largeFanouts.count == 1, "it is not delivered yet")
        #expect(try fixture.feedPage(Self.lastFollower).entries.map(\.post) == [later, large])
        #expect(try fixture.feedPage(Self.firstFollower + 5).entries.map(\.post) == [large])
        #expect(fixture.engine.runners[0].worker.largeFanouts.count == 1)
        let record = try #require(try fixture.read { fixture.engine.delivery(of: large, completion: $0) })
        #expect(!record.isComplete)
        fixture.settle()
        for reader in 0..<Self.followers {
            #expect(try fixture.feed(Self.firstFollower + reader).contains(large))
        }
    }

    @Test func othersAreNotDelayed() throws {
        let fixture = try fixture()
        fixture.isLazy = true
        let large = try fixture.post(Self.giant)
        let later = try fixture.post(Self.other)
        let record = try #require(try fixture.read { fixture.engine.delivery(of: later, completion: $0) })
        #expect(record.isComplete && record.pushed == 1)
        #expect(try fixture.read { fixture.engine.delivery(of: large, completion: $0) }?.isComplete == false)
    }

    /// Edges, presence and posts that come in the middle leave what they would leave after a fan-out that was not divided.
    @Test(arguments: 0..<5) func everythingInBetweenIsAsIfItCameAfterwards(case number: Int) throws {
        func run(_ fixture: EngineFixture) throws -> Hash128 {
            fixture.isLazy = true
            let reader = UserID(rawValue: Self.lastFollower - 3)
            let large = try fixture.post(Self.giant)
            switch number {
            case 0: try fixture.unfollow(reader.rawValue, Self.giant)
            case 1: try fixture.follow(reader.rawValue, Self.other)
            case 2: try fixture.run(.setReadersAway([reader], true), as: 9)
            case 3: _ = try fixture.post(Self.giant)
            default: try fixture.delete(large, as: Self.giant)
            }
            _ = try fixture.post(Self.other)
            fixture.settle()
            let record = try fixture.read { fixture.engine.delivery(of: large, completion: $0) }
            #expect(record.map(\.pushed) ?? 30 == 30)
            return try fixture.digest()
        }
        #expect(try run(fixture(pieces: 1)) == run(fixture(pieces: 1_000)))
    }

    @Test func snapshotHoldsTheWholeFanout() throws {
        let fixture = try fixture()
        fixture.isLazy = true
        let large = try fixture.post(Self.giant)
        _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        fixture.settle()
        let before = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced, workers: 3)
        #expect(try fixture.digest() == before)
        #expect(try fixture.feed(Self.lastFollower) == [large])
    }

    /// As `RandomOperationsTests`, with every author of four followers a giant.
    @Test(arguments: 1...3)
    func feedsEqualTheirDefinition(seed: Int) throws {
        var run = try RandomOperationsTests.RandomRun(seed: UInt64(seed), workers: seed) {
            $0.pieceDeliveries = 1
            $0.sliceDeliveries = UInt64(seed)
        }
        run.fixture.isLazy = true
        for _ in 0..<5_000 { try run.operate() }
        run.fixture.settle()
        try run.checkEverything()
    }
}
