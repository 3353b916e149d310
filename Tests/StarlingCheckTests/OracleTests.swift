import StarlingEngine
import StarlingSystem
import Testing

@testable import StarlingCheck

/// The oracle is what everything is compared with, so its own rules are spelled out here.
@Suite struct OracleTests {
    private static func oracle(threshold: Int = 100, retention: UInt64 = 1_000, keys: Int = 100) -> Oracle {
        Oracle(
            rules: Oracle.Rules(
                population: 8, hysteresisPercent: 80, keyRetention: retention, maximumKeys: keys,
                notificationsKept: 100,
                threshold: threshold))
    }

    private func context(_ actor: UInt64, key: String? = nil, fingerprint: UInt64 = 1) -> WriteContext {
        WriteContext(
            actor: UserID(rawValue: actor), idempotencyKey: key, fingerprint: Hash128(high: 0, low: fingerprint))
    }

    private func post(_ author: UInt64) -> Command {
        .createPost(NewPost(author: UserID(rawValue: author), text: "words"))
    }

    @Test func aFeedIsThePostsOfAllFolloweesNewestFirstWhenEverTheFollowBegan() throws {
        var oracle = Self.oracle()
        _ = oracle.run(post(2), context(2), wall: 10)
        try oracle.learn(100, ofPostAt: 1)
        _ = oracle.run(.follow(UserID(rawValue: 2)), context(1), wall: 10)
        _ = oracle.run(post(2), context(2), wall: 10)
        try oracle.learn(200, ofPostAt: 3)
        #expect(oracle.model.feed(1) == [200, 100])
        _ = oracle.run(.deletePost(PostID(rawValue: 100)), context(2), wall: 10)
        #expect(oracle.model.feed(1) == [200])
        #expect(oracle.model(at: 3).feed(1) == [200, 100])
        _ = oracle.run(.unfollow(UserID(rawValue: 2)), context(1), wall: 10)
        #expect(oracle.model.feed(1).isEmpty)
    }

