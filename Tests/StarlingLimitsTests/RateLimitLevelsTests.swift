import StarlingSystem
import Testing

@testable import StarlingLimits

/// Levels over a restart.
@Suite struct RateLimitLevelsTests {
    private let rules: [RateLimitRule]

    init() throws {
        rules = [
            try RateLimiterTests.rule("users", [.user], "1/m", burst: 5),
            try RateLimiterTests.rule("all", [], "10/s", burst: 1_000),
        ]
    }

    private func used(_ time: ManualTime) -> RateLimiter {
        let limiter = RateLimiterTests.limiter(rules, time)
        for user in 1...50 as ClosedRange<UInt64> {
            for _ in 0..<(user % 7) { _ = limiter.charge(RateLimiterTests.request(1, user)) }
        }
        return limiter
    }

    private func remaining(_ limiter: RateLimiter) -> [[UInt64]] {
        (1...60).map { limiter.charge(RateLimiterTests.request(1, $0, cost: 0)).standings.map(\.remaining) }
    }

    @Test(arguments: [0, 1, 59, 60, 61, 3_600] as [UInt64]) func levelsGoOnAfterARestart(seconds: UInt64) throws {
        let time = ManualTime()
        let before = used(time)
        let bytes = before.levels().encoded
        // Both machines' clocks go on; the monotonic one of the new process begins anywhere.
        let after = ManualTime(wall: time.wallMilliseconds() + seconds * 1_000, monotonic: 77)
        time.pass(seconds: seconds)
        let restarted = RateLimiterTests.limiter(rules, after)
        restarted.restore(try #require(RateLimitLevels(encoded: bytes)))
        #expect(remaining(restarted) == remaining(before))
    }

    /// A wall clock that was set back credits nothing.
    @Test func timeThatWentBackCreditsNothing() throws {
        let time = ManualTime()
        let before = used(time)
        let levels = before.levels()
        let restarted = RateLimiterTests.limiter(rules, ManualTime(wall: time.wallMilliseconds() - 3_600_000))
        restarted.restore(levels)
        #expect(remaining(restarted) == remaining(before))
    }

    /// A rule that counts by something else takes nothing over; one with another rate takes its tokens over.
    @Test func rulesThatChangedMeanwhile() throws {
        let time = ManualTime()
        let levels = used(time).levels()
        let rules = [
            try RateLimiterTests.rule("users", [.user], "1/h", burst: 3),
            try RateLimiterTests.rule("all", [.ip], "1/h", burst: 9),
        ]
        let restarted = RateLimiterTests.limiter(rules, time)
        restarted.restore(levels)
        // User 6 had taken all five tokens, user 7 none, user 1 one of five.
        #expect(restarted.charge(RateLimiterTests.request(1, 6, cost: 0)).standings.map(\.remaining) == [0, 9])
        #expect(restarted.charge(RateLimiterTests.request(1, 7, cost: 0)).standings.map(\.remaining) == [3, 9])
        #expect(restarted.charge(RateLimiterTests.request(1, 1, cost: 0)).standings.map(\.remaining) == [3, 9])
    }

    @Test func damagedBytesAreRefused() throws {
        let bytes = used(ManualTime()).levels().encoded
        #expect(RateLimitLevels(encoded: bytes) != nil)
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << (place % 8)
            #expect(RateLimitLevels(encoded: damaged) == nil, "byte \(place)")
        }
        for count in 0..<bytes.count { #expect(RateLimitLevels(encoded: Array(bytes[..<count])) == nil) }
    }

    /// Bytes with a right checksum that promise more than they hold.
    @Test(arguments: 0..<200 as Range<UInt64>) func lengthsAreNotTrusted(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var bytes = Array(used(ManualTime()).levels().encoded.dropLast(8))
        let place = Int.random(in: 0..<bytes.count / 8, using: &random) * 8
        for offset in 0..<8 {
            bytes[place + offset] = Bool.random(using: &random) ? 0xff : UInt8.random(in: 0...9, using: &random)
        }
        let checksum = UInt64(bytes.withUnsafeBytes { CRC32C.checksum($0) })
        withUnsafeBytes(of: checksum.littleEndian) { bytes.append(contentsOf: $0) }
        guard let levels = RateLimitLevels(encoded: bytes) else { return }
        let limiter = RateLimiterTests.limiter(rules, ManualTime())
        limiter.restore(levels)
        _ = remaining(limiter)
    }
}
