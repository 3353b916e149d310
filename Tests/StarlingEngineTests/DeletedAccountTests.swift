import StarlingSimulation
import Testing

@testable import StarlingEngine

/// What a deleted account had to do with others. `RandomGraphTests` has deletions among everything else.
@Suite struct DeletedAccountTests {
    private static func fixture(workers: Int) throws -> (EngineFixture, bob: UInt64) {
        let fixture = try EngineFixture.small { $0.workers = workers }
        let bob = try fixture.register("bob")
        for user in [bob, 2] { #expect(try fixture.setPrivate(user)) }
        for (follower, followee) in [(1, bob), (8, bob), (bob, 2), (bob, 7)] {
            _ = try fixture.followOutcome(follower, followee)
        }
        #expect(try fixture.accept(bob, 8))
        #expect(try fixture.block(bob, 3) && fixture.block(4, bob))
        #expect(try fixture.mute(bob, 5) && fixture.mute(6, bob))
        return (fixture, bob)
    }

    @Test(arguments: [1, 3])
    func allTiesAreHiddenAtOnceAndEndSoon(workers: Int) throws {
        let (fixture, bob) = try Self.fixture(workers: workers)
        #expect(try fixture.requests(to: 2) == [bob] && fixture.requests(to: bob) == [1])
        #expect(try fixture.deleteAccount(bob))
        for isSwept in [false, true] {
            if isSwept { fixture.settle() }
            #expect(try fixture.requests(to: 2).isEmpty && fixture.requests(to: bob).isEmpty)
            #expect(try fixture.blocks(of: 4).isEmpty && fixture.blocks(of: bob).isEmpty)
            #expect(try fixture.mutes(of: 6).isEmpty && fixture.mutes(of: bob).isEmpty)
            #expect(try fixture.following(8).isEmpty && fixture.following(bob).isEmpty)
            for other in 1...8 as ClosedRange<UInt64> {
                #expect(try fixture.relationship(other, bob) == .none)
                #expect(try fixture.relationship(bob, other) == .none)
            }
            let accept = Command.acceptFollowRequest(UserID(rawValue: bob))
            #expect(try fixture.refusal(accept, as: 2) == "requestNotFound")
            for command in [Command.block(UserID(rawValue: bob)), .mute(UserID(rawValue: bob), until: nil)] {
                #expect(try fixture.refusal(command, as: 9) == "accountDeleted")
            }
            #expect(try fixture.refusal(.setAccountPrivacy(false), as: bob) == "accountDeleted")
        }
        #expect(try fixture.profile(7).followerCount == 0 && fixture.profile(8).followingCount == 0)
        // Whoever waited does not follow when the account that was asked goes public.
        #expect(try fixture.setPrivate(2, false))
        #expect(try fixture.profile(2).followerCount == 0)
        let digest = try fixture.digest()
        try fixture.restart(crash: .loseUnsynced, workers: 2)
        fixture.settle()
        #expect(try fixture.digest() == digest)
    }

    /// A sweep that a crash interrupts begins again.
    @Test(arguments: 0..<6)
    func aSweepGoesOnAfterACrash(steps: Int) throws {
        let (fixture, bob) = try Self.fixture(workers: 2)
        let deletion = fixture.submit(.account(.delete), as: bob)
        while deletion.isEmpty { _ = fixture.engine.step() }
        for _ in 0..<steps { _ = fixture.engine.step() }
        try fixture.restart(crash: .loseUnsynced, workers: 3)
        fixture.settle()
        #expect(try fixture.profile(7).followerCount == 0 && fixture.profile(8).followingCount == 0)
        #expect(try fixture.setPrivate(2, false))
        #expect(try fixture.profile(2).followerCount == 0)
    }

    /// Of an account that is being opened while it is deleted, nobody becomes a follower.
    @Test func requestsToADeletedAccountAreNotAccepted() throws {
        let fixture = try EngineFixture.small { $0.ringEvents = 64 }
        #expect(try fixture.setPrivate(50))
        for follower in 100..<300 as Range<UInt64> { _ = try fixture.followOutcome(follower, 50) }
        let opening = fixture.submit(.setAccountPrivacy(false), as: 50)
        let deletion = fixture.submit(.account(.delete), as: 50)
        fixture.settle()
        #expect(!opening.isEmpty && !deletion.isEmpty)
        for follower in 100..<300 as Range<UInt64> {
            #expect(try fixture.profile(follower).followingCount == 0)
        }
        #expect(try fixture.statistics().edges == 0)
    }
}
