import StarlingSimulation
import Testing

@testable import StarlingEngine

/// Reactions, comments, changed posts and notifications: each rule by itself.
@Suite struct EngagementTests {
    @Test func aUserHasOneReactionToAPost() throws {
        let fixture = try EngineFixture.small()
        let post = try fixture.post(1)
        #expect(try fixture.react(2, .post(post), .like))
        #expect(try !fixture.react(2, .post(post), .like))
        #expect(try fixture.react(2, .post(post), .angry))
        #expect(try fixture.react(3, .post(post), .angry))
        var counts = try fixture.counts(post)
        #expect(counts.reactions == 2 && counts[.angry] == 2 && counts[.like] == 0)
        #expect(try fixture.reactors(post) == [2, 3].map { ReactionEntry(user: UserID(rawValue: $0), kind: .angry) })
        #expect(try fixture.react(2, .post(post), nil))
        #expect(try !fixture.react(2, .post(post), nil))
        counts = try fixture.counts(post)
        #expect(counts.reactions == 1 && counts[.angry] == 1)
        #expect(try fixture.lookUp([post], viewer: 3).details[0].ownReaction == .angry)
        #expect(try fixture.lookUp([post], viewer: 2).details[0].ownReaction == nil)
        #expect(try fixture.lookUp([post]).details[0].ownReaction == nil)
    }

    @Test func nothingCanBeDoneWithWhatIsNotShown() throws {
        let fixture = try EngineFixture.small()
        var hidden = NewPost(author: UserID(rawValue: 1), text: "for followers")
        hidden.visibility = .followers
        guard case .post(let post) = try fixture.run(.createPost(hidden), as: 1).outcome else { return }
        #expect(try fixture.refusal(.react(.post(post), .like), as: 2) == "postNotFound")
        #expect(try fixture.refusal(.createComment(NewComment(post: post, text: "?")), as: 2) == "postNotFound")
        try fixture.follow(2, 1)
        #expect(try fixture.react(2, .post(post), .like))
        let comment = try fixture.comment(2, on: post)
        #expect(try fixture.comments(post, viewer: 3) == nil)
        #expect(try fixture.comments(post, viewer: 2) == [comment])
        #expect(try fixture.refusal(.react(.comment(comment), .like), as: 3) == "commentNotFound")
        try fixture.delete(post, as: 1)
        #expect(try fixture.refusal(.react(.post(post), nil), as: 2) == "postNotFound")
        #expect(try fixture.refusal(.react(.comment(comment), .like), as: 2) == "commentNotFound")
        #expect(try fixture.refusal(.editComment(comment, "more"), as: 2) == "commentNotFound")
        #expect(try fixture.comments(post, viewer: 2) == nil)
        // A comment is no post, and a post no comment.
        #expect(try fixture.refusal(.react(.post(comment), .like), as: 1) == "postNotFound")
        #expect(try fixture.refusal(.deletePost(comment), as: 2) == "postNotFound")
        #expect(try fixture.refusal(.deleteComment(post), as: 1) == "commentNotFound")
        #expect(try fixture.refusal(.react(.post(PostID(rawValue: 1)), .like), as: 0) == "invalid(userId)")
    }

    @Test func commentsAreCountedAndOrdered() throws {
        let fixture = try EngineFixture.small()
        let posts = [try fixture.post(1), try fixture.post(2)]
        var comments: [[PostID]] = [[], []]
        for number in 0..<40 {
            comments[number % 2].append(try fixture.comment(UInt64(3 + number % 3), on: posts[number % 2], "\(number)"))
        }
        #expect((comments[0] + comments[1] + posts).count == Set(comments[0] + comments[1] + posts).count)
        #expect(try fixture.comments(posts[0]) == comments[0].reversed())
        #expect(try fixture.comments(posts[1], limit: 3) == comments[1].suffix(3).reversed())
        #expect(try fixture.counts(posts[0]).comments == 20)
        // Its author may delete it, and the author of the post; nobody else.
        let first = comments[0][0]
        #expect(try fixture.refusal(.deleteComment(first), as: 4) == "notCommentAuthor")
        #expect(try fixture.changed(.deleteComment(first), as: 3))
        #expect(try !fixture.changed(.deleteComment(first), as: 1))
        #expect(try fixture.changed(.deleteComment(comments[0][1]), as: 1))
        #expect(try fixture.counts(posts[0]).comments == 18)
        #expect(try fixture.comments(posts[0]) == comments[0].dropFirst(2).reversed())
        #expect(try fixture.refusal(.editComment(first, "again"), as: 3) == "commentNotFound")
        // They are in no feed, no list of posts and no number of posts.
        try fixture.follow(9, 3)
        #expect(try fixture.feed(9).isEmpty && fixture.posts(of: 3).isEmpty)
        #expect(try fixture.statistics().posts == 2)
    }

