import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// The threshold is 12 followers; an author goes back to push below 80 percent of it, that is from 9 on.
@Suite struct FanoutModeTests {
    static let author: UInt64 = 1

    /// An engine where the given number of accounts, from 100 on, follow the author.
    private func fixture(followers: Int, workers: Int = 2) throws -> EngineFixture {
        let fixture = try EngineFixture(EngineFixture.smallConfiguration(workers: workers))
        for reader in 0..<followers { try fixture.follow(100 + UInt64(reader), Self.author) }
        return fixture
    }

    private func isPulled(_ fixture: EngineFixture) throws -> Bool { try fixture.profile(Self.author).isPulled }

    @Test func authorIsPulledFromTheThresholdOn() throws {
        let fixture = try fixture(followers: 11)
        #expect(try !isPulled(fixture))
        try fixture.follow(200, Self.author)
        #expect(try isPulled(fixture))
    }

    @Test func authorIsPushedAgainBelowTheHysteresis() throws {
        let fixture = try fixture(followers: 12)
        for reader in 0..<2 { try fixture.unfollow(100 + UInt64(reader), Self.author) }
        #expect(try isPulled(fixture))
        try fixture.unfollow(102, Self.author)
        #expect(try !isPulled(fixture))
        try fixture.follow(102, Self.author)
        #expect(try !isPulled(fixture))
    }

    @Test func profileSaysSinceWhenAndWithHowManyFollowers() throws {
        let fixture = try fixture(followers: 11)
        #expect(try fixture.profile(Self.author).lastSwitch == nil)
        fixture.time.advance(milliseconds: 5_000)
        try fixture.follow(200, Self.author)
        let change = try fixture.profile(Self.author).lastSwitch
        #expect(change?.milliseconds == 1_700_000_005_000)
        #expect(change?.followerCount == 12)
        #expect(change?.reason == .followers && change?.postsPerDay == 0)
    }

    @Test func importedFollowsSwitchToo() throws {
        let fixture = try EngineFixture()
        _ = try fixture.importFollows((100..<112).map { (UInt64($0), Self.author) })
        #expect(try isPulled(fixture))
    }

    /// Posts before, while and after the author is pulled, twice; readers who came in each phase.
    @Test(arguments: 1...4)
    func feedsDoNotShowTheMode(workers: Int) throws {
        let fixture = try fixture(followers: 8, workers: workers)
        var model = FeedModel()
        for reader in 100..<108 { _ = model.follow(UInt64(reader), Self.author) }
        var newcomer: UInt64 = 300
        func postSome() throws {
            for author in [Self.author, 2, Self.author] { model.add(try fixture.post(author), by: author) }
            // One reader also follows somebody who is always pushed.
            _ = try fixture.follow(100, 2)
            _ = model.follow(100, 2)
        }
        for _ in 0..<2 {
            try postSome()
            for _ in 0..<6 {
                newcomer += 1
                try fixture.follow(newcomer, Self.author)
                _ = model.follow(newcomer, Self.author)
                try postSome()
            }
            #expect(try isPulled(fixture))
            for _ in 0..<6 {
                try fixture.unfollow(newcomer, Self.author)
                _ = model.unfollow(newcomer, Self.author)
                newcomer -= 1
                try postSome()
            }
            #expect(try !isPulled(fixture))
            newcomer += 10
        }
        for reader in Array(100...108) + Array(300...320) {
            #expect(try fixture.feed(UInt64(reader), limit: 7) == model.feed(UInt64(reader)), "reader \(reader)")
        }
    }

    @Test func everyDeliveryIsPushedOrPulled() throws {
        let fixture = try fixture(followers: 11)
        _ = try fixture.post(Self.author)
        #expect(try fixture.statistics().pushed == 11)
        try fixture.follow(200, Self.author)
        for _ in 0..<3 { _ = try fixture.post(Self.author) }
        for reader in 0..<3 { try fixture.unfollow(100 + UInt64(reader), Self.author) }
        _ = try fixture.post(Self.author)
        let statistics = try fixture.statistics()
        #expect(statistics.pushed == 11 + 9)
        #expect(statistics.pulled == 3 * 12)
    }

