import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Random follows, requests, blocks, mutes, private accounts and posts of a few users, against their definition: every feed, list,
/// counter and relationship, with restarts, crashes and other numbers of workers in between.
@Suite struct RandomGraphTests {
    @Test(arguments: 1...8)
    func everythingEqualsItsDefinition(seed: Int) throws {
        var run = try GraphRun(seed: UInt64(seed))
        for step in 1...2_500 {
            try run.operate()
            if step % 250 == 0 { try run.checkEverything() }
        }
    }

    /// The same log gives the same digest for every number of workers, with and without snapshots.
    @Test func digestDoesNotDependOnWorkers() throws {
        for isFromSnapshots in [true, false] {
            var run = try GraphRun(seed: 77) {
                $0.snapshots.isEnabled = isFromSnapshots
                $0.snapshots.recordsAtClose = 1
            }
            for _ in 0..<1_000 { try run.operate() }
            run.fixture.settle()
            let live = try run.fixture.digest()
            for workers in [1, 2, 3, 4, 7] {
                try run.fixture.restart(workers: workers)
                #expect(try run.fixture.digest() == live, "with \(workers) workers")
            }
        }
    }

    private struct GraphRun {
        let fixture: EngineFixture
        var model = GraphModel()
        var random: SeededRandom
        /// Those who act. Whoever is deleted makes room for somebody new.
        var users: [UInt64]
        var gone: [UInt64] = []

        init(seed: UInt64, change: (inout EngineConfiguration) -> Void = { _ in }) throws {
            random = SeededRandom(seed: seed)
            users = Array(1...UInt64.random(in: 4...14, using: &random))
            var configuration = EngineFixture.smallConfiguration(workers: Int(1 + seed % 4))
            configuration.timelineCap = Int.random(in: 5...40, using: &random)
            configuration.celebrityThreshold = Int.random(in: 2...6, using: &random)
            configuration.snapshots.records = 40
            change(&configuration)
            fixture = try EngineFixture(configuration, seed: seed)
        }

        private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

        private mutating func user() -> UInt64 { users[number(0...users.count - 1)] }

        private mutating func pair() -> GraphModel.Pair {
            let first = user()
            var second = user()
            while second == first { second = user() }
            return GraphModel.Pair(first, second)
        }

        /// One of those, most often, or any.
        private mutating func pair(of pairs: [GraphModel.Pair]) -> GraphModel.Pair {
            guard !pairs.isEmpty, number(0...9) > 1 else { return pair() }
            let sorted = pairs.sorted { ($0.user, $0.target) < ($1.user, $1.target) }
            return sorted[number(0...sorted.count - 1)]
        }

        mutating func operate() throws {
            if number(0...3) == 0 { fixture.time.advance(milliseconds: UInt64(number(0...900))) }
            let before = fixture.engine.publishedLSN
            switch number(0...999) {
            case 0..<240: try post()
            case 240..<290: try delete()
            case 290..<450: try follow()
            case 450..<520: try unfollow()
            case 520..<580: try setPrivate()
            case 580..<660: try answerRequest()
            case 660..<710: try block()
            case 710..<760: try unblock()
            case 760..<850: try mute()
            case 850..<890: try unmute()
            case 890..<900: _ = try fixture.run(.passTime, as: 0)
            case 900..<910: try changeAway()
            case 910..<915: _ = try fixture.run(.setCelebrityThreshold(number(2...8)), as: 0)
            case 915..<918: fixture.time.setWall(milliseconds: 1_600_000_000_000)
            case 918..<930: try restart()
            case 930..<935: try deleteAccount()
            default: try readSome()
            }
            if fixture.engine.publishedLSN > before { model.second = max(model.second, fixture.second) }
        }

        /// The second in which the next record is written.
        private var now: UInt32 { max(model.second, fixture.second) }

        private mutating func post() throws {
            let author = user()
            let isPublic = number(0...2) > 0
            let id = try isPublic ? fixture.post(author) : fixture.postForFollowers(author)
            model.add(.init(id: id, author: author, isPublic: isPublic))
        }

        private mutating func delete() throws {
            guard !model.posts.isEmpty else { return }
            let place = number(max(0, model.posts.count - 40)...model.posts.count - 1)
            let post = model.posts[place]
            if gone.contains(post.author) {
                #expect(try fixture.refusal(.deletePost(post.id), as: post.author) == "accountDeleted")
                return
            }
            #expect(try fixture.delete(post.id, as: post.author) == model.delete(at: place))
        }

        private mutating func deleteAccount() throws {
            let place = number(0...users.count - 1)
            let user = users[place]
            // Some were never used.
            guard try fixture.refusal(.account(.delete), as: user) == nil else { return }
            users[place] = UInt64(users.count + gone.count + 1)
            gone.append(user)
            model.deleteAccount(user)
        }

        private mutating func follow() throws {
            let pair = pair()
            let command = Command.follow(UserID(rawValue: pair.target))
            if let outcome = model.follow(pair) {
                #expect(try fixture.followOutcome(pair.user, pair.target) == outcome)
            } else {
                #expect(try fixture.refusal(command, as: pair.user) == "blocked")
            }
        }

        private mutating func unfollow() throws {
            let pair = pair(of: Array(model.follows) + model.requests)
            #expect(try fixture.unfollowOutcome(pair.user, pair.target) == model.unfollow(pair))
        }

