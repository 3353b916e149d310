import StarlingLog
import StarlingSimulation
import StarlingTopics
import Testing

@testable import StarlingEngine

/// Posts that are held back: each rule by itself.
@Suite struct ModerationTests {
    private func outside(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> EngineFixture {
        try EngineFixture.small {
            $0.moderation = .outside
            change(&$0)
        }
    }

    @Test(arguments: 1...3) func aPendingPostIsItsAuthorsAlone(workers: Int) throws {
        let fixture = try outside { $0.workers = workers }
        try fixture.follow(2, 1)
        let post = try fixture.heldPost(1, "wait")
        #expect(post.state == .pending)
        func check() throws {
            #expect(try fixture.feed(2).isEmpty)
            #expect(try fixture.posts(of: 1, viewer: 2).isEmpty && fixture.posts(of: 1).isEmpty)
            #expect(try fixture.posts(of: 1, viewer: 1) == [post.id])
            #expect(try fixture.lookUp([post.id], viewer: 2).missing == [post.id])
            #expect(try fixture.lookUp([post.id]).missing == [post.id])
            #expect(try fixture.lookUp([post.id], viewer: 1).details[0].state == .pending)
            #expect(try fixture.comments(post.id, viewer: 2) == nil)
            #expect(try fixture.profile(1).postCount == 0 && fixture.statistics().posts == 0)
            #expect(try fixture.pending() == [post.id])
            #expect(try fixture.delivery(post.id) == nil)
            #expect(try fixture.statistics().pushed == 0)
        }
        try check()
        // Nobody but the author can do anything with it.
        #expect(try fixture.refusal(.react(.post(post.id), .like), as: 2) == "postNotFound")
        #expect(try fixture.refusal(.createComment(NewComment(post: post.id, text: "?")), as: 2) == "postNotFound")
        var reply = NewPost(author: UserID(rawValue: 2), text: "reply")
        reply.replyTo = post.id
        #expect(try fixture.refusal(.createPost(reply), as: 2) == "postNotFound")
        for crash in [nil, CrashMode.loseUnsynced] {
            try fixture.restart(crash: crash, workers: workers % 3 + 1)
            try check()
        }
        #expect(try fixture.approve(post.id))
        #expect(try fixture.feed(2) == [post.id])
        #expect(try !fixture.approve(post.id))
        #expect(try fixture.pending().isEmpty)
        #expect(try fixture.profile(1).postCount == 1 && fixture.statistics().posts == 1)
        #expect(try fixture.delivery(post.id)?.pushed == 1)
        try fixture.restart(crash: .loseUnsynced, workers: workers)
        #expect(try fixture.feed(2) == [post.id] && fixture.pending().isEmpty)
    }

    @Test func anApprovedPostComesToItsOwnPlace() throws {
        let fixture = try outside()
        try fixture.follow(9, 1)
        try fixture.follow(9, 2)
        let posts = try (0..<8).map { try fixture.heldPost($0 % 2 + 1, "\($0)").id }
        // In any order of the judgements.
        for place in [3, 0, 7, 5, 1] { try fixture.approve(posts[place]) }
        #expect(try fixture.feed(9, limit: 2) == [7, 5, 3, 1, 0].map { posts[$0] })
        #expect(try fixture.posts(of: 2, viewer: 9) == [7, 5, 3, 1].map { posts[$0] })
        #expect(try fixture.pending() == [2, 4, 6].map { posts[$0] })
        // One that comes behind a page is on a later one; one that comes before it is on none of this reading.
        let first = try fixture.feedPage(9, limit: 2)
        try fixture.approve(posts[6])
        try fixture.approve(posts[2])
        let rest = try fixture.feedPage(9, from: first.next, limit: 10)
        #expect(rest.entries.map(\.post) == [3, 2, 1, 0].map { posts[$0] })
        #expect(try fixture.feed(9) == [7, 6, 5, 3, 2, 1, 0].map { posts[$0] })
    }

    @Test func whoeverFollowsOrIsBackOrIsPulledInBetweenSeesItOnce() throws {
        let fixture = try outside { $0.celebrityThreshold = 4 }
        try fixture.follow(10, 1)
        let post = try fixture.heldPost(1).id
        try fixture.follow(11, 1)
        try fixture.follow(12, 1)
        try fixture.unfollow(10, 1)
        try fixture.run(.setReadersAway([UserID(rawValue: 12)], true), as: 0)
        try fixture.approve(post)
        try fixture.run(.setReadersAway([UserID(rawValue: 12)], false), as: 0)
        #expect(try fixture.feed(10).isEmpty)
        for reader in [11, 12] as [UInt64] { #expect(try fixture.feed(reader) == [post]) }
        // Pulled from the fourth follower on.
        let second = try fixture.heldPost(1).id
        try fixture.follow(13, 1)
        try fixture.follow(14, 1)
        #expect(try fixture.profile(1).isPulled)
        try fixture.approve(second)
        let third = try fixture.heldPost(1).id
        for reader in 12...14 as ClosedRange<UInt64> { #expect(try fixture.feed(reader) == [second, post]) }
        try fixture.approve(third)
        for reader in 11...14 as ClosedRange<UInt64> { #expect(try fixture.feed(reader) == [third, second, post]) }
        let record = try #require(try fixture.delivery(third))
        #expect(record.pulled == 4 && record.pushed == 0)
    }

    @Test func aPostThatIsLetGoComesBelowTheFloorToo() throws {
        let fixture = try outside { $0.timelineCap = 5 }
        try fixture.follow(9, 1)
        let early = try fixture.heldPost(1, "early").id
        var posts: [PostID] = []
        for number in 0..<300 {
            posts.append(try fixture.heldPost(1, "\(number)").id)
            try fixture.approve(posts[number])
        }
        try fixture.approve(early)
        #expect(try fixture.feed(9, limit: 100) == posts.reversed() + [early])
        let record = try #require(try fixture.delivery(early))
        #expect(record.targeted == 1 && record.pushed == 0)
    }

    @Test func blockedPostsAreGoneForOthersAndTheAuthorIsTold() throws {
        let fixture = try outside()
        try fixture.follow(2, 1)
        let post = try fixture.heldPost(1).id
        #expect(try fixture.blockPost(post, "not here", as: 7))
        #expect(try !fixture.blockPost(post, "not here", as: 7))
        #expect(try fixture.feed(2).isEmpty && fixture.pending().isEmpty)
        #expect(try fixture.lookUp([post], viewer: 1).details[0].state == .blocked)
        #expect(try fixture.blockNotices(1).map(\.post) == [post])
        #expect(try fixture.blockNotices(1).map(\.reason) == ["not here"])
        #expect(try fixture.notifications(1).entries[0].actor == nil)
        try fixture.restart(crash: .loseUnsynced, workers: 3)
        #expect(try fixture.blockNotices(1).map(\.reason) == ["not here"])
        // The moderator thinks again: the notice goes with its cause.
        #expect(try fixture.approve(post))
        #expect(try fixture.feed(2) == [post] && fixture.blockNotices(1).isEmpty)
        // What others have seen can be blocked too, and comes back.
        #expect(try fixture.blockPost(post))
        #expect(try fixture.feed(2).isEmpty && fixture.profile(1).postCount == 0)
        #expect(try fixture.approve(post))
        #expect(try fixture.feed(2) == [post] && fixture.profile(1).postCount == 1)
        #expect(try fixture.delivery(post)?.pushed == 1)
        #expect(
            try fixture.refusal(
                .blockPost(PostJudgement(post: post), reason: String(repeating: "x", count: 1_001)), as: 0)
                == "invalid(reason)")
        #expect(try fixture.refusal(.approvePost(PostJudgement(post: PostID(rawValue: 5))), as: 0) == "postNotFound")
    }

    @Test func whatIsDeletedIsNotJudged() throws {
        let fixture = try outside()
        try fixture.follow(2, 1)
        let (first, second) = (try fixture.heldPost(1).id, try fixture.heldPost(1).id)
        try fixture.blockPost(second)
        for post in [first, second] {
            try fixture.delete(post, as: 1)
            #expect(try fixture.refusal(.approvePost(PostJudgement(post: post)), as: 0) == "postNotFound")
        }
        #expect(try fixture.pending().isEmpty && fixture.posts(of: 1, viewer: 1).isEmpty)
        #expect(try fixture.profile(1).postCount == 0)
        let digest = try fixture.digest()
        for workers in [1, 3] {
            try fixture.restart(workers: workers)
            #expect(try fixture.digest() == digest)
        }
    }

    @Test func changedPostsAreJudgedAgain() throws {
        let fixture = try outside()
        try fixture.follow(2, 1)
        let post = try fixture.heldPost(1, "fine").id
        try fixture.approve(post)
        #expect(try fixture.edit(post, as: 1, "changed").outcome.isChange)
        #expect(try fixture.feed(2).isEmpty && fixture.pending() == [post])
        #expect(try fixture.text(post, viewer: 1) == "changed")
        // Who has read another version judges nothing.
        #expect(try fixture.refusal(.approvePost(PostJudgement(post: post, version: 0)), as: 0) == "editConflict")
        #expect(
            try fixture.refusal(.blockPost(PostJudgement(post: post, version: 2), reason: ""), as: 0) == "editConflict")
        #expect(try fixture.approve(post, version: 1))
        #expect(try fixture.feed(2) == [post] && fixture.text(post, viewer: 2) == "changed")
        #expect(try fixture.delivery(post)?.pushed == 1)
        // Blocked, it waits again once it is changed.
        try fixture.blockPost(post)
        _ = try fixture.edit(post, as: 1, "better")
        #expect(try fixture.pending() == [post] && fixture.blockNotices(1).isEmpty)
        try fixture.approve(post)
        #expect(try fixture.text(post, viewer: 2) == "better")
    }

    @Test func repostsCountWhileTheyAreShown() throws {
        let fixture = try outside()
        let original = try fixture.heldPost(1).id
        try fixture.approve(original)
        var repost = NewPost(author: UserID(rawValue: 2), text: "")
        repost.repostOf = original
        guard case .heldPost(let id, .pending) = try fixture.run(.createPost(repost), as: 2).outcome else {
            throw UnexpectedOutcome()
        }
        #expect(try fixture.counts(original).reposts == 0)
        try fixture.approve(id)
        #expect(try fixture.counts(original).reposts == 1)
        try fixture.blockPost(id)
        #expect(try fixture.counts(original).reposts == 0)
        try fixture.delete(id, as: 2)
        #expect(try fixture.counts(original).reposts == 0)
    }

    @Test func aRepeatedKeyGetsTheFirstAnswer() throws {
        let fixture = try outside()
        let first = try fixture.heldPost(1, "once", key: "k")
        try fixture.approve(first.id)
        for restart in [false, true] {
            if restart { try fixture.restart(crash: .loseUnsynced) }
            let again = try fixture.heldPost(1, "once", key: "k")
            #expect(again.id == first.id && again.state == .pending && again.isReplay)
        }
        let judgement = Command.blockPost(PostJudgement(post: first.id), reason: "no")
        #expect(try fixture.change(judgement, as: 7, key: "b"))
        #expect(try fixture.change(judgement, as: 7, key: "b"))
        #expect(try !fixture.change(judgement, as: 7, key: "c"))
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.change(judgement, as: 7, key: "b"))
        #expect(try !fixture.change(judgement, as: 7, key: "c"))
        #expect(
            try fixture.refusal(.approvePost(PostJudgement(post: first.id)), as: 7, key: "b") == "idempotencyKeyReused")
        let rows = try fixture.importPosts(
            (0..<3).map { NewPost(author: UserID(rawValue: 3), text: "\($0)") }, key: "i")
        let repeated = try fixture.importPosts(
            (0..<3).map { NewPost(author: UserID(rawValue: 3), text: "\($0)") }, key: "i")
        #expect(repeated.isReplay && repeated.rows.map { try? $0.get() } == rows.rows.map { try? $0.get() })
        #expect(try fixture.pending().count == 3)
    }

