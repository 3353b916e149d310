import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct DelayHistogramTests {
    @Test func emptyHistogramSays0() {
        let histogram = DelayHistogram()
        #expect(histogram.percentile(0.99) == 0)
        #expect(histogram.total == 0)
    }

    @Test func percentilesAreAtMostAnEighthTooHigh() {
        var random = SeededRandom(seed: 1)
        var histogram = DelayHistogram()
        var values: [UInt64] = []
        for _ in 0..<5_000 {
            let value = random.next() >> UInt64.random(in: 10..<64, using: &random)
            values.append(value)
            histogram.record(value, times: 1)
        }
        values.sort()
        for percent in [1, 10, 25, 50, 75, 90, 99, 100] {
            let exact = values[values.count * percent / 100 - 1]
            let said = histogram.percentile(Double(percent) / 100)
            #expect(said >= exact && said <= exact + exact / 8, "\(percent) percent")
        }
    }

    @Test(arguments: [0, 1, 7, 8, 9, 15, 16, 1 << 32, UInt64.max - 1, UInt64.max])
    func singleValueIsEveryPercentile(value: UInt64) {
        var histogram = DelayHistogram()
        histogram.record(value, times: 3)
        #expect(histogram.percentile(0) == value)
        #expect(histogram.percentile(1) == value)
        #expect(histogram.maximum == value)
    }

    @Test func timesCount() {
        var histogram = DelayHistogram()
        histogram.record(5, times: 99)
        histogram.record(1_000_000, times: 1)
        #expect(histogram.total == 100)
        #expect(histogram.percentile(0.99) == 5)
        #expect(histogram.percentile(1) == 1_000_000)
    }

    @Test func mergedHistogramsAreOneOfAllValues() {
        var (all, first, second) = (DelayHistogram(), DelayHistogram(), DelayHistogram())
        var random = SeededRandom(seed: 2)
        for step in 0..<1_000 {
            let value = random.next() >> 20
            all.record(value, times: 2)
            if step % 3 == 0 { first.record(value, times: 2) } else { second.record(value, times: 2) }
        }
        first.merge(second)
        #expect(first.total == all.total)
        #expect(first.maximum == all.maximum)
        for share in [0.1, 0.5, 0.9, 0.99] { #expect(first.percentile(share) == all.percentile(share)) }
    }

    @Test func whatCameSinceACopyIsCountedAlone() {
        var (all, later) = (DelayHistogram(), DelayHistogram())
        var random = SeededRandom(seed: 3)
        for _ in 0..<1_000 { all.record(random.next() >> 30, times: 3) }
        let copy = all
        #expect(all.since(copy).total == 0)
        for _ in 0..<1_000 {
            let value = random.next() >> 20
            all.record(value, times: 2)
            later.record(value, times: 2)
        }
        let rest = all.since(copy)
        #expect(rest.total == later.total)
        for share in [0.1, 0.5, 0.9, 0.99] { #expect(rest.percentile(share) == later.percentile(share)) }
        #expect(rest.maximum >= later.maximum && rest.maximum <= later.maximum + later.maximum / 8)
    }
}