    @Test func aKeyGivesItsFirstAnswerUntilItIsOver() {
        var oracle = Self.oracle(retention: 1_000)
        let first = oracle.run(post(2), context(2, key: "k"), wall: 10)
        #expect(first == .accepted(lsn: 1, .post(lsn: 1), isReplay: false))
        #expect(
            oracle.run(post(2), context(2, key: "k"), wall: 1_009) == .accepted(lsn: 1, .post(lsn: 1), isReplay: true))
        #expect(oracle.run(post(2), context(2, key: "k", fingerprint: 2), wall: 11) == .refused(.keyReused))
        #expect(
            oracle.run(post(2), context(2, key: "k"), wall: 1_010) == .accepted(lsn: 2, .post(lsn: 2), isReplay: false))
    }

    @Test func aFullTableOfKeysRefusesNewOnesOnly() {
        var oracle = Self.oracle(keys: 1)
        _ = oracle.run(post(2), context(2, key: "a"), wall: 10)
        #expect(oracle.run(post(2), context(2, key: "b"), wall: 10) == .refused(.full))
        #expect(oracle.run(post(2), context(2), wall: 10) == .accepted(lsn: 2, .post(lsn: 2), isReplay: false))
        #expect(
            oracle.run(post(2), context(2, key: "a"), wall: 10) == .accepted(lsn: 1, .post(lsn: 1), isReplay: true))
    }

    @Test func anAuthorIsPulledFromTheThresholdOnAndPushedAgainBelowItsShare() {
        var oracle = Self.oracle(threshold: 2)
        _ = oracle.run(.follow(UserID(rawValue: 9)), context(1), wall: 10)
        _ = oracle.run(.follow(UserID(rawValue: 9)), context(2), wall: 10)
        #expect(oracle.switches.toPull == 1)
        #expect(oracle.lastLSN == 3)
        let unfollow = oracle.run(.unfollow(UserID(rawValue: 9)), context(2), wall: 10)
        // The answer names the record of the edge, not that of the switch behind it.
        #expect(unfollow == .accepted(lsn: 4, .follow(.init(follows: false, changed: true)), isReplay: false))
        #expect(oracle.switches.toPush == 1)
        #expect(oracle.lastLSN == 5)
    }

    /// The limit is 5 deliveries a day.
    @Test func anAuthorIsPulledAndPushedAgainForItsCostNoMoreThanOnceAnHour() {
        let hour: UInt64 = 3_600_000
        var oracle = Self.oracle()
        oracle.cost = Oracle.CostRule(share: 1.0 / 32_768, capacity: 2)
        #expect(oracle.cost.limit == 5)
        for follower: UInt64 in 1...3 { _ = oracle.run(.follow(UserID(rawValue: 9)), context(follower), wall: 10) }
        for wall: UInt64 in 10...12 { _ = oracle.run(post(9), context(9), wall: wall) }
        #expect(oracle.switches.toPullForCost == 1)
        #expect(oracle.lastLSN == 7)
        // Cheap enough, but too soon.
        _ = oracle.run(.unfollow(UserID(rawValue: 9)), context(1), wall: 13)
        _ = oracle.run(.unfollow(UserID(rawValue: 9)), context(2), wall: 12 + hour - 1)
        #expect(oracle.switches.toPushForCost == 0)
        _ = oracle.run(.unfollow(UserID(rawValue: 9)), context(3), wall: 12 + hour)
        #expect(oracle.switches.toPushForCost == 1)
        // What counts is the day up to the newest post, however long ago that was.
        for follower: UInt64 in 1...3 {
            _ = oracle.run(.follow(UserID(rawValue: 9)), context(follower), wall: 30 * hour)
        }
        #expect(oracle.switches.toPullForCost == 2)
        oracle.cost.share = 0
        _ = oracle.run(post(9), context(9), wall: 31 * hour)
        #expect(oracle.switches.toPushForCost == 2)
    }

    @Test func anIDNeverFallsAndNeverChanges() throws {
        var oracle = Self.oracle()
        _ = oracle.run(post(2), context(2), wall: 10)
        _ = oracle.run(post(2), context(2), wall: 10)
        try oracle.learn(50, ofPostAt: 1)
        #expect(throws: InvariantViolation.self) { try oracle.learn(50, ofPostAt: 2) }
        #expect(throws: InvariantViolation.self) { try oracle.learn(49, ofPostAt: 2) }
        #expect(throws: InvariantViolation.self) { try oracle.learn(51, ofPostAt: 1) }
        try oracle.learn(51, ofPostAt: 2)
        #expect(throws: InvariantViolation.self) { try oracle.learn(60, ofPostAt: 3) }
    }

    @Test func anIDThatIsLearnedLateLiesBetweenItsNeighbours() throws {
        var oracle = Self.oracle()
        for _ in 1...3 { _ = oracle.run(post(2), context(2), wall: 10) }
        try oracle.learn(50, ofPostAt: 1)
        try oracle.learn(60, ofPostAt: 3)
        #expect(throws: InvariantViolation.self) { try oracle.learn(60, ofPostAt: 2) }
        #expect(throws: InvariantViolation.self) { try oracle.learn(50, ofPostAt: 2) }
        try oracle.learn(55, ofPostAt: 2)
    }

    @Test func whatACrashTookIsForgotten() throws {
        var oracle = Self.oracle(threshold: 5)
        _ = oracle.run(post(2), context(2, key: "k"), wall: 10)
        try oracle.learn(50, ofPostAt: 1)
        _ = oracle.run(.setCelebrityThreshold(1), context(1), wall: 10)
        _ = oracle.run(post(2), context(2, key: "l"), wall: 10)
        oracle.restart(lastLSN: 1)
        #expect(oracle.threshold == 5)
        #expect(oracle.model.posts.map(\.id) == [50])
        #expect(
            oracle.run(post(2), context(2, key: "l"), wall: 10) == .accepted(lsn: 2, .post(lsn: 2), isReplay: false))
        // The id of the lost post was never told, so it may come now.
        try oracle.learn(51, ofPostAt: 2)
    }
}
