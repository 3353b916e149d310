import StarlingSimulation
import Testing

@testable import StarlingEngine

/// Account 1 is private; 2 follows it from before.
@Suite struct PrivateAccountTests {
    private func fixture(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> EngineFixture {
        let fixture = try EngineFixture.small(change)
        try fixture.follow(2, 1)
        #expect(try fixture.setPrivate(1))
        return fixture
    }

    @Test func followHasToAsk() throws {
        let fixture = try fixture()
        let id = try fixture.post(1)
        #expect(try fixture.followOutcome(3, 1) == FollowOutcome(state: .pending, changed: true))
        #expect(try fixture.followOutcome(3, 1) == FollowOutcome(state: .pending, changed: false))
        #expect(try fixture.followOutcome(2, 1) == FollowOutcome(state: .following, changed: false))
        #expect(try fixture.feed(3) == [])
        #expect(try fixture.profile(1).followerCount == 1)
        #expect(try fixture.requests(to: 1) == [3])
        #expect(try fixture.relationship(3, 1).isPending)
        #expect(try fixture.accept(1, 3))
        #expect(try !fixture.accept(1, 3))
        #expect(try fixture.feed(3) == [id])
        #expect(try fixture.profile(1).followerCount == 2)
        #expect(try fixture.requests(to: 1) == [])
        let seen = try fixture.relationship(3, 1)
        #expect(seen.isFollowing && !seen.isPending)
    }

    @Test func rejectedMayAskAgain() throws {
        let fixture = try fixture()
        _ = try fixture.followOutcome(3, 1)
        #expect(try fixture.reject(1, 3))
        #expect(try !fixture.reject(1, 3))
        #expect(try !fixture.relationship(3, 1).isPending)
        #expect(try fixture.refusal(.acceptFollowRequest(UserID(rawValue: 3)), as: 1) == "requestNotFound")
        #expect(try fixture.followOutcome(3, 1) == FollowOutcome(state: .pending, changed: true))
        #expect(try fixture.requests(to: 1) == [3])
    }

    @Test func unfollowTakesTheRequestBack() throws {
        let fixture = try fixture()
        _ = try fixture.followOutcome(3, 1)
        #expect(try fixture.unfollowOutcome(3, 1) == FollowOutcome(state: .none, changed: true))
        #expect(try fixture.unfollowOutcome(3, 1) == FollowOutcome(state: .none, changed: false))
        #expect(try fixture.requests(to: 1) == [])
    }

    @Test(arguments: [(1, true), (2, true), (3, false), (99, false), (nil, false)] as [(UInt64?, Bool)])
    func onlyFollowersSeeIt(viewer: (id: UInt64?, sees: Bool)) throws {
        let fixture = try fixture()
        let id = try fixture.post(1)
        #expect(try fixture.lookUp([id], viewer: viewer.id).missing == (viewer.sees ? [] : [id]))
        #expect(try fixture.posts(of: 1, viewer: viewer.id) == (viewer.sees ? [id] : []))
        #expect(try fixture.followers(of: 1, viewer: viewer.id) == (viewer.sees ? [2] : nil))
        #expect(try fixture.following(2) == [1])
        try fixture.setPrivate(1, false)
        #expect(try fixture.lookUp([id], viewer: viewer.id).missing == [])
        #expect(try fixture.followers(of: 1, viewer: viewer.id) == [2])
    }

    @Test func whatIsNotSeenIsNotAnswered() throws {
        let fixture = try fixture()
        let id = try fixture.post(1)
        for (actor, refusal) in [(3, "postNotFound"), (2, nil), (1, nil)] as [(UInt64, String?)] {
            var post = NewPost(author: UserID(rawValue: actor), text: "re")
            post.replyTo = id
            #expect(try fixture.refusal(.createPost(post), as: actor) == refusal)
        }
    }

    @Test func requestsAreListedNewestFirst() throws {
        let fixture = try fixture()
        let requesters = Array(10...90 as ClosedRange<UInt64>).reversed() + [5, 4]
        for requester in requesters { _ = try fixture.followOutcome(requester, 1) }
        let removed: Set<UInt64> = [5, 40, 90]
        try fixture.accept(1, 5)
        try fixture.reject(1, 40)
        _ = try fixture.unfollowOutcome(90, 1)
        let expected = Array(requesters.reversed().filter { !removed.contains($0) })
        for limit in [1, 13, 100] { #expect(try fixture.requests(to: 1, limit: limit) == expected) }
        try fixture.restart(workers: 4)
        #expect(try fixture.requests(to: 1) == expected)
        _ = try fixture.followOutcome(40, 1)
        #expect(try fixture.requests(to: 1) == [40] + expected)
    }

    @Test func goingPublicAcceptsAll() throws {
        let fixture = try fixture()
        let id = try fixture.post(1)
        for requester in 3...30 as ClosedRange<UInt64> { _ = try fixture.followOutcome(requester, 1) }
        #expect(try fixture.setPrivate(1, false))
        #expect(try !fixture.setPrivate(1, false))
        #expect(try fixture.requests(to: 1) == [])
        #expect(try fixture.profile(1).followerCount == 29)
        for requester in [3, 17, 30] as [UInt64] { #expect(try fixture.feed(requester) == [id]) }
        #expect(try fixture.followOutcome(31, 1).state == .following)
    }

    /// With a ring of 64 events, 28 requests are accepted at a time.
    @Test(arguments: [false, true]) func goingPublicGoesOnInPieces(crashes: Bool) throws {
        let fixture = try fixture { $0.ringEvents = 64 }
        let requesters = 3...200 as ClosedRange<UInt64>
        for requester in requesters { _ = try fixture.followOutcome(requester, 1) }
        let opening = fixture.submit(.setAccountPrivacy(false), as: 1)
        if crashes {
            while opening.isEmpty, fixture.engine.step() {}
            try fixture.restart(crash: .loseUnsynced, workers: 3)
        }
        fixture.settle()
        #expect(try fixture.profile(1).followerCount == 199)
        #expect(try fixture.followers(of: 1, viewer: nil)?.count == 199)
        #expect(try fixture.requests(to: 1) == [])
        let live = try fixture.digest()
        try fixture.restart(workers: 1)
        #expect(try fixture.digest() == live)
    }

    @Test func importAsksPrivateAccounts() throws {
        let fixture = try fixture()
        let rows: [(UInt64, UInt64)] = [(3, 1), (3, 2), (3, 1), (2, 1), (4, 1), (4, 4)]
        let outcomes = try fixture.importFollows(rows, key: "k", fingerprint: 9)
        let expected: [FollowOutcome?] = [
            .init(state: .pending, changed: true), .init(state: .following, changed: true),
            .init(state: .pending, changed: false), .init(state: .following, changed: false),
            .init(state: .pending, changed: true), nil,
        ]
        #expect(outcomes.rows.map { try? $0.get() } == expected)
        #expect(try fixture.requests(to: 1) == [4, 3])
        try fixture.restart(workers: 3)
        let again = try fixture.importFollows(rows, key: "k", fingerprint: 9)
        #expect(again.isReplay)
        #expect(again.rows.map { try? $0.get() } == expected)
        #expect(try fixture.profile(1).followerCount == 1)
    }

    /// The first answer of each key, also after a start and after the state has changed.
    @Test func keysGiveTheFirstAnswer() throws {
        let fixture = try fixture()
        let steps: [(Command, UInt64)] = [
            (.follow(UserID(rawValue: 1)), 3), (.follow(UserID(rawValue: 1)), 3),
            (.acceptFollowRequest(UserID(rawValue: 3)), 1), (.acceptFollowRequest(UserID(rawValue: 3)), 1),
            (.unfollow(UserID(rawValue: 1)), 3), (.follow(UserID(rawValue: 1)), 3),
            (.rejectFollowRequest(UserID(rawValue: 3)), 1), (.rejectFollowRequest(UserID(rawValue: 3)), 1),
            (.follow(UserID(rawValue: 1)), 3), (.unfollow(UserID(rawValue: 1)), 3),
            (.block(UserID(rawValue: 5)), 1), (.block(UserID(rawValue: 5)), 1),
            (.unblock(UserID(rawValue: 5)), 1), (.unblock(UserID(rawValue: 5)), 1),
            (.mute(UserID(rawValue: 5), until: nil), 1), (.mute(UserID(rawValue: 5), until: nil), 1),
            (.unmute(UserID(rawValue: 5)), 1), (.unmute(UserID(rawValue: 5)), 1),
            (.setAccountPrivacy(false), 1), (.setAccountPrivacy(false), 1),
        ]
        var first: [String] = []
        for (number, step) in steps.enumerated() {
            first.append("\(try fixture.run(step.0, as: step.1, key: "key \(number)", fingerprint: 1).outcome)")
        }
        for crash in [nil, .keepUnsynced] as [CrashMode?] {
            try fixture.restart(crash: crash, workers: 3)
            for (number, step) in steps.enumerated() {
                let again = try fixture.run(step.0, as: step.1, key: "key \(number)", fingerprint: 1)
                #expect(again.isReplay)
                #expect("\(again.outcome)" == first[number], "step \(number)")
            }
        }
        #expect(try fixture.refusal(.block(UserID(rawValue: 6)), as: 1, key: "key 10", fingerprint: 2) != nil)
    }
}