    @Test func rulesBlockWhatIsWrittenFromThenOn() throws {
        let fixture = try EngineFixture.small { $0.moderation = .rules }
        try fixture.follow(2, 1)
        let before = try fixture.heldPost(1, "some spam")
        #expect(before.state == .published)
        #expect(try fixture.setRules(words: ["spam"], patterns: ["buy*now"]))
        #expect(try !fixture.setRules(words: ["spam"], patterns: ["buy*now"]))
        let spam = try fixture.heldPost(1, "more SPAM")
        let fine = try fixture.heldPost(1, "fine")
        #expect(spam.state == .blocked && fine.state == .published)
        #expect(try fixture.feed(2) == [fine.id, before.id])
        #expect(try fixture.blockNotices(1).map(\.reason) == ["it holds the blocked word \"spam\""])
        // Other words free it, bad ones block again.
        _ = try fixture.edit(spam.id, as: 1, "better")
        #expect(try fixture.feed(2) == [fine.id, spam.id, before.id])
        #expect(try fixture.delivery(spam.id)?.pushed == 1)
        _ = try fixture.edit(fine.id, as: 1, "Buy-it-Now")
        #expect(try fixture.feed(2) == [spam.id, before.id])
        #expect(try fixture.blockNotices(1).map(\.reason) == ["it holds the blocked pattern \"buy*now\""])
        // What a moderator has blocked, no change frees.
        try fixture.blockPost(fine.id, "no")
        _ = try fixture.edit(fine.id, as: 1, "harmless")
        #expect(try fixture.feed(2) == [spam.id, before.id])
        try fixture.approve(fine.id)
        #expect(try fixture.feed(2) == [fine.id, spam.id, before.id])
        let rows = try fixture.importPosts(
            ["ok", "spam"].map { NewPost(author: UserID(rawValue: 1), text: $0) }
        ).rows.map { try $0.get() }
        #expect(try fixture.lookUp(rows, viewer: 2).missing == [rows[1]])
    }