    @Test func changedBodiesAreSeenOnceCommitted() throws {
        let fixture = try EngineFixture.small { $0.bodyCacheBytes = 0 }
        let post = try fixture.post(1, "first")
        let found = try fixture.read { fixture.engine.changeablePost(post, by: UserID(rawValue: 1), completion: $0) }
        let before = try #require(found)
        var body = try #require(try fixture.engine.bodies(of: [before.entry])[0])
        body.text = "second"
        let edit = PostEdit(post: post, body: body, edits: 0)
        #expect(try fixture.refusal(.editPost(edit), as: 2) == "notAuthor")
        let pending = fixture.submit(.editPost(edit), as: 1)
        let worker = fixture.engine.runners[0].worker
        #expect(try fixture.engine.bodies(of: worker.lookUp([post], viewer: nil).found)[0]?.text == "first")
        fixture.settle()
        let receipt = try pending.value().get()
        #expect(try fixture.text(post) == "second")
        // Whoever knows only the first body cannot undo the second.
        #expect(try fixture.refusal(.editPost(edit), as: 1) == "editConflict")
        fixture.time.advance(milliseconds: 5_000)
        let third = try fixture.edit(post, as: 1, "third")
        #expect(third.lsn > receipt.lsn)
        let bodies = try fixture.engine.bodies(of: fixture.lookUp([post]).found)
        #expect(bodies[0]?.text == "third" && bodies[0]?.editedAt == 1_700_000_005_000)
        let earlier = try fixture.read {
            fixture.engine.changedContent(post, at: receipt.lsn, viewer: UserID(rawValue: 1), completion: $0)
        }
        let second = try #require(earlier)
        #expect(try fixture.engine.bodies(of: [second.entry])[0]?.text == "second")
        for workers in [1, 3] {
            try fixture.restart(crash: .loseUnsynced, workers: workers)
            #expect(try fixture.text(post) == "third")
            #expect(try fixture.refusal(.editPost(edit), as: 1) == "editConflict")
        }
        let comment = try fixture.comment(2, on: post, "one")
        #expect(try fixture.changed(.editComment(comment, "two"), as: 2))
        let entry = try fixture.read { fixture.engine.comment(comment, viewer: nil, completion: $0) }
        let changed = try #require(entry)
        #expect(try fixture.engine.bodies(of: [changed.entry])[0]?.text == "two")
    }

    @Test func repostsAreCounted() throws {
        let fixture = try EngineFixture.small()
        let post = try fixture.post(1)
        var repost = NewPost(author: UserID(rawValue: 2), text: "")
        repost.repostOf = post
        guard case .post(let first) = try fixture.run(.createPost(repost), as: 2).outcome else { return }
        _ = try fixture.importPosts([repost, repost], as: 2)
        #expect(try fixture.counts(post).reposts == 3)
        try fixture.delete(first, as: 2)
        try fixture.restart()
        #expect(try fixture.counts(post).reposts == 2)
    }

