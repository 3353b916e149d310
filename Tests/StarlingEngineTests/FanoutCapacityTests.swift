import StarlingSystem
import Testing

@testable import StarlingEngine

/// What workers are seen to deliver.
@Suite struct FanoutCapacityTests {
    @Test func smallSlicesSayNothing() {
        let rate = DeliveryRate()
        for _ in 0..<10_000 { rate.note(deliveries: 999, nanoseconds: 1) }
        #expect(rate.perSecond == nil)
        for _ in 0..<10_000 { rate.note(deliveries: 50_000, nanoseconds: 0) }
        #expect(rate.perSecond == nil)
    }

    @Test func nothingIsSaidBeforeThereIsEnoughToGoBy() {
        let rate = DeliveryRate()
        rate.note(deliveries: 60_000, nanoseconds: 6_000_000)
        #expect(rate.perSecond == nil)
        rate.note(deliveries: 60_000, nanoseconds: 6_000_000)
        #expect(rate.perSecond == 10_000_000)
    }

    /// A slice counts by what it took, so one that was held up weighs no more than its time.
    @Test func rateIsDeliveriesOverTime() throws {
        let rate = DeliveryRate()
        for _ in 0..<50 {
            rate.note(deliveries: 30_000, nanoseconds: 1_000_000)
            rate.note(deliveries: 10_000, nanoseconds: 3_000_000)
        }
        let found = try #require(rate.perSecond)
        #expect((9_900_000...10_100_000).contains(found))
    }

    @Test func whatIsLongAgoIsForgotten() throws {
        let rate = DeliveryRate()
        for _ in 0..<1_000 { rate.note(deliveries: 50_000, nanoseconds: 50_000_000) }
        for _ in 0..<3_000 { rate.note(deliveries: 50_000, nanoseconds: 5_000_000) }
        #expect(try #require(rate.perSecond) > 9_900_000)
    }

    /// Any slice is within what all slices showed.
    @Test func rateLiesBetweenTheSlowestAndTheFastestSlice() throws {
        var random = SeededRandom(seed: 1)
        let rate = DeliveryRate()
        for _ in 0..<5_000 {
            let count = UInt64.random(in: 1_000...60_000_000, using: &random)
            rate.note(deliveries: count, nanoseconds: count * UInt64.random(in: 50...200, using: &random))
            guard let found = rate.perSecond else { continue }
            #expect((4_999_999...20_000_000).contains(found))
        }
    }

    @Test func workersThatHaveShownNothingCountAsTheOthers() {
        let rates = (0..<4).map { _ in DeliveryRate() }
        let capacity = FanoutCapacity(rates: rates, given: nil, share: 0.5)
        #expect(capacity.perSecond == nil && capacity.limit == .unknown)
        rates[1].note(deliveries: 100_000, nanoseconds: 10_000_000)
        #expect(capacity.perSecond == 40_000_000)
        rates[3].note(deliveries: 100_000, nanoseconds: 20_000_000)
        #expect(capacity.perSecond == 30_000_000)
        #expect(capacity.limit == .perDay(15_000_000 * 86_400))
    }
}
