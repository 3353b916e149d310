import StarlingSets
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Arenas that are too small: writes are refused with a reason before anything has happened, reads and removals go on, nothing
/// ever runs out in the middle, and what was written opens again.
@Suite struct MemoryLimitTests {
    private static func configuration(arenaBytes: Int, workers: Int = 2) -> EngineConfiguration {
        var configuration = EngineFixture.smallConfiguration(workers: workers)
        configuration.arenaBytes = arenaBytes
        configuration.timelineCap = 30
        return configuration
    }

    private struct Run {
        let fixture: EngineFixture
        var model = FeedModel()
        var random: SeededRandom
        var refused = 0
        var taken = 0
        let users: UInt64

        init(_ configuration: EngineConfiguration, seed: UInt64, users: UInt64) throws {
            fixture = try EngineFixture(configuration, seed: seed)
            random = SeededRandom(seed: seed)
            self.users = users
        }

        private mutating func user() -> UInt64 {
            min(UInt64.random(in: 1...users, using: &random), UInt64.random(in: 1...users, using: &random))
        }

        /// Runs a command; nil when memory refuses it, in the right words.
        private mutating func attempt(_ command: Command, as actor: UInt64) throws -> WriteReceipt? {
            let box = fixture.submit(command, as: actor)
            fixture.settle()
            switch try box.value() {
            case .success(let receipt):
                taken += 1
                return receipt
            case .failure(.full(let what)):
                #expect(what.contains("memory.arenaBytes is \(fixture.configuration.arenaBytes)"), "\(what)")
                refused += 1
                return nil
            case .failure(let error): throw error
            }
        }

        mutating func operate(removing: Int = 20) throws {
            let (first, second) = (user(), user())
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<removing:
                guard let edge = model.edges.randomElement(using: &random) else { return }
                // Never refused.
                #expect(try fixture.unfollow(edge.follower, edge.followee))
                _ = model.unfollow(edge.follower, edge.followee)
            case 0..<removing + 5:
                guard !model.posts.isEmpty else { return }
                let place = Int.random(in: 0..<model.posts.count, using: &random)
                let post = model.posts[place]
                #expect(try fixture.delete(post.id, as: post.author) == model.delete(at: place))
            case 0..<70:
                let author = UserID(rawValue: first)
                if let receipt = try attempt(.createPost(NewPost(author: author, text: "x")), as: first),
                    let id = receipt.outcome.post
                {
                    model.add(id, by: first)
                }
            case 0..<75:
                let rows = (0..<8).map { _ in user() }
                let posts = rows.map { NewPost(author: UserID(rawValue: $0), text: "y") }
                if let receipt = try attempt(.importPosts(posts), as: first), case .posts(let ids) = receipt.outcome {
                    for (author, id) in zip(rows, ids) { model.add(try id.get(), by: author) }
                }
            case 0..<80:
                let rows = (0..<6).map { _ in (user(), user()) }.filter { $0.0 != $0.1 }
                let edges = rows.map { NewFollow(follower: UserID(rawValue: $0.0), followee: UserID(rawValue: $0.1)) }
                if try attempt(.importFollows(edges), as: first) != nil {
                    for row in rows { _ = model.follow(row.0, row.1) }
                }
            default:
                if first != second, try attempt(.follow(UserID(rawValue: second)), as: first) != nil {
                    _ = model.follow(first, second)
                }
            }
        }