        private mutating func setPrivate() throws {
            let (user, isPrivate) = (user(), number(0...1) == 0)
            #expect(try fixture.setPrivate(user, isPrivate) == model.setPrivate(user, isPrivate))
        }

        private mutating func answerRequest() throws {
            let pair = pair(of: model.requests)
            if number(0...2) == 0 {
                #expect(try fixture.reject(pair.target, pair.user) == model.reject(pair))
            } else if let changed = model.accept(pair) {
                #expect(try fixture.accept(pair.target, pair.user) == changed)
            } else {
                let command = Command.acceptFollowRequest(UserID(rawValue: pair.user))
                #expect(try fixture.refusal(command, as: pair.target) == "requestNotFound")
            }
        }

        private mutating func block() throws {
            let pair = number(0...1) == 0 ? pair(of: Array(model.follows)) : pair()
            #expect(try fixture.block(pair.user, pair.target) == model.block(pair))
        }

        private mutating func unblock() throws {
            let pair = pair(of: Array(model.blocks))
            #expect(try fixture.unblock(pair.user, pair.target) == model.unblock(pair))
        }

        private mutating func mute() throws {
            let pair = pair(of: Array(model.follows))
            let until: UInt32? = number(0...2) == 0 ? nil : UInt32(Int(now) + number(-1...12))
            if let changed = model.mute(pair, until: until, now: now) {
                #expect(try fixture.mute(pair.user, pair.target, until: until) == changed)
            } else {
                let command = Command.mute(UserID(rawValue: pair.target), until: until)
                #expect(try fixture.refusal(command, as: pair.user) == "invalid(expiresAt)")
            }
        }

        private mutating func unmute() throws {
            let pair = pair(of: Array(model.mutes.keys))
            let changed = model.unmute(pair, now: now)
            #expect(try fixture.unmute(pair.user, pair.target) == changed)
        }

        private mutating func changeAway() throws {
            let readers = (0..<4).map { _ in UserID(rawValue: user()) }
            _ = try fixture.run(.setReadersAway(readers, number(0...1) == 0), as: 0)
        }

        private mutating func restart() throws {
            let crash = [nil, .loseUnsynced, .keepUnsynced, .randomSectors][number(0...3)] as CrashMode?
            try fixture.restart(crash: crash, workers: number(1...4))
        }

        private mutating func readSome() throws {
            let (reader, limit) = (user(), number(1...30))
            let expected = model.feed(reader)
            let page = try fixture.feedPage(reader, limit: limit)
            #expect(page.entries.map(\.post) == Array(expected.prefix(limit)))
            #expect((page.next != nil) == (expected.count > limit))
            let pair = pair()
            #expect(try fixture.relationship(pair.user, pair.target) == model.relationship(pair))
            if let last = gone.last {
                #expect(try fixture.relationship(reader, last) == .none)
                #expect(try fixture.relationship(last, reader) == .none)
                #expect(try fixture.feed(last).isEmpty && fixture.posts(of: last).isEmpty)
            }
            guard !model.posts.isEmpty else { return }
            let viewer = number(0...4) == 0 ? nil : user()
            let some = (0..<5).map { _ in model.posts[number(0...model.posts.count - 1)] }
            let lookup = try fixture.lookUp(some.map(\.id), viewer: viewer)
            #expect(lookup.found.map(\.post) == some.filter { model.sees(viewer, $0) }.map(\.id))
        }

        mutating func checkEverything() throws {
            // Counts wait until the edges of deleted accounts are swept away.
            let before = fixture.engine.publishedLSN
            fixture.settle()
            if fixture.engine.publishedLSN > before { model.second = max(model.second, fixture.second) }
            for user in users {
                #expect(try fixture.feed(user, limit: number(1...60)) == model.feed(user))
                #expect(try fixture.following(user) == model.followees(of: user))
                #expect(try fixture.requests(to: user, limit: number(1...5)) == model.requests(to: user))
                let blocked = model.blocks.filter { $0.user == user }.map(\.target)
                #expect(Set(try fixture.blocks(of: user, limit: number(1...5))) == Set(blocked))
                let muted = model.mutes.keys.filter { $0.user == user && model.isMuted($0, at: model.second) }
                #expect(Set(try fixture.mutes(of: user, limit: number(1...5))) == Set(muted.map(\.target)))
                for viewer in [nil, user, self.user()] {
                    let posts = try fixture.posts(of: user, viewer: viewer, limit: 1_000)
                    #expect(posts == model.posts(of: user, viewer: viewer))
                    let followers = model.showsFollowers(of: user, to: viewer) ? model.followers(of: user) : nil
                    #expect(try fixture.followers(of: user, viewer: viewer) == followers)
                }
                for target in users where target != user {
                    let pair = GraphModel.Pair(user, target)
                    #expect(try fixture.relationship(user, target) == model.relationship(pair))
                }
                try checkProfile(of: user)
            }
            let live = try fixture.digest()
            try fixture.restart(workers: number(1...4))
            #expect(try fixture.digest() == live)
        }

        private func checkProfile(of user: UInt64) throws {
            let found = try fixture.read {
                fixture.engine.profile(
                    of: UserID(rawValue: user), minimumLSN: fixture.engine.publishedLSN, completion: $0)
            }
            guard let profile = found else { return }
            #expect(profile.followerCount == model.followers(of: user).count)
            #expect(profile.followingCount == model.followees(of: user).count)
            #expect(profile.isPrivate == model.privates.contains(user))
        }
    }
}
