import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// What is deleted leaves the disk, and nothing else does.
@Suite struct BodyErasureTests {
    /// Fills the active segment until it is sealed.
    private static func seal(_ fixture: EngineFixture) throws {
        for round in 0..<60 { _ = try fixture.post(900, "filler \(round) " + String(repeating: "x", count: 300)) }
    }

    private static func contains(_ fixture: EngineFixture, _ words: String) -> Bool {
        fixture.disk.files.contains { path in
            path.hasSuffix(".seg") && fixture.disk.contents(path)?.firstRange(of: Array(words.utf8)) != nil
        }
    }

    private static func body(_ fixture: EngineFixture, _ post: PostID) throws -> PostBody? {
        try fixture.engine.bodies(of: try fixture.lookUp([post], viewer: 5).found).first ?? nil
    }

    @Test(arguments: [false, true]) func wordsOfDeletedPostsAndAccountsLeaveTheDisk(snapshot: Bool) throws {
        // Compressed, words could not be looked for; so each is in a batch of its own, too small to compress.
        let fixture = try EngineFixture.small { $0.log.batchBytes = 1 }
        let bob = try fixture.register("bobs_name", hash: "bobs-secret-hash")
        let ann = try fixture.register("anns_name", hash: "anns-old-hash")
        let lost = try fixture.post(bob, "words-of-bob")
        let gone = try fixture.post(5, "words-of-a-deleted-post")
        let kept = try fixture.post(5, "words-that-stay")
        let change = CredentialsUpdate(checkedHash: "anns-old-hash", passwordHash: "anns-new-hash")
        try fixture.run(.account(.changeCredentials(change)), as: ann)
        try fixture.delete(gone, as: 5)
        _ = try fixture.deleteAccount(bob)
        if snapshot { try fixture.snapshot() }
        try Self.seal(fixture)
        let digest = try fixture.digest()
        #expect(Self.contains(fixture, "words-of-bob") && Self.contains(fixture, "bobs-secret-hash"))
        if snapshot { try fixture.restart(crash: .loseUnsynced) }
        fixture.engine.eraser.eraseAll()
        for words in ["words-of-bob", "words-of-a-deleted-post", "bobs_name", "bobs-secret-hash", "anns-old-hash"] {
            #expect(!Self.contains(fixture, words), "\(words)")
        }
        #expect(fixture.engine.erasureStatistics.pending == 0 && fixture.engine.erasureStatistics.bodies == 4)
        #expect(Self.contains(fixture, "words-that-stay") && Self.contains(fixture, "anns-new-hash"))
        #expect(try Self.body(fixture, kept)?.text == "words-that-stay")
        // Everything that is left folds to the same state, with the snapshot and without.
        for withSnapshot in [true, false] {
            if !withSnapshot {
                for path in fixture.disk.files where path.contains("/snapshots/") { try fixture.disk.remove(path) }
            }
            try fixture.restart(crash: .loseUnsynced, workers: 3)
            #expect(try fixture.digest() == digest)
            #expect(try fixture.find(.username("anns_name"))?.passwordHash == "anns-new-hash")
            #expect(try fixture.find(.username("bobs_name")) == nil)
            #expect(try fixture.lookUp([lost]).missing == [lost])
        }
    }

    @Test func whatIsInTheActiveSegmentWaitsAndNothingIsForgottenOverARestart() throws {
        let fixture = try EngineFixture.small { $0.log.batchBytes = 1 }
        let gone = try fixture.post(5, "words-of-a-deleted-post")
        try fixture.delete(gone, as: 5)
        fixture.engine.eraser.eraseAll()
        #expect(fixture.engine.erasureStatistics.pending == 1)
        try fixture.snapshot()
        try fixture.restart(crash: .loseUnsynced)
        #expect(fixture.engine.erasureStatistics.pending == 1)
        try Self.seal(fixture)
        fixture.engine.eraser.eraseAll()
        #expect(fixture.engine.erasureStatistics.pending == 0)
        #expect(!Self.contains(fixture, "words-of-a-deleted-post"))
    }

    /// A deletion that a power cut can still take back must not have cost the words.
    @Test func onlyWhatIsDurablyGoneIsErased() throws {
        let fixture = try EngineFixture.small {
            $0.log.batchBytes = 1
            $0.acknowledgement = .memory
        }
        let bob = try fixture.register("bob")
        let post = try fixture.post(bob, "words-of-bob")
        try Self.seal(fixture)
        let durable = fixture.engine.log.durableLSN
        _ = try fixture.deleteAccount(bob)
        #expect(fixture.engine.log.durableLSN == durable)
        fixture.engine.eraser.eraseAll()
        #expect(fixture.engine.erasureStatistics.bodies == 0 && fixture.engine.erasureStatistics.pending > 0)
        try fixture.restart(crash: .loseUnsynced)
        if fixture.engine.publishedLSN > 2 {
            #expect(try fixture.lookUp([post], viewer: 5).found.isEmpty || Self.body(fixture, post) != nil)
        }
    }
}