        func check() throws {
            for user in 1...users {
                #expect(try fixture.feed(user) == model.feed(user), "the feed of \(user)")
                #expect(try fixture.following(user) == model.followees(user))
            }
        }
    }

    @Test(arguments: 1...6)
    func smallArenasRefuseAndNeverOverflow(seed: Int) throws {
        let bytes = [96 << 10, 128 << 10, 100 << 10][seed % 3]
        var run = try Run(Self.configuration(arenaBytes: bytes, workers: 1 + seed % 3), seed: UInt64(seed), users: 120)
        for round in 0..<4 {
            for _ in 0..<1_500 { try run.operate(removing: round % 2 == 0 ? 10 : 40) }
            try run.check()
            // What was admitted once fits again.
            let digest = try run.fixture.digest()
            try run.fixture.restart(crash: round % 2 == 0 ? .loseUnsynced : nil)
            #expect(try run.fixture.digest() == digest)
        }
        #expect(run.refused > 0)
        #expect(run.taken > 500)
    }

    /// Authors who are pulled for their cost and pushed again, while hours pass and memory is full.
    @Test(arguments: 1...4)
    func switchesForCostNeverOverflow(seed: Int) throws {
        var configuration = Self.configuration(arenaBytes: [96 << 10, 128 << 10][seed % 2], workers: 1 + seed % 3)
        configuration.celebrityThreshold = seed < 3 ? 1_000 : 12
        configuration.celebrityCostShare = 0.001
        configuration.deliveriesPerSecond = 1
        var run = try Run(configuration, seed: UInt64(seed), users: 120)
        for round in 0..<4_000 {
            try run.operate(removing: round / 500 % 2 == 0 ? 10 : 40)
            if round % 50 == 0 {
                run.fixture.time.advance(milliseconds: UInt64.random(in: 0...4_000_000, using: &run.random))
                run.fixture.engine.fanoutCapacity.give(UInt64.random(in: 1...8, using: &run.random))
            }
        }
        try run.check()
        let digest = try run.fixture.digest()
        try run.fixture.restart(crash: .loseUnsynced)
        #expect(try run.fixture.digest() == digest)
        #expect(run.refused > 0)
        let profiles = try (1...120).compactMap { user in
            try run.fixture.read { run.fixture.engine.profile(of: UserID(rawValue: UInt64(user)), completion: $0) }
        }
        #expect(profiles.contains { $0.lastSwitch?.reason == .cost })
    }

    /// Removals give room back, and writing goes on.
    @Test func writingRecoversWhenSpaceReturns() throws {
        let fixture = try EngineFixture(Self.configuration(arenaBytes: 64 << 10, workers: 1))
        var edges: [UInt64] = []
        while try fixture.refusal(.follow(UserID(rawValue: 1)), as: UInt64(edges.count) + 2) == nil {
            edges.append(UInt64(edges.count) + 2)
            if edges.count % 40 == 0 { _ = try fixture.post(1) }
        }
        #expect(edges.count > 100)
        for follower in edges { #expect(try fixture.unfollow(follower, 1)) }
        #expect(try fixture.refusal(.follow(UserID(rawValue: 1)), as: 5) == nil)
        #expect(try fixture.feedPage(5).entries.isEmpty == false)
    }

    /// Workers that have applied nothing yet count with the worst case: the writer waits for them and refuses nothing.
    @Test func writesWaitForWorkersThatAreBehind() throws {
        let fixture = try EngineFixture(Self.configuration(arenaBytes: 1 << 20, workers: 1))
        for follower in UInt64(2)...11 { try fixture.follow(follower, 1) }
        // 10 deliveries each, 40 blocks at worst: many times what the arena has.
        let answers = (0..<400).map { _ in
            fixture.submit(.createPost(NewPost(author: UserID(rawValue: 1), text: "x")), as: 1)
        }
        fixture.settle()
        for answer in answers { _ = try answer.value().get() }
        #expect(try fixture.feed(2).count == 400)
    }

    /// A log that was written with larger arenas says which setting is too small.
    @Test(arguments: [1, 2, 4])
    func logThatDoesNotFitIsAProblemOfTheConfiguration(workers: Int) throws {
        var run = try Run(Self.configuration(arenaBytes: 8 << 20, workers: 2), seed: 3, users: 150)
        for _ in 0..<3_000 { try run.operate() }
        #expect(run.refused == 0)
        try run.fixture.engine.close()
        for bytes in [1_024, 4_096, 16 << 10] {
            var configuration = Self.configuration(arenaBytes: bytes, workers: workers)
            for hasSnapshots in [false, true] {
                configuration.snapshots.isEnabled = hasSnapshots
                let environment = EngineEnvironment(disk: run.fixture.disk, time: run.fixture.time, seed: 9)
                do {
                    let engine = try Engine.open(
                        directory: "/data", configuration: configuration, environment: environment, execution: .manual)
                    try engine.close(clean: false)
                    Issue.record("\(bytes) bytes were enough")
                } catch {
                    guard case .configuration(let text) = error else { throw error }
                    #expect(text.contains("memory.arenaBytes"), "\(text)")
                }
            }
        }
        // Nothing was harmed.
        try run.fixture.restart(workers: workers)
        try run.check()
    }

    @Test func snapshotThatDoesNotFitIsAProblemOfTheConfiguration() throws {
        var configuration = Self.configuration(arenaBytes: 8 << 20, workers: 2)
        configuration.snapshots.recordsAtClose = 1
        var run = try Run(configuration, seed: 4, users: 150)
        for _ in 0..<2_000 { try run.operate() }
        try run.fixture.engine.close()
        for workers in [1, 2, 3] {
            configuration.arenaBytes = 32 << 10
            configuration.workers = workers
            let environment = EngineEnvironment(disk: run.fixture.disk, time: run.fixture.time, seed: 9)
            #expect {
                try Engine.open(
                    directory: "/data", configuration: configuration, environment: environment, execution: .manual)
            } throws: { error in
                guard case .configuration(let text)? = error as? EngineOpenError else { return false }
                return text.contains("memory.arenaBytes")
            }
        }
    }

    /// A lowered threshold makes an unfollow the occasion of a switch; in full memory the switch waits, not the unfollow.
    @Test func unfollowNeverFailsForASwitch() throws {
        var configuration = Self.configuration(arenaBytes: 64 << 10, workers: 1)
        configuration.celebrityThreshold = 1_000_000
        let fixture = try EngineFixture(configuration)
        var followers: [UInt64] = []
        while try fixture.refusal(.follow(UserID(rawValue: 1)), as: UInt64(followers.count) + 2) == nil {
            followers.append(UInt64(followers.count) + 2)
        }
        try fixture.run(.setCelebrityThreshold(2), as: 0)
        for follower in followers { #expect(try fixture.unfollow(follower, 1)) }
        #expect(try fixture.statistics().edges == 0)
    }
}
