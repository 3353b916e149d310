import Foundation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Counts that decay, against the sum that they stand for.
@Suite struct DecayedCountTests {
    @Test func logarithmsAndPowersAreRight() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            let number = exp2(Double.random(in: 0...60, using: &random))
            #expect(abs(BinaryLogarithm.of(number) - log2(number)) < 1e-10)
            let exponent = Double.random(in: -300...300, using: &random)
            #expect(abs(BinaryLogarithm.power(exponent) / exp2(exponent) - 1) < 1e-10)
        }
        #expect(BinaryLogarithm.of(1) == 0 && BinaryLogarithm.of(2) == 1 && BinaryLogarithm.of(1_024) == 10)
        #expect(BinaryLogarithm.power(0) == 1 && BinaryLogarithm.power(-3) == 0.125)
        #expect(BinaryLogarithm.power(-1e12) < 1e-300)
    }

    @Test(arguments: 1...20) func itIsTheSumOfItsEvents(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var second: UInt32 = 1_700_000_000
        var events: [(second: UInt32, weight: DecayedCount.Weight)] = []
        var count: DecayedCount?
        for _ in 0..<200 {
            second += UInt32.random(in: 0...(seed % 2 == 0 ? 100 : 5_000_000), using: &random)
            let weight = Bool.random(using: &random) ? DecayedCount.Weight.reaction : .comment
            events.append((second, weight))
            var next = DecayedCount(weight, at: second)
            if let known = count { next.add(known) }
            count = next
        }
        let now = second + 1_000_000
        let sum = events.reduce(0.0) { sum, event in
            sum + (event.weight == .comment ? 2 : 1)
                * exp2(-Double(now - event.second) / DecayedCount.halfLifeSeconds)
        }
        let found = try #require(count).value(at: now)
        #expect(abs(found / sum - 1) < 1e-4)
    }

    @Test func farApartAndFullCountsHold() {
        var count = DecayedCount(.comment, at: .max)
        count.add(DecayedCount(.comment, at: .max))
        #expect(count.level == .max)
        count = DecayedCount(level: 0)
        count.add(DecayedCount(.reaction, at: .max))
        #expect(count.level == .max)
    }
}
