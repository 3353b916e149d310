import StarlingMemory
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct IdempotencyTableTests {
    private typealias Modelled = ModelledIdempotencyTable

    private static func entry(_ lsn: UInt64, at time: UInt64 = 0) -> IdempotencyTable.Entry {
        .init(fingerprint: .zero, lsn: lsn, milliseconds: time, answer: .post(PostID(rawValue: lsn)))
    }

    private static func key(_ text: String, actor: UInt64 = 1) -> IdempotencyTable.Key {
        .init(actor: actor, text: text)
    }

    /// An entry as large as a request's can be.
    private static func largestRequest(
        _ number: Int, at time: UInt64
    ) -> (IdempotencyTable.Key, IdempotencyTable.Entry) {
        let suffix = "\u{1f}\(UInt64.max)/9999"
        let digits = String(number)
        let text = digits + String(repeating: "k", count: PostRules.maximumKeyBytes - digits.utf8.count) + suffix
        let rows = RowOutcomes([0] + [UInt32](repeating: 1, count: Command.maximumRows - 1))
        return (key(text), .init(fingerprint: .zero, lsn: 1, milliseconds: time, answer: .follows(rows)))
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>, [0, 8, 1_000, 100_000, .max] as [UInt64])
    func randomStepsGiveWhatTheModelGives(seed: UInt64, retention: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var both = try Modelled(
            keyCount: Int.random(in: 1...150, using: &random), retention: min(retention, 1 << 40), random: &random)
        for number in 0..<1_500 {
            if let wrong = both.step(&random) {
                Issue.record("step \(number): \(wrong)")
                return
            }
        }
        #expect(both.difference() == nil)
    }

    @Test func longestRetentionNeverEnds() throws {
        let table = try Modelled.makeTable(retention: .max)
        try table.insert(Self.key("k"), Self.entry(1, at: 1))
        table.expire(now: .max)
        #expect(table.entry(Self.key("k"), now: .max)?.lsn == 1)
    }

    @Test func keyIsFreeFromTheEndOfItsTimeOn() throws {
        let table = try Modelled.makeTable(retention: 10)
        try table.insert(Self.key("k"), Self.entry(1, at: 5))
        #expect(table.entry(Self.key("k"), now: 14)?.lsn == 1)
        #expect(table.entry(Self.key("k"), now: 15) == nil)
        // A clock that is behind the record frees nothing.
        #expect(table.entry(Self.key("k"), now: 4)?.lsn == 1)
    }

    @Test func lookUpForgetsNothing() throws {
        let table = try Modelled.makeTable(retention: 10)
        try table.insert(Self.key("k"), Self.entry(1, at: 5))
        #expect(table.entry(Self.key("k"), now: 1_000) == nil)
        #expect(table.hasRoom(limit: 1, now: 1_000))
        #expect(table.entry(Self.key("k"), now: 6)?.lsn == 1)
    }

    @Test func youngerEntryOfAKeyOutlivesTheOlder() throws {
        let table = try Modelled.makeTable(retention: 10)
        try table.insert(Self.key("k"), Self.entry(1, at: 0))
        try table.insert(Self.key("k"), Self.entry(2, at: 5))
        #expect(table.count == 1)
        table.expire(now: 10)
        #expect(table.entry(Self.key("k"), now: 10)?.lsn == 2)
        #expect(table.count == 1 && table.brokenInvariant() == nil)
        table.expire(now: 15)
        #expect(table.count == 0 && table.brokenInvariant() == nil)
    }

    @Test func keysDifferByActorAndByEveryByteOfTheText() throws {
        let table = try Modelled.makeTable()
        let texts = ["k", "k\0", "K", "kk", String(repeating: "k", count: 56), String(repeating: "k", count: 57)]
        let endings = ["a", "b"].map { String(repeating: "k", count: 600) + $0 }
        let keys = (texts + endings).flatMap { [Self.key($0, actor: 1), Self.key($0, actor: 1 << 63)] }
        for (number, key) in keys.enumerated() { try table.insert(key, Self.entry(UInt64(number))) }
        #expect(keys.map { table.entry($0, now: 0)?.lsn } == keys.indices.map { UInt64($0) })
        #expect(table.entry(Self.key("", actor: 1), now: 0) == nil)
    }

    @Test(arguments: [0, 1, 3, 4, 5, 1_001, 200_003])
    func longAnswersAreGivenAgainWhole(rows count: Int) throws {
        var random = SeededRandom(seed: UInt64(count))
        let rows = ModelledIdempotencyTable.randomRows(count, &random)
        let table = try Modelled.makeTable()
        // A key of every length from the end of the first cell to the end of the second.
        for length in 50...190 where count < 10 || length.isMultiple(of: 35) {
            let key = Self.key(String(repeating: "k", count: length))
            try table.insert(key, .init(fingerprint: .zero, lsn: 1, milliseconds: 0, answer: .follows(rows)))
            guard case .follows(let again)? = table.entry(key, now: 0)?.answer, again.rows == rows.rows else {
                Issue.record("a key of \(length) bytes gives another answer")
                continue
            }
        }
        #expect(table.brokenInvariant() == nil)
    }

    /// Texts that share a Murmur3 whatever its seed, and so would share a bucket of a table that hashes with it.
    @Test func chosenTextsDoNotCollide() throws {
        var random = SeededRandom(seed: 3)
        let texts = MurmurCollision.texts(&random)
        func hashes(_ hash: (UnsafeRawBufferPointer) -> UInt64) -> Set<UInt64> {
            Set(texts.map { text in Array(text.utf8).withUnsafeBytes { hash($0) } })
        }
        #expect(hashes { Murmur3.hash($0, seed: Hash128(high: 5, low: 9)).low }.count == 1)
        #expect(hashes { SipHash.hash(1, $0, key: Hash128(high: 5, low: 9)) }.count == 16)
    }

    @Test func keysWithTheSameHashAreApart() throws {
        let table = try Modelled.makeTable(retention: 10, seed: 5)
        var numbers: [UInt32: Int] = [:]
        var alike: [String] = []
        // Of so many, some are alike in the 32 bits that are kept.
        for number in 0..<300_000 where alike.count < 4 {
            let text = Array("key \(number)".utf8)
            let hash = text.withUnsafeBytes { IdempotencyTable.hash(actor: Self.key("").actor, $0, seed: 5) }
            if let other = numbers.updateValue(number, forKey: hash) { alike += ["key \(other)", "key \(number)"] }
        }
        try #require(alike.count == 4)
        for (number, text) in alike.enumerated() {
            try table.insert(Self.key(text), Self.entry(UInt64(number), at: UInt64(number)))
        }
        #expect(alike.map { table.entry(Self.key($0), now: 9)?.lsn } == (0..<4).map { $0 })
        table.expire(now: 11)
        #expect(alike.map { table.entry(Self.key($0), now: 9)?.lsn } == (0..<4).map { $0 < 2 ? nil : $0 })
        #expect(table.brokenInvariant() == nil)
    }

    @Test func bucketsGrowWithTheKeysOneAtATime() throws {
        let table = try Modelled.makeTable()
        var before = 0
        for number in 0..<9_000 as Range<UInt64> {
            try table.insert(Self.key("key \(number)"), Self.entry(number))
            #expect(number == 0 || table.buckets.count - before <= 1)
            before = table.buckets.count
            if number.isMultiple(of: 997) { #expect(table.brokenInvariant() == nil) }
        }
        #expect(table.buckets.count == 9_000)
        for number in 0..<9_000 as Range<UInt64> where table.entry(Self.key("key \(number)"), now: 0)?.lsn != number {
            Issue.record("key \(number) is not found")
        }
        #expect(table.brokenInvariant() == nil)
    }

    @Test func whatAStepOfExpiryLeavesIsNotFound() throws {
        let table = try Modelled.makeTable(retention: 10)
        for number in 0..<10 as Range<UInt64> { try table.insert(Self.key("\(number)"), Self.entry(number)) }
        table.expire(now: 10, limit: 4)
        #expect(table.count == 6 && table.brokenInvariant() == nil)
        #expect((0..<10).allSatisfy { table.entry(Self.key("\($0)"), now: 10) == nil })
        table.expire(now: 10)
        #expect(table.count == 0)
    }

    @Test func expiredMemoryIsUsedAgain() throws {
        let table = try Modelled.makeTable(retention: 100)
        var random = SeededRandom(seed: 4)
        var touched = 0
        for time in 0..<4_000 as Range<UInt64> {
            table.expire(now: time)
            let text = String(repeating: "k", count: Int.random(in: 1...300, using: &random)) + "\(time)"
            try table.insert(Self.key(text), Self.entry(time, at: time))
            if time == 1_000 { touched = table.arena.bytesTouched }
        }
        #expect(table.count == 100)
        #expect(table.arena.bytesTouched < touched * 2)
    }

    @Test func whereThereIsRoomTheLargestRequestFits() throws {
        let table = try Modelled.makeTable(retention: 1_000, arenaBytes: 64 << 10)
        for round in 0..<20 as Range<UInt64> {
            let time = round * 1_000
            var number = 0
            while table.hasRoom(limit: .max, now: time) {
                table.expire(now: time)
                let (key, entry) = Self.largestRequest(number, at: time)
                try table.insert(key, entry)
                number += 1
            }
            // 64 KiB hold some ten of them, in the first round and in all others.
            #expect((9...12).contains(number), "round \(round): \(number)")
            #expect(table.brokenInvariant() == nil)
        }
    }

    @Test func whereThereIsRoomARequestFitsAlsoWhenTheClockGoesBackBeforeItsRecord() throws {
        let table = try Modelled.makeTable(retention: 1_000, arenaBytes: 64 << 10)
        var number = 0
        while table.freeCells > IdempotencyTable.largestRequestCells {
            try table.insert(Self.key("\(number)"), Self.entry(0))
            number += 1
        }
        #expect(!table.hasRoom(limit: .max, now: 999) && table.hasRoom(limit: .max, now: 1_000))
        let (key, entry) = Self.largestRequest(0, at: 999)
        table.expire(now: 999)
        try table.insert(key, entry)
        // Nothing is left for a second one, unless a record frees it.
        #expect(table.freeCells == 0 && !table.hasRoom(limit: .max, now: 1_000))
        table.expire(now: 1_000)
        #expect(table.hasRoom(limit: .max, now: 1_000) && table.brokenInvariant() == nil)
    }

    @Test func fullTableRefusesAKeyAndStaysAsItWas() throws {
        let table = try Modelled.makeTable(arenaBytes: 4_096)
        var number: UInt64 = 0
        while table.freeCells > 1 {
            try table.insert(Self.key("\(number)"), Self.entry(number))
            number += 1
        }
        #expect(!table.hasRoom(limit: .max, now: 0))
        #expect(throws: ArenaError.outOfRoom(needed: 256, left: 128)) {
            try table.insert(Self.key(String(repeating: "k", count: 57)), Self.entry(0))
        }
        // In place of an older one, too: that keeps its cell until its time is over.
        try table.insert(Self.key("0"), Self.entry(77))
        #expect(throws: ArenaError.outOfRoom(needed: 128, left: 0)) {
            try table.insert(Self.key("1"), Self.entry(78))
        }
        #expect(table.entry(Self.key("0"), now: 0)?.lsn == 77 && table.entry(Self.key("1"), now: 0)?.lsn == 1)
        #expect(table.count == Int(number) && table.brokenInvariant() == nil)
    }

    @Test func numberOfARowThatNoVersionKnowsCountsAsRefused() {
        let rows = RowOutcomes([0, 1, 2, 3, 4, 5, .max]).rows
        #expect(rows == [.refused, .added, .present, .requested, .waiting, .refused, .refused])
        #expect(RowOutcomes([9, 9]).rows == [.refused, .refused] && RowOutcomes([]).rows == [])
    }
}
