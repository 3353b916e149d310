import StarlingSystem
import Testing

@testable import StarlingLimits

@Suite struct TokenRateTests {
    @Test(
        arguments: [
            ("5/s", 5, 1), ("100/10s", 100, 10), ("1000/h", 1_000, 3_600), ("1/m", 1, 60), ("7/d", 7, 86_400),
            ("3/2m", 3, 120),
        ] as [(String, UInt64, UInt64)])
    func ratesAreRead(text: String, tokens: UInt64, seconds: UInt64) throws {
        let rate = try #require(TokenRate(text, burst: 9))
        #expect(rate.tokens == tokens && rate.period == seconds * 1_000_000_000 && rate.burst == 9)
        #expect(TokenRate(rate.description, burst: 9) == rate)
    }

    @Test(arguments: [
        "", "5", "5/", "/s", "0/s", "-1/s", "+1/s", "5/0s", "5/x", "5/2d", "1.5/s", "5 /s", "5/s ", "99999999999/s",
        "5/99999999999s",
    ])
    func ratesThatAreNone(text: String) {
        #expect(TokenRate(text, burst: 1) == nil)
    }

    @Test func whatCannotBeCountedExactlyIsRefused() {
        #expect(TokenRate("1/s", burst: 0) == nil)
        #expect(TokenRate("1/d", burst: 1_000_000) == nil)
        #expect(TokenRate("1/d", burst: 200_000) != nil)
        #expect(TokenRate("1/s", burst: .max) == nil)
    }

    /// A bucket against the same in unbounded numbers: no token is lost or made, over any steps of time.
    @Test(arguments: 0..<50 as Range<UInt64>) func levelsAreExact(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let period = UInt64.random(in: 1...1_000, using: &random) * 1_000_000_007
        let rate = try #require(
            TokenRate(
                tokens: UInt64.random(in: 1...1_000, using: &random), period: period,
                burst: UInt64.random(in: 1...1_000, using: &random)))
        var level = rate.capacity
        var model = UInt128(rate.capacity)
        for _ in 0..<500 {
            let step = UInt64.random(in: 0...(1 << UInt64.random(in: 0...50, using: &random)), using: &random)
            level = rate.refilled(level, after: step)
            model = min(UInt128(rate.capacity), model + UInt128(step) * UInt128(rate.tokens))
            #expect(UInt128(level) == model)
            let cost = UInt64.random(in: 0...3, using: &random)
            guard let units = rate.units(of: cost) else { continue }
            let wait = rate.nanoseconds(from: level, to: units)
            #expect(rate.refilled(level, after: wait) >= units, "after the wait there is enough")
            if wait > 0 { #expect(rate.refilled(level, after: wait - 1) < units, "and not before") }
            if level >= units {
                level -= units
                model -= UInt128(units)
            }
        }
    }

    @Test func timeWithoutEndFillsAndDoesNotOverflow() throws {
        let rate = try #require(TokenRate("1000000000/s", burst: 1))
        #expect(rate.refilled(0, after: .max) == rate.capacity)
        #expect(rate.refilled(.max, after: .max) == rate.capacity)
    }

    /// As many tokens under the new rate, and never more than it holds.
    @Test func levelsAreConverted() throws {
        let (slow, fast) = (try #require(TokenRate("10/h", burst: 100)), try #require(TokenRate("500/s", burst: 20)))
        #expect(fast.level(slow.period * 7, from: slow) == fast.period * 7)
        #expect(fast.level(slow.period * 99, from: slow) == fast.capacity)
        #expect(slow.level(fast.period * 7, from: fast) == slow.period * 7)
        #expect(slow.level(.max, from: fast) == slow.capacity)
    }
}
