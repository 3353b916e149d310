import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// What is deleted leaves the disk, and nothing else does.
@Suite struct BodyErasureTests {
    /// Fills the active segment until it is sealed.
    private static func seal(_ fixture: EngineFixture) throws {
        // Nothing that becomes shorter by compression.
        var random = SeededRandom(seed: 1)
        for _ in 0..<120 {
            let words = (0..<20).map { _ in String(random.next(), radix: 36) }
            _ = try fixture.post(900, words.joined())
        }
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

    private static func isOnDisk(_ fixture: EngineFixture, _ words: String) -> Bool {
        fixture.disk.files.contains { fixture.disk.contents($0)?.firstRange(of: Array(words.utf8)) != nil }
    }

    /// Nothing else is written and no segment fills: the deleted account is gone all the same, from log and snapshots, within the
    /// time that was set.
    @Test(arguments: [false, true]) func aDeletedAccountIsGoneFromTheDiskInTime(restart: Bool) throws {
        let fixture = try EngineFixture.small {
            $0.log.batchBytes = 1
            $0.eraseWithinMilliseconds = 600_000
        }
        let bob = try fixture.register("bobs_name", hash: "bobs-secret-hash")
        let ann = try fixture.register("anns_name", hash: "anns-secret-hash")
        _ = try fixture.post(bob, "words-of-bob")
        for _ in 0..<2 {
            try fixture.snapshot()
            _ = try fixture.post(ann, "words-of-ann")
        }
        _ = try fixture.deleteAccount(bob)
        let words = ["bobs_name", "bobs-secret-hash", "words-of-bob"]
        for minute in 0..<25 {
            fixture.time.advance(milliseconds: 60_000)
            fixture.engine.stepEraser()
            fixture.settle()
            if minute == 5 {
                for word in words { #expect(Self.isOnDisk(fixture, word), "\(word)") }
                if restart { try fixture.restart(crash: .loseUnsynced, workers: 3) }
            }
            if minute == 14, !restart { #expect(!Self.contains(fixture, "words-of-bob")) }
        }
        for word in words { #expect(!Self.isOnDisk(fixture, word), "\(word)") }
        // What is not asked for any more costs nothing any more.
        let lsn = fixture.engine.publishedLSN
        for _ in 0..<30 {
            fixture.time.advance(milliseconds: 60_000)
            fixture.engine.stepEraser()
            fixture.settle()
        }
        #expect(fixture.engine.publishedLSN == lsn && fixture.engine.erasureStatistics.pending == 0)
        let digest = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced, workers: 2)
        #expect(try fixture.digest() == digest)
        #expect(try fixture.find(.username("anns_name"))?.passwordHash == "anns-secret-hash")
    }

    /// Comments, changed posts and changed comments: what nobody reads any more leaves the disk.
    @Test(arguments: [false, true]) func wordsThatWereChangedOrCommentedLeaveTheDisk(snapshot: Bool) throws {
        let fixture = try EngineFixture.small { $0.log.batchBytes = 1 }
        func comment(_ post: PostID, by user: UInt64, _ text: String) throws -> PostID {
            let receipt = try fixture.run(.createComment(NewComment(post: post, text: text)), as: user)
            guard case .comment(let id) = receipt.outcome else { throw UnexpectedOutcome() }
            return id
        }
        func edit(_ post: PostID, _ edits: UInt16, _ text: String) throws {
            let body = PostBody(NewPost(author: UserID(rawValue: 5), text: text))
            try fixture.run(.editPost(PostEdit(post: post, body: body, edits: edits)), as: 5)
        }
        let bob = try fixture.register("bob")
        let post = try fixture.post(5, "first-words")
        try edit(post, 0, "second-words")
        try edit(post, 1, "third-words")
        let gone = try fixture.post(5, "words-before-deletion")
        try fixture.run(
            .editPost(
                PostEdit(
                    post: gone, body: PostBody(NewPost(author: UserID(rawValue: 5), text: "changed-before-deletion")),
                    edits: 0)), as: 5)
        let kept = try comment(post, by: 6, "comment-first")
        try fixture.run(.editComment(kept, "comment-second"), as: 6)
        let deleted = try comment(post, by: 6, "comment-deleted")
        for text in ["bobs-first-comment", "bobs-second-comment"] { _ = try comment(post, by: bob, text) }
        try fixture.run(.deleteComment(deleted), as: 6)
        try fixture.delete(gone, as: 5)
        if snapshot {
            try fixture.snapshot()
            try fixture.restart(crash: .loseUnsynced)
        }
        _ = try fixture.deleteAccount(bob)
        fixture.settle()
        try Self.seal(fixture)
        let digest = try fixture.digest()
        fixture.engine.eraser.eraseAll()
        for words in [
            "first-words", "second-words", "words-before-deletion", "changed-before-deletion", "comment-first",
            "comment-deleted", "bobs-first-comment", "bobs-second-comment",
        ] { #expect(!Self.contains(fixture, words), "\(words)") }
        #expect(Self.contains(fixture, "third-words") && Self.contains(fixture, "comment-second"))
        #expect(fixture.engine.erasureStatistics.pending == 0)
        #expect(try Self.body(fixture, post)?.text == "third-words")
        for path in fixture.disk.files where path.contains("/snapshots/") { try fixture.disk.remove(path) }
        try fixture.restart(crash: .loseUnsynced, workers: 3)
        #expect(try fixture.digest() == digest)
        #expect(try Self.body(fixture, post)?.text == "third-words")
    }
}
