import StarlingSystem
import Testing

@testable import StarlingEngine

/// A position as bytes, which come back from strangers.
@Suite struct RankedPositionTests {
    @Test func everyPositionComesBack() throws {
        var random = SeededRandom(seed: 3)
        for _ in 0..<500 {
            let highest = PostOrdinal.max >> UInt32.random(in: 0...31, using: &random)
            let bound = PostOrdinal.random(in: 1...highest, using: &random)
            let farthest = (PostOrdinal.max - bound) >> UInt32.random(in: 0...31, using: &random)
            let count = Int.random(in: 0...RankingSettings.candidatesLimit, using: &random)
            let rest = (0..<count).map { _ in bound + PostOrdinal.random(in: 0...farthest, using: &random) }
            let position = RankedPosition(rest: rest[...], bound: bound)
            let bytes = position.bytes
            #expect(bytes.count <= RankedPosition.maximumBytes)
            #expect(RankedPosition(bytes: bytes) == position)
            // A slice that does not begin at 0 is the same.
            let later = RankedPosition(rest: rest.dropFirst(3), bound: bound)
            #expect(RankedPosition(bytes: later.bytes) == later)
        }
    }

    @Test func threeHundredPostsAreSomeHundredBytes() {
        let rest = (0..<250).map { PostOrdinal(1_000_000 + $0 * 4_000) }
        #expect(RankedPosition(rest: rest[...], bound: 1_000_000).bytes.count < 640)
    }

    @Test func bytesThatAreNoneAreRefused() {
        let position = RankedPosition(rest: [9, 7, 12], bound: 7)
        for count in 0..<position.bytes.count { #expect(RankedPosition(bytes: position.bytes.prefix(count)) == nil) }
        #expect(RankedPosition(bytes: position.bytes + [0]) == nil)
        // More posts than there can be, wider ones, and ordinals beyond the last.
        #expect(RankedPosition(bytes: [0, 0, 0, 0, 0xff, 0xff, 0]) == nil)
        #expect(RankedPosition(bytes: [0, 0, 0, 0, 1, 0, 33, 0, 0, 0, 0, 0]) == nil)
        #expect(RankedPosition(bytes: [0xff, 0xff, 0xff, 0xff, 1, 0, 1, 1]) == nil)
        var random = SeededRandom(seed: 4)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if let found = RankedPosition(bytes: bytes) { #expect(found.rest.allSatisfy { $0 >= found.bound }) }
        }
    }

    /// Posts that do not exist, comments, and others' posts are in no feed, whoever made the bytes.
    @Test func strangePositionsShowNothing() throws {
        let fixture = try EngineFixture.small()
        try fixture.follow(1, 2)
        let post = try fixture.post(2)
        _ = try fixture.post(3)
        _ = try fixture.comment(2, on: post)
        let position = RankedPosition(rest: [0, 3, 2, 4, 1, .max], bound: 0)
        #expect(try fixture.rankedFeed(1, from: position) == [post])
        #expect(try fixture.rankedFeed(1, from: RankedPosition(rest: [], bound: .max)) == [post])
        #expect(try fixture.rankedFeed(9, from: position) == [])
    }
}
