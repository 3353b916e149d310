import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct PostIDMintTests {
    static let noon: UInt64 = 1_700_000_000_000

    @Test func idsRiseWhateverTheClockDoes() {
        var random = SeededRandom(seed: 1)
        var mint = PostIDMint()
        let ids = (0..<20_000).map { _ in
            let time = Self.noon + UInt64.random(in: 0...3_600_000, using: &random)
            return mint.mint(milliseconds: time, slot: Int.random(in: 0..<Slot.count, using: &random))
        }
        #expect(Self.rise(ids))
    }

    private static func rise(_ ids: [PostID]) -> Bool { zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 } }

    @Test func clockThatWentBackKeepsTheLastTime() {
        var mint = PostIDMint()
        let first = mint.mint(milliseconds: Self.noon, slot: 5)
        let second = mint.mint(milliseconds: Self.noon - 3_600_000, slot: 5)
        #expect(second.milliseconds == Self.noon)
        #expect(second > first)
    }

    @Test func millisecondTakes4096PostsAndBorrowsTheNext() {
        var mint = PostIDMint()
        let ids = (0..<4_096).map { _ in mint.mint(milliseconds: Self.noon, slot: 1_023) }
        #expect(ids.allSatisfy { $0.milliseconds == Self.noon })
        #expect(mint.mint(milliseconds: Self.noon, slot: 0).milliseconds == Self.noon + 1)
        // The borrowed time is over only when the clock has passed it.
        #expect(mint.mint(milliseconds: Self.noon + 1, slot: 0).milliseconds == Self.noon + 1)
        #expect(mint.mint(milliseconds: Self.noon + 2, slot: 0).milliseconds == Self.noon + 2)
    }

    /// Ids of one millisecond rise although the slots fall.
    @Test func slotDoesNotDecideTheOrder() {
        var mint = PostIDMint()
        let high = mint.mint(milliseconds: Self.noon, slot: 1_023)
        let low = mint.mint(milliseconds: Self.noon, slot: 0)
        #expect(high < low)
    }

    @Test(arguments: [0, 1, 511, 1_023])
    func lowBitsAreTheSlot(slot: Int) {
        var mint = PostIDMint()
        for _ in 0..<3 {
            #expect(mint.mint(milliseconds: Self.noon, slot: slot).rawValue & 1_023 == UInt64(slot))
        }
    }

    /// A mint that has only seen the ids goes on as the one that made them.
    @Test func restartGoesOnWhereItWas() {
        var random = SeededRandom(seed: 2)
        var mint = PostIDMint()
        for step in 0..<5_000 {
            let id = mint.mint(milliseconds: Self.noon + UInt64(step / 4_500), slot: step % 1_024)
            if step % 500 != 499 { continue }
            var other = PostIDMint()
            other.observe(id)
            let time = Self.noon + UInt64.random(in: 0...2, using: &random)
            var same = mint
            #expect(other.mint(milliseconds: time, slot: 3) == same.mint(milliseconds: time, slot: 3))
        }
    }

    @Test func timeBeforeTheEpochBecomesTheEpoch() {
        var mint = PostIDMint()
        let first = mint.mint(milliseconds: 0, slot: 0)
        #expect(first.milliseconds == PostIDMint.epoch)
        #expect(mint.mint(milliseconds: PostIDMint.epoch - 1, slot: 0) > first)
    }

    /// 0 stands for no post everywhere.
    @Test(arguments: [0, PostIDMint.epoch])
    func noPostHasTheId0(milliseconds: UInt64) {
        var mint = PostIDMint()
        #expect(mint.mint(milliseconds: milliseconds, slot: 0).rawValue != 0)
    }

    @Test func idsRiseBeyondTheLastMillisecond() {
        var mint = PostIDMint()
        let ids = (0..<5_000).map { _ in mint.mint(milliseconds: .max, slot: 0) }
        #expect(ids.first?.milliseconds == PostIDMint.largestMilliseconds)
        #expect(Self.rise(ids))
    }
}