    @Test func rulesOutliveEverything() throws {
        let fixture = try EngineFixture.small {
            $0.moderation = .rules
            $0.snapshots.records = 20
            $0.retention.bytes = 1
        }
        try fixture.setRules(words: ["spam"], patterns: ["buy*now"])
        let set = try fixture.rules()
        #expect(set.words == ["spam"] && set.patterns == ["buy*now"] && set.version > 0)
        try EngineFixture.fill(fixture, rounds: 200)
        #expect(fixture.engine.firstLSN > set.version)
        for workers in [1, 3, 2] {
            try fixture.restart(crash: .loseUnsynced, workers: workers)
            let kept = try fixture.rules()
            #expect(kept.words == set.words && kept.patterns == set.patterns && kept.version == set.version)
            #expect(try fixture.heldPost(1, "spam").state == .blocked)
        }
        try fixture.setRules()
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.rules().words.isEmpty)
        #expect(try fixture.heldPost(1, "spam").state == .published)
    }

    /// The rules are asked before a post waits for the sequencer, and new ones may overtake it.
    @Test func rulesThatChangeMeanwhileAreAskedAgain() throws {
        let fixture = try EngineFixture.small { $0.moderation = .rules }
        let rules = try ModerationRules(words: ["spam"], patterns: [])
        let set = fixture.submit(.setModerationRules(rules), as: 0)
        let post = fixture.submit(.createPost(NewPost(author: UserID(rawValue: 1), text: "spam")), as: 1)
        fixture.settle()
        #expect(try set.value().get().outcome.isChange)
        guard case .heldPost(_, .blocked) = try post.value().get().outcome else {
            Issue.record("the new rules were not asked")
            return
        }
    }

    @Test func whatIsHeldStaysHeldInAnotherMode() throws {
        let fixture = try outside()
        try fixture.follow(2, 1)
        let post = try fixture.heldPost(1).id
        fixture.configuration.moderation = .off
        try fixture.restart()
        #expect(try fixture.pending() == [post] && fixture.feed(2).isEmpty)
        let next = try fixture.heldPost(1)
        #expect(next.state == .published)
        _ = try fixture.edit(post, as: 1, "other words")
        #expect(try fixture.feed(2) == [next.id])
        try fixture.approve(post)
        #expect(try fixture.feed(2) == [next.id, post])
    }

    /// A post that is let go is shown when all have it, not reader by reader; and pages go on meanwhile.
    @Test func whileItIsDeliveredNobodySeesIt() throws {
        let fixture = try outside {
            $0.workers = 1
            $0.celebrityThreshold = 1_000
            $0.sliceDeliveries = 2
        }
        for reader in 10..<40 as Range<UInt64> { try fixture.follow(reader, 1) }
        let post = try fixture.heldPost(1).id
        let later = try fixture.heldPost(1).id
        try fixture.approve(later)
        let answer = fixture.submit(.approvePost(PostJudgement(post: post)), as: 0)
        let worker = fixture.engine.runners[0].worker
        var seen = 0
        var steps = 0
        while fixture.engine.step() {
            steps += 1
            let query = FeedQuery(user: UserID(rawValue: 10 + UInt64(steps % 30)), position: nil, limit: 5)
            let page = worker.feedPages([query]).entries.map(\.post)
            if worker.openRelease != nil { #expect(page == [later]) }
            if page == [later, post] { seen += 1 } else { #expect(page == [later] && seen == 0) }
        }
        #expect(steps > 10 && seen > 0)
        #expect(try answer.value().get().outcome.isChange)
        for reader in 10..<40 as Range<UInt64> { #expect(try fixture.feed(reader) == [later, post]) }
        #expect(try fixture.delivery(post)?.pushed == 30)
    }

    @Test func plainPostsInBatchesAreRefused() throws {
        let fixture = try outside()
        let batch = PostBatch(capacity: 1)
        Array("hello".utf8).withUnsafeBytes {
            batch.append(author: UserID(rawValue: 1), kind: .text, visibility: .public, text: $0)
        }
        #expect(try fixture.refusal(.createPosts(batch), as: 0) == "invalid(rows)")
    }

    /// A post that is held back has no event, and no other post misses its own.
    @Test func feedEventsPassOverHeldPosts() throws {
        let fixture = try EngineFixture.small {
            $0.moderation = .rules
            $0.feedEvents = true
        }
        try fixture.setRules(words: ["spam"])
        for text in ["spam", "fine", "spam", "good"] { _ = try fixture.heldPost(1, text) }
        fixture.time.advance(milliseconds: 1_000)
        fixture.settle()
        let topic = try fixture.engine.topics.topic(.feedEvents)
        var events = 0
        for partition in topic.partitions {
            events += try partition.read(from: partition.logStartOffset, maximumBytes: 1 << 20).records.count
        }
        #expect(events == 2)
    }
}

extension CommandOutcome {
    /// Whether it says that something has changed.
    fileprivate var isChange: Bool { if case .changed(true) = self { true } else { false } }
}
