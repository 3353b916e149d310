import StarlingEngine
import StarlingSystem
import Testing

@testable import StarlingServer

/// Cursors by themselves: positions survive, everything else is refused.
@Suite struct CursorSignerTests {
    private static let signer = CursorSigner(key: Array(0..<32))
    private static let lists: [CursorSigner.List] = [.feed, .userPosts, .following, .followers]

    @Test func positionsSurvive() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<300 {
            let position = PagePosition(rawValue: random.next() >> (random.next() % 64))
            let owner = UserID(rawValue: random.next())
            let list = Self.lists[Int(random.next() % 4)]
            let cursor = Self.signer.cursor(position, of: list, owner: owner)
            #expect(try Self.signer.position(cursor, of: list, owner: owner)?.rawValue == position.rawValue)
            #expect(cursor.utf8.count == 23, "17 bytes in base64url")
            #expect(cursor.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        }
    }

    @Test(arguments: [0, 1, UInt64.max]) func theEndsOfTheRange(value: UInt64) throws {
        let cursor = Self.signer.cursor(PagePosition(rawValue: value), of: .feed, owner: UserID(rawValue: value))
        #expect(try Self.signer.position(cursor, of: .feed, owner: UserID(rawValue: value))?.rawValue == value)
    }

    @Test func anEmptyCursorBeginsAnew() throws {
        #expect(try Self.signer.position("", of: .feed, owner: UserID(rawValue: 1)) == nil)
    }

    @Test func otherListsUsersAndKeysAreRefused() {
        let (one, two) = (UserID(rawValue: 1), UserID(rawValue: 2))
        let cursor = Self.signer.cursor(PagePosition(rawValue: 7), of: .feed, owner: one)
        for list in Self.lists where list != .feed {
            #expect(throws: Problem.self) { try Self.signer.position(cursor, of: list, owner: one) }
        }
        #expect(throws: Problem.self) { try Self.signer.position(cursor, of: .feed, owner: two) }
        let stranger = CursorSigner(key: Array(1..<33))
        #expect(throws: Problem.self) { try stranger.position(cursor, of: .feed, owner: one) }
    }

    /// Every text that is one character away, also those that differ only in bits that base64 leaves over.
    @Test func everyOtherTextIsRefused() {
        let owner = UserID(rawValue: 1)
        let cursor = Self.signer.cursor(PagePosition(rawValue: 0xdead_beef), of: .feed, owner: owner)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \u{0}\u{fc}"
        for place in cursor.indices {
            for character in alphabet where character != cursor[place] {
                let text = cursor[..<place] + String(character) + cursor[cursor.index(after: place)...]
                #expect(throws: Problem.self) { try Self.signer.position(String(text), of: .feed, owner: owner) }
            }
        }
    }

    @Test func randomTextsAreRefused() {
        var random = SeededRandom(seed: 2)
        for length in 1..<300 {
            let text = String(decoding: (0..<length).map { _ in UInt8(random.next() % 128) }, as: UTF8.self)
            #expect(throws: Problem.self) { try Self.signer.position(text, of: .feed, owner: UserID(rawValue: 1)) }
        }
    }

    /// The longest fits into what a request may have.
    @Test func rankedPositionsSurviveAndOtherTextsAreRefused() throws {
        let (one, two) = (UserID(rawValue: 1), UserID(rawValue: 2))
        var random = SeededRandom(seed: 2)
        for count in [0, 1, 2, 250, RankingSettings.candidatesLimit] {
            // A bound, the count, and 32 bits for each post.
            var bytes: [UInt8] = [1, 0, 0, 0, UInt8(count % 256), UInt8(count / 256), 31]
            bytes += (0..<(count * 31 + 7) / 8).map { _ in UInt8.random(in: 0...255, using: &random) }
            let position = try #require(RankedPosition(bytes: bytes))
            let cursor = Self.signer.rankedCursor(position, owner: one)
            #expect(cursor.utf8.count <= 5_400)
            #expect(try Self.signer.rankedPosition(cursor, owner: one) == position)
            #expect(throws: Problem.self) { try Self.signer.rankedPosition(cursor, owner: two) }
            #expect(throws: Problem.self) { try Self.signer.position(cursor, of: .feed, owner: one) }
            #expect(throws: Problem.self) { try Self.signer.rankedPosition(cursor + "=", owner: one) }
            for place in cursor.indices.shuffled(using: &random).prefix(20) {
                var other = cursor
                other.replaceSubrange(place...place, with: cursor[place] == "A" ? "B" : "A")
                #expect(throws: Problem.self) { try Self.signer.rankedPosition(other, owner: one) }
            }
        }
        #expect(try Self.signer.rankedPosition("", owner: one) == nil)
        let plain = Self.signer.cursor(PagePosition(rawValue: 5), of: .rankedFeed, owner: one)
        #expect(throws: Problem.self) { try Self.signer.rankedPosition(plain, owner: one) }
    }
}
