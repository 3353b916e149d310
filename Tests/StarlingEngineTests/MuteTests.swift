import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Account 1 follows 2 and 3.
@Suite struct MuteTests {
    private func fixture(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> EngineFixture {
        let fixture = try EngineFixture.small(change)
        try fixture.follow(1, 2)
        try fixture.follow(1, 3)
        return fixture
    }

    private func posts(_ fixture: EngineFixture, _ count: Int) throws -> (all: [PostID], unmuted: [PostID]) {
        var all: [PostID] = []
        var unmuted: [PostID] = []
        for number in 0..<count {
            let author: UInt64 = number % 3 == 0 ? 3 : 2
            let id = try fixture.post(author)
            all.append(id)
            if author == 3 { unmuted.append(id) }
        }
        return (all.reversed(), unmuted.reversed())
    }

    @Test(arguments: [5, 700]) func postsAreLeftOutAndComeBack(count: Int) throws {
        let fixture = try fixture()
        let posts = try posts(fixture, count)
        #expect(try fixture.mute(1, 2))
        for limit in [1, 3, 50] where count < 100 || limit > 1 {
            #expect(try fixture.feed(1, limit: limit) == posts.unmuted)
        }
        #expect(try !fixture.mute(1, 2))
        #expect(try fixture.unmute(1, 2))
        #expect(try !fixture.unmute(1, 2))
        #expect(try fixture.feed(1) == posts.all)
    }

    @Test func authorThatIsMergedIsLeftOut() throws {
        let fixture = try fixture { $0.celebrityThreshold = 1 }
        let posts = try posts(fixture, 300)
        #expect(try fixture.profile(2).isPulled)
        try fixture.mute(1, 2)
        #expect(try fixture.feed(1) == posts.unmuted)
        try fixture.restart(workers: 1)
        #expect(try fixture.feed(1) == posts.unmuted)
        try fixture.unmute(1, 2)
        #expect(try fixture.feed(1) == posts.all)
    }

    @Test func itHidesNothingElse() throws {
        let fixture = try fixture()
        let id = try fixture.post(2)
        try fixture.mute(1, 2)
        #expect(try fixture.lookUp([id], viewer: 1).missing == [])
        #expect(try fixture.posts(of: 2, viewer: 1) == [id])
        #expect(try fixture.following(1) == [2, 3])
        let seen = try fixture.relationship(1, 2)
        #expect(seen.isFollowing && seen.isMuting && seen.mutedUntilSeconds == nil)
        #expect(try !fixture.relationship(2, 1).isMuting)
    }

    @Test func itEndsByTheTimeOfTheLog() throws {
        let fixture = try fixture()
        let id = try fixture.post(2)
        let end = fixture.second + 10
        #expect(try fixture.mute(1, 2, until: end))
        #expect(try !fixture.mute(1, 2, until: end))
        #expect(try fixture.relationship(1, 2).mutedUntilSeconds == end)
        fixture.time.advance(milliseconds: 9_000)
        let second = try fixture.post(2)
        #expect(try fixture.feed(1) == [])
        #expect(try fixture.mutes(of: 1) == [2])
        fixture.time.advance(milliseconds: 1_500)
        #expect(try fixture.feed(1) == [], "the log does not know of the time")
        _ = try fixture.run(.passTime, as: 1)
        #expect(try fixture.feed(1) == [second, id])
        #expect(try fixture.mutes(of: 1) == [])
        #expect(try !fixture.relationship(1, 2).isMuting)
        #expect(try !fixture.unmute(1, 2))
        #expect(try fixture.mute(1, 2))
        #expect(try fixture.feed(1) == [])
    }

    /// A start does not make it longer, nor does a clock that goes back.
    @Test func endOutlivesTheProcess() throws {
        let fixture = try fixture { $0.snapshots.recordsAtClose = 1 }
        let id = try fixture.post(2)
        try fixture.mute(1, 2, until: fixture.second + 10)
        fixture.time.advance(milliseconds: 11_000)
        let other = try fixture.post(3)
        fixture.time.setWall(milliseconds: 1_600_000_000_000)
        for workers in [1, 3, 2] {
            try fixture.restart(crash: workers == 2 ? .loseUnsynced : nil, workers: workers)
            #expect(try fixture.feed(1) == [other, id], "with \(workers) workers")
        }
    }

    @Test func endInThePastIsRefused() throws {
        let fixture = try fixture()
        for until in [0, 1, fixture.second, .max] {
            #expect(try fixture.refusal(.mute(UserID(rawValue: 2), until: until), as: 1) == "invalid(expiresAt)")
        }
    }

    @Test func anotherEndReplacesTheFirst() throws {
        let fixture = try fixture()
        let id = try fixture.post(2)
        try fixture.mute(1, 2)
        #expect(try fixture.mute(1, 2, until: fixture.second + 5))
        #expect(try fixture.mutes(of: 1) == [2])
        fixture.time.advance(milliseconds: 6_000)
        _ = try fixture.run(.passTime, as: 1)
        #expect(try fixture.feed(1) == [id])
    }

    /// Time goes on by itself where there are threads, when nobody writes.
    @Test(.timeLimit(.minutes(2))) func endComesWithoutAWrite() throws {
        let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
        let engine = try Engine.open(
            directory: "/data", configuration: EngineFixture.smallConfiguration(),
            environment: EngineEnvironment(disk: SimulatedDisk(seed: 2), time: time, seed: 3))
        let end = UInt32(time.wallMilliseconds() / 1_000) + 30
        let receipt = try Client.wait {
            let context = WriteContext(actor: UserID(rawValue: 1))
            engine.submit(.mute(UserID(rawValue: 2), until: end), context, completion: $0)
        }.get()
        time.advance(milliseconds: 31_000)
        var isMuting = true
        while isMuting {
            isMuting = try Client.wait {
                engine.relationship(
                    of: UserID(rawValue: 1), to: UserID(rawValue: 2), minimumLSN: receipt.lsn, completion: $0)
            }.get().isMuting
        }
        #expect(engine.publishedLSN == receipt.lsn + 1)
        try engine.close()
    }
}
