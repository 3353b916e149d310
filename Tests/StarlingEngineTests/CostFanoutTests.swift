import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Authors who are pulled because pushing them costs too much. The limit is 100 deliveries a day, and an author goes back to
/// push below 80; nobody is pulled for its followers, unless a test says so.
@Suite struct CostFanoutTests {
    static let author: UInt64 = 1
    static let minute: UInt64 = 60_000
    static let hour: UInt64 = 3_600_000

    /// A share of the capacity that makes whole limits of whole capacities.
    private static let share = 1.0 / 131_072
    private static let capacityFor100: UInt64 = 152
    private static let capacityFor200: UInt64 = 304

    static func configuration(workers: Int = 2) -> EngineConfiguration {
        var configuration = EngineFixture.smallConfiguration(workers: workers)
        configuration.celebrityThreshold = 1_000
        configuration.celebrityCostShare = share
        configuration.deliveriesPerSecond = capacityFor100
        return configuration
    }

    /// An engine in which accounts, from 100 on, follow the author, who has posted.
    private func fixture(
        followers: Int, posts: Int, change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> EngineFixture {
        var configuration = Self.configuration()
        change(&configuration)
        let fixture = try EngineFixture(configuration)
        for reader in 0..<followers { try fixture.follow(100 + UInt64(reader), Self.author) }
        for _ in 0..<posts { _ = try fixture.post(Self.author) }
        return fixture
    }

    private func isPulled(_ fixture: EngineFixture) throws -> Bool { try fixture.profile(Self.author).isPulled }

    /// Makes the sequencer look at the author: one follower more, and one less.
    private func lookAgain(_ fixture: EngineFixture) throws {
        try fixture.follow(99, Self.author)
        try fixture.unfollow(99, Self.author)
    }

    @Test func limitIsAShareOfTheCapacityOfADay() throws {
        #expect(CostLimit(share: 0.01, of: 1_000) == .perDay(864_000))
        #expect(CostLimit(share: 1, of: 3) == .perDay(259_200))
        #expect(CostLimit(share: Self.share, of: Self.capacityFor100) == .perDay(100))
        #expect(CostLimit(share: Self.share, of: Self.capacityFor200) == .perDay(200))
        #expect(CostLimit(share: 0, of: 1_000) == .off)
        #expect(CostLimit(share: 0, of: nil) == .off)
        #expect(CostLimit(share: 0.01, of: nil) == .unknown)
        #expect(CostLimit(share: 1e-12, of: 1) == .perDay(0))
        #expect(CostLimit(share: 1, of: .max) == .perDay(1 << 56))
    }

    /// For no limit are there costs at which an author would be both pulled and pushed.
    @Test(arguments: [1, 50, 80, 99, 100])
    func pushBeginsBelowWherePullDoes(percent: Int) {
        let rule = FanoutRule(threshold: 1, hysteresisPercent: percent)
        for limit: UInt64 in Array(0...300) + [1 << 20, 1 << 56] {
            let bound = rule.pushedAgainBelow(limit)
            #expect(bound >= 1 && bound - 1 <= limit)
            // The lowest cost that is not pushed again is at least the share, exactly.
            #expect(bound == 1 || (bound - 1) * 100 < limit * UInt64(percent))
            #expect(bound * 100 >= limit * UInt64(percent))
        }
    }

    @Test func authorIsPulledAboveTheLimitBeforeTheNextPost() throws {
        let fixture = try fixture(followers: 10, posts: 11)
        #expect(try !isPulled(fixture))
        #expect(try fixture.statistics().pushed == 110)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        #expect(try fixture.statistics().pushed == 110)
        #expect(try fixture.statistics().pulled == 10)
        let change = try #require(try fixture.profile(Self.author).lastSwitch)
        #expect(change.reason == .cost && change.followerCount == 10 && change.postsPerDay == 11)
        #expect(change.milliseconds == 1_700_000_000_000)
    }

    @Test func authorIsPulledWhenAFollowerMakesItTooMuch() throws {
        let fixture = try fixture(followers: 10, posts: 10)
        try lookAgain(fixture)
        let change = try #require(try fixture.profile(Self.author).lastSwitch)
        #expect(change.reason == .cost && change.followerCount == 11 && change.postsPerDay == 10)
    }

    @Test func importsCountToo() throws {
        let fixture = try fixture(followers: 0, posts: 10)
        _ = try fixture.importFollows((100..<111).map { (UInt64($0), Self.author) })
        #expect(try isPulled(fixture))
        let other = try self.fixture(followers: 10, posts: 0)
        let rows = (0..<15).map { _ in NewPost(author: UserID(rawValue: Self.author), text: "x") }
        try other.run(.importPosts(rows), as: 7)
        #expect(try other.statistics().pushed == 110)
        #expect(try other.statistics().pulled == 40)
    }

    /// Posts of other days do not count.
    @Test func onlyTheNewestDayCounts() throws {
        let fixture = try fixture(followers: 10, posts: 2)
        for _ in 0..<30 {
            fixture.time.advance(milliseconds: 3 * Self.hour)
            _ = try fixture.post(Self.author)
        }
        #expect(try fixture.profile(Self.author).postsPerDay == 9)
        #expect(try fixture.profile(Self.author).lastSwitch == nil)
    }

    @Test func authorIsPushedAgainBelowTheHysteresisAndNoSoonerThanAnHour() throws {
        let fixture = try fixture(followers: 11, posts: 10)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        // 7 times 11 is below 80, 8 times 11 is not.
        for reader in 0..<4 { try fixture.unfollow(100 + UInt64(reader), Self.author) }
        fixture.time.advance(milliseconds: Self.hour - 1)
        try lookAgain(fixture)
        #expect(try isPulled(fixture))
        try fixture.follow(100, Self.author)
        fixture.time.advance(milliseconds: 1)
        try lookAgain(fixture)
        #expect(try isPulled(fixture))
        try fixture.unfollow(100, Self.author)
        let profile = try fixture.profile(Self.author)
        #expect(!profile.isPulled)
        #expect(profile.lastSwitch?.reason == .cost && profile.lastSwitch?.postsPerDay == 11)
        // And above the limit again: not before another hour.
        for reader in 0..<4 { try fixture.follow(100 + UInt64(reader), Self.author) }
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
        fixture.time.advance(milliseconds: Self.hour)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
    }

    @Test func eitherRuleKeepsAnAuthorPulled() throws {
        // Pulled for its cost, and then above the hysteresis of the threshold.
        let first = try fixture(followers: 10, posts: 12) { $0.celebrityThreshold = 12 }
        #expect(try first.profile(Self.author).lastSwitch?.reason == .cost)
        first.engine.fanoutCapacity.give(1_000_000)
        first.time.advance(milliseconds: Self.hour)
        _ = try first.post(Self.author)
        #expect(try isPulled(first))
        try first.unfollow(100, Self.author)
        #expect(try !isPulled(first))
        // Pulled for its followers, and then above the hysteresis of the cost.
        let second = try fixture(followers: 12, posts: 10) { $0.celebrityThreshold = 12 }
        #expect(try second.profile(Self.author).lastSwitch?.reason == .followers)
        for reader in 0..<4 { try second.unfollow(100 + UInt64(reader), Self.author) }
        #expect(try isPulled(second))
        try second.unfollow(104, Self.author)
        #expect(try !isPulled(second))
        #expect(try second.profile(Self.author).lastSwitch?.reason == .followers)
    }

    /// Followers pull at once, however short a time ago cost pushed.
    @Test func followersWaitForNoHour() throws {
        let fixture = try fixture(followers: 10, posts: 12) { $0.celebrityThreshold = 20 }
        fixture.engine.celebrityCostShare = 0
        fixture.time.advance(milliseconds: Self.hour)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
        _ = try fixture.importFollows((200..<210).map { (UInt64($0), Self.author) })
        #expect(try fixture.profile(Self.author).lastSwitch?.reason == .followers)
        #expect(try isPulled(fixture))
    }

    /// The capacity doubles and halves from minute to minute, and with it the limit passes the author's cost both ways.
    @Test func noAuthorFlapsWithACapacityThatJumps() throws {
        let fixture = try fixture(followers: 10, posts: 11)
        for _ in 0..<4 { _ = try fixture.post(Self.author) }
        var switches: [UInt64] = []
        for step in 0..<600 {
            fixture.time.advance(milliseconds: Self.minute)
            fixture.engine.fanoutCapacity.give(step.isMultiple(of: 2) ? Self.capacityFor200 : Self.capacityFor100)
            try lookAgain(fixture)
            let last = try #require(try fixture.profile(Self.author).lastSwitch).milliseconds
            if last != switches.last { switches.append(last) }
        }
        #expect(zip(switches, switches.dropFirst()).allSatisfy { $1 - $0 >= Self.hour })
        #expect((8...11).contains(switches.count), "\(switches.count)")
    }

    @Test func withoutACapacityNobodyIsSwitchedForItsCost() throws {
        let fixture = try fixture(followers: 10, posts: 40) { $0.deliveriesPerSecond = nil }
        #expect(fixture.engine.deliveriesPerDayLimit == nil)
        #expect(try fixture.profile(Self.author).lastSwitch == nil)
        fixture.engine.fanoutCapacity.give(Self.capacityFor100)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        // After a start nothing is measured yet: who is pulled stays so.
        try fixture.restart()
        fixture.time.advance(milliseconds: 30 * Self.hour)
        for _ in 0..<3 { _ = try fixture.post(Self.author) }
        #expect(try isPulled(fixture))
        fixture.engine.fanoutCapacity.give(Self.capacityFor100)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
    }

    @Test func shareOfZeroTurnsTheRuleOff() throws {
        let fixture = try fixture(followers: 10, posts: 40) { $0.celebrityCostShare = 0 }
        #expect(try fixture.profile(Self.author).lastSwitch == nil)
        fixture.engine.celebrityCostShare = Self.share
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        fixture.engine.celebrityCostShare = 0
        fixture.time.advance(milliseconds: Self.hour)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
    }

    @Test(arguments: [(-1.0, 0.0), (2.0, 1.0), (.nan, 0.0), (.infinity, 1.0), (0.5, 0.5)])
    func shareStaysInItsRange(set: Double, found: Double) throws {
        let fixture = try fixture(followers: 0, posts: 0)
        fixture.engine.celebrityCostShare = set
        #expect(fixture.engine.celebrityCostShare == found)
    }

    /// Modes come from the log or from a snapshot, and never from what the new process has measured.
    @Test(arguments: [1, 2, 3], [false, true])
    func modesOutliveTheProcess(workers: Int, hasSnapshot: Bool) throws {
        let fixture = try fixture(followers: 10, posts: 12) { $0.snapshots.recordsAtClose = hasSnapshot ? 1 : 0 }
        let before = try fixture.profile(Self.author)
        #expect(before.isPulled)
        let digest = try fixture.digest()
        let lsn = fixture.engine.publishedLSN
        fixture.configuration.deliveriesPerSecond = 1_000_000
        try fixture.restart(crash: hasSnapshot ? nil : .loseUnsynced, workers: workers)
        #expect((fixture.engine.recovery.replayedRecords == 0) == hasSnapshot)
        #expect(fixture.engine.publishedLSN == lsn)
        #expect(try fixture.digest() == digest)
        let after = try fixture.profile(Self.author)
        #expect(after.isPulled && after.lastSwitch == before.lastSwitch)
        // The hour goes on too.
        fixture.time.advance(milliseconds: Self.hour - 1)
        _ = try fixture.post(Self.author)
        #expect(try isPulled(fixture))
        fixture.time.advance(milliseconds: 1)
        _ = try fixture.post(Self.author)
        #expect(try !isPulled(fixture))
        try fixture.restart(crash: hasSnapshot ? nil : .loseUnsynced)
        #expect(try fixture.profile(Self.author).lastSwitch?.reason == .cost)
    }

    /// Random operations, with hours that pass and a capacity that changes: no feed shows who is pulled.
    @Test(arguments: 1...4)
    func feedsEqualTheirDefinition(seed: Int) throws {
        var run = try RandomOperationsTests.RandomRun(seed: UInt64(seed), workers: 1 + seed % 3) { configuration in
            configuration.celebrityThreshold = 20
            configuration.celebrityCostShare = Self.share
            configuration.deliveriesPerSecond = Self.capacityFor100
        }
        // Kept here: the operations set the clock back.
        var wall = run.fixture.time.wallMilliseconds()
        for round in 0..<4_000 {
            try run.operate()
            guard round % 30 == 0 else { continue }
            wall += UInt64.random(in: 0...2 * Self.hour, using: &run.random)
            run.fixture.time.setWall(milliseconds: wall)
            let capacity = Self.capacityFor100 << UInt64.random(in: 0...7, using: &run.random)
            run.fixture.engine.fanoutCapacity.give(capacity)
        }
        try run.checkEverything()
        for mode in ["PULL", "PUSH"] {
            let switches = try switches(run.fixture, to: mode)
            #expect(switches.count { $0.contains("reason=COST") } > 2, "\(mode): \(switches.count)")
            #expect(switches.contains { !$0.contains("reason=COST") }, "\(mode): \(switches.count)")
        }
    }

    /// The records of the log that switch an author, in words.
    private func switches(_ fixture: EngineFixture, to mode: String) throws -> [String] {
        var found: [String] = []
        try LogReader(directory: "/data", disk: fixture.disk).forEachRecord(from: 1) { record in
            let text = FactDescription(record).text
            if text.contains(" fanout_mode_changed "), text.contains("mode=\(mode)") { found.append(text) }
        }
        return found
    }

    @Test(arguments: 1...3)
    func postsPerDayIsTheCountOfTheNewestDay(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let table = try PostTable(maximumPosts: 1 << 14, hugePages: false)
        var mint = PostIDMint()
        // From the first day that ids can tell of on.
        var time = PostIDMint.epoch
        var chains = Array(repeating: [PostOrdinal](), count: 5)
        var times: [UInt64] = [0]
        for number in 1...4_000 {
            let author = Int.random(in: 0..<5, using: &random)
            time += UInt64.random(in: 0...40, using: &random) * Self.minute
            if number % 500 == 0 { time += 24 * Self.hour }
            let ordinal = table.append(
                id: mint.mint(milliseconds: time, slot: author), lsn: UInt64(number), author: UserIndex(author),
                previous: chains[author].last ?? 0, visibility: .public)
            chains[author].append(ordinal)
            times.append(PostID(rawValue: table.rows[Int(ordinal)].id).milliseconds)
            let expected = chains[author].count { times[Int($0)] + 24 * Self.hour >= times[Int(ordinal)] }
            #expect(table.postsPerDay(upTo: ordinal) == expected)
        }
        #expect(table.postsPerDay(upTo: 0) == 0)
    }
}