    @Test func notificationsAreKeptAndTakenBack() throws {
        let fixture = try EngineFixture.small { $0.notificationsKept = 5 }
        let post = try fixture.post(1)
        try fixture.follow(2, 1)
        try fixture.react(1, .post(post), .like)
        try fixture.react(3, .post(post), .like)
        let comment = try fixture.comment(4, on: post)
        try fixture.react(5, .comment(comment), .wow)
        var list = try fixture.notifications(1)
        #expect(list.entries.map(\.kind) == [.comment, .reaction, .follow] && list.unread == 3)
        #expect(list.entries.map(\.actor?.rawValue) == [4, 3, 2])
        #expect(list.entries[0].comment == comment && list.entries[0].post == post)
        #expect(try fixture.notifications(4).entries.map(\.kind) == [.reaction])
        // What is over before it was read was never there; another kind of reaction is no news.
        try fixture.react(3, .post(post), .sad)
        try fixture.react(3, .post(post), nil)
        try fixture.unfollow(2, 1)
        list = try fixture.notifications(1)
        #expect(list.entries.map(\.kind) == [.comment] && list.unread == 1)
        #expect(try fixture.changed(.markRead(upTo: nil), as: 1))
        #expect(try !fixture.changed(.markRead(upTo: list.entries[0].number), as: 1))
        #expect(try fixture.changed(.deleteComment(comment), as: 4))
        list = try fixture.notifications(1)
        #expect(list.entries.map(\.isRead) == [true] && list.unread == 0)
        for user in 20..<30 as Range<UInt64> { try fixture.react(user, .post(post), .like) }
        list = try fixture.notifications(1)
        #expect(list.entries.map(\.actor?.rawValue) == [29, 28, 27, 26, 25] && list.unread == 5)
        // Nothing that has not happened yet can be read.
        #expect(try fixture.changed(.markRead(upTo: .max), as: 1))
        try fixture.react(40, .post(post), .like)
        #expect(try fixture.notifications(1).unread == 1)
        #expect(try fixture.notifications(77).entries.isEmpty)
        #expect(try !fixture.changed(.markRead(upTo: nil), as: 77))
    }

    @Test func importedFollowsAreNoNews() throws {
        let fixture = try EngineFixture.small()
        _ = try fixture.importFollows([(2, 1), (3, 1)])
        #expect(try fixture.notifications(1).entries.isEmpty)
    }

    @Test func repeatedKeysGiveTheFirstAnswer() throws {
        let fixture = try EngineFixture.small()
        let post = try fixture.post(1)
        let comment = try fixture.comment(2, on: post, key: "comment")
        let commands: [(String, Command)] = [
            ("react", .react(.post(post), .like)), ("same", .react(.post(post), .like)),
            ("unreact", .react(.post(post), nil)), ("nothing", .react(.post(post), nil)),
            ("edit", .editComment(comment, "new")), ("mark", .markRead(upTo: 3)), ("mark again", .markRead(upTo: 3)),
            ("delete", .deleteComment(comment)), ("delete again", .deleteComment(comment)),
        ]
        var answers: [WriteReceipt] = []
        for (key, command) in commands { answers.append(try fixture.run(command, as: 2, key: key)) }
        for crash in [nil, CrashMode.loseUnsynced] {
            for ((key, command), first) in zip(commands, answers) {
                let again = try fixture.run(command, as: 2, key: key)
                #expect(again.isReplay && again.lsn == first.lsn, "\(key)")
                guard case .changed(let changed) = again.outcome, case .changed(let wanted) = first.outcome else {
                    Issue.record("\(key): \(again.outcome)")
                    continue
                }
                #expect(changed == wanted, "\(key)")
            }
            #expect(try fixture.comment(2, on: post, key: "comment") == comment)
            #expect(try fixture.refusal(.react(.post(post), .like), as: 2, key: "delete") == "idempotencyKeyReused")
            try fixture.restart(crash: crash, workers: 3)
        }
    }

    @Test func aFullArenaRefusesReactionsAndTakesThemBack() throws {
        let fixture = try EngineFixture.small {
            $0.arenaBytes = 64 << 10
            $0.notificationsKept = 1
        }
        let post = try fixture.post(1)
        var user: UInt64 = 10
        while try fixture.refusal(.react(.post(post), .like), as: user) == nil { user += 1 }
        #expect(try fixture.refusal(.react(.post(post), .like), as: user) == "full")
        #expect(user > 40)
        #expect(try fixture.counts(post)[.like] == Int(user) - 10)
        #expect(try fixture.react(10, .post(post), nil))
        try fixture.restart()
        #expect(try fixture.counts(post)[.like] == Int(user) - 11)
    }
}