    @Test func pulledPostsAreInNoTimeline() throws {
        let fixture = try fixture(followers: 12)
        _ = try fixture.post(Self.author)
        #expect(try fixture.statistics().timelineEntries == 0)
    }

    @Test func newThresholdTakesEffectWithTheNextPost() throws {
        let fixture = try fixture(followers: 5)
        try fixture.run(.setCelebrityThreshold(5), as: 1)
        #expect(try !isPulled(fixture))
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        #expect(try fixture.statistics().pulled == 5)
        try fixture.run(.setCelebrityThreshold(1_000), as: 1)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
        #expect(try fixture.statistics().pushed == 5)
    }

    @Test func newThresholdTakesEffectWithTheNextFollow() throws {
        let fixture = try fixture(followers: 5)
        try fixture.run(.setCelebrityThreshold(6), as: 1)
        try fixture.follow(200, Self.author)
        #expect(try isPulled(fixture))
    }

    @Test func highestThresholdIsLikeAnyOther() throws {
        let fixture = try fixture(followers: 12)
        try fixture.run(.setCelebrityThreshold(.max), as: 1)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
    }

    @Test(arguments: [0, -1, Int.min])
    func thresholdBelow1IsRefused(threshold: Int) throws {
        let fixture = try fixture(followers: 1)
        #expect(try fixture.refusal(.setCelebrityThreshold(threshold), as: 1) == "invalid(celebrityThreshold)")
    }

    /// Through the log, through a snapshot, and with a snapshot and what came after it.
    @Test(arguments: [false, true])
    func thresholdThatWasSetIsKept(hasSnapshots: Bool) throws {
        var configuration = EngineFixture.smallConfiguration()
        configuration.celebrityThreshold = nil
        configuration.snapshots.recordsAtClose = hasSnapshots ? 1 : 0
        let fixture = try EngineFixture(configuration)
        #expect(fixture.engine.recovery.celebrityThreshold == EngineConfiguration.defaultCelebrityThreshold)
        for threshold in [7, .max, 3] {
            try fixture.run(.setCelebrityThreshold(threshold), as: 0)
            try fixture.restart(crash: .loseUnsynced)
            #expect(fixture.engine.recovery.celebrityThreshold == threshold)
            try fixture.restart()
            #expect(fixture.engine.recovery.celebrityThreshold == threshold)
        }
        for reader in 0..<3 { try fixture.follow(100 + UInt64(reader), Self.author) }
        #expect(try isPulled(fixture))
    }

    @Test func configuredThresholdWinsAtAStart() throws {
        let fixture = try fixture(followers: 5)
        try fixture.run(.setCelebrityThreshold(3), as: 0)
        try fixture.restart()
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
        #expect(fixture.engine.recovery.celebrityThreshold == 12)
        fixture.configuration.celebrityThreshold = nil
        try fixture.restart()
        #expect(fixture.engine.recovery.celebrityThreshold == 3)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
    }

    @Test(arguments: [1, 3])
    func modeOutlivesTheProcess(workers: Int) throws {
        let fixture = try fixture(followers: 12)
        // At 10 the author is pulled only because of what was before.
        for reader in 0..<2 { try fixture.unfollow(100 + UInt64(reader), Self.author) }
        let before = try fixture.profile(Self.author)
        try fixture.restart(crash: .loseUnsynced, workers: workers)
        let after = try fixture.profile(Self.author)
        #expect(after.isPulled)
        #expect(after.lastSwitch?.milliseconds == before.lastSwitch?.milliseconds)
        _ = try fixture.post(Self.author)
        #expect(try fixture.statistics().pulled == 10)
    }
}
