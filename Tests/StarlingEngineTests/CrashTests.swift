import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Power fails at every place of a short script; what comes back must be a beginning of it that has all that was
/// acknowledged.
@Suite struct CrashTests {
    @Test(arguments: CrashMode.allCases)
    func everyPowerFailureLeavesABeginningOfTheScript(mode: CrashMode) throws {
        let script = try CrashScript()
        for change in 0..<script.changes {
            let disk = script.emptyLog(seed: UInt64(change) * 3 + 1)
            disk.failPower(afterChanges: change)
            let acknowledged = script.run(on: disk)
            disk.crash(mode)
            try script.check(disk, acknowledged: acknowledged, "change \(change)")
        }
    }

    /// Power fails again while the engine recovers, and once more after that.
    @Test(arguments: CrashMode.allCases)
    func recoveryMayBeCutAnywhere(mode: CrashMode) throws {
        let script = try CrashScript()
        for cut in 0..<10 {
            let disk = script.emptyLog(seed: UInt64(cut) + 100)
            disk.failPower(afterChanges: script.changes - 3 - cut)
            let acknowledged = script.run(on: disk)
            disk.crash(mode)
            for again in [cut, cut / 2] {
                disk.failPower(afterChanges: again)
                _ = script.run(on: disk, commands: 0)
                disk.crash(mode)
            }
            try script.check(disk, acknowledged: acknowledged, "cut \(cut)")
        }
    }
}

/// Commands whose answers and effects are known from a run without failures.
struct CrashScript {
    private enum Step {
        case post(UInt64, bytes: Int)
        case follow(UInt64, UInt64)
        case unfollow(UInt64, UInt64)
        /// Deletes the post with this place in the order of posts.
        case delete(Int)
        case importFollows([(UInt64, UInt64)])
    }

    /// How many disk changes the whole script makes, opening and closing included.
    private(set) var changes = 0
    /// A log that was made and closed: how making one may be cut is the log's own business.
    private let base = SimulatedDisk(seed: 1)
    private let steps: [Step]
    /// What the posts say, by step.
    private let texts: [String]
    private var posts: [(id: PostID, author: UInt64)] = []
    /// The last record of each step.
    private var lastLSNs: [UInt64] = []
    private static let users: ClosedRange<UInt64> = 1...6
    /// Steps that are submitted together, and so share a commit.
    private static let stepsPerRound = 3

    private static let configuration: EngineConfiguration = {
        var configuration = EngineFixture.smallConfiguration()
        configuration.celebrityThreshold = 3
        return configuration
    }()

    init() throws {
        steps = [
            .follow(1, 2), .post(2, bytes: 10), .importFollows([(1, 3), (4, 2), (5, 2)]), .post(2, bytes: 20),
            .post(3, bytes: 6_000), .unfollow(4, 2), .delete(1), .post(2, bytes: 5), .follow(6, 3),
            .post(1, bytes: 4_000), .unfollow(5, 2), .follow(2, 1), .post(3, bytes: 10), .delete(0),
            .post(2, bytes: 9),
        ]
        // Random letters, so that the log is as long as the texts and segments end within the script.
        var random = SeededRandom(seed: 1)
        texts = steps.map { step in
            guard case .post(_, let bytes) = step else { return "" }
            return String(decoding: (0..<bytes).map { _ in UInt8(65 + random.next() % 58) }, as: UTF8.self)
        }
        try EngineFixture(Self.configuration, disk: base).engine.close()
        let disk = emptyLog(seed: 1)
        let fixture = try EngineFixture(Self.configuration, disk: disk)
        for (number, step) in steps.enumerated() {
            let receipt = try fixture.run(command(number), as: actor(number))
            if case .post(let author, _) = step, let id = receipt.outcome.post { posts.append((id, author)) }
            lastLSNs.append(fixture.engine.publishedLSN)
        }
        try fixture.engine.close()
        changes = disk.changeCount
    }

    func emptyLog(seed: UInt64) -> SimulatedDisk { SimulatedDisk(copying: base, seed: seed) }

    private func actor(_ number: Int) -> UInt64 {
        switch steps[number] {
        case .post(let author, _): author
        case .follow(let follower, _), .unfollow(let follower, _): follower
        case .delete(let place): posts[place].author
        case .importFollows: 1
        }
    }

    private func command(_ number: Int) -> Command {
        switch steps[number] {
        case .post(let author, _):
            return .createPost(NewPost(author: UserID(rawValue: author), text: texts[number]))
        case .follow(_, let followee): return .follow(UserID(rawValue: followee))
        case .unfollow(_, let followee): return .unfollow(UserID(rawValue: followee))
        case .delete(let place): return .deletePost(posts[place].id)
        case .importFollows(let edges):
            let rows = edges.map { NewFollow(follower: UserID(rawValue: $0.0), followee: UserID(rawValue: $0.1)) }
            return .importFollows(rows)
        }
    }

    /// Opens an engine and runs the first `commands` steps, or until the disk fails. Returns how many were acknowledged.
    func run(on disk: SimulatedDisk, commands: Int = .max) -> Int {
        guard let fixture = try? EngineFixture(Self.configuration, disk: disk) else { return 0 }
        let acknowledged = run(fixture, 0..<min(steps.count, commands))
        try? fixture.engine.close()
        return acknowledged
    }

    /// Runs some of the steps. Returns how many were acknowledged: always the first ones.
    private func run(_ fixture: EngineFixture, _ numbers: Range<Int>) -> Int {
        var acknowledged = 0
        var next = numbers.lowerBound
        while next < numbers.upperBound {
            let round = next..<min(next + Self.stepsPerRound, numbers.upperBound)
            let answers = round.map { fixture.submit(command($0), as: actor($0)) }
            fixture.settle()
            for (number, answer) in zip(round, answers) where (try? answer.value().get()) != nil {
                #expect(number == numbers.lowerBound + acknowledged, "an answer without the one before it")
                acknowledged += 1
            }
            next = round.upperBound
        }
        return acknowledged
    }

    /// What the first `count` steps come to.
    private func model(_ count: Int) -> FeedModel {
        var model = FeedModel()
        var posted = 0
        for step in steps.prefix(count) {
            switch step {
            case .post(let author, _):
                model.add(posts[posted].id, by: author)
                posted += 1
            case .follow(let follower, let followee): _ = model.follow(follower, followee)
            case .unfollow(let follower, let followee): _ = model.unfollow(follower, followee)
            case .delete(let place): _ = model.delete(at: place)
            case .importFollows(let edges): for edge in edges { _ = model.follow(edge.0, edge.1) }
            }
        }
        return model
    }

    /// Opens what a crash has left, compares it with the script's beginning, and runs the rest of the script.
    func check(_ disk: SimulatedDisk, acknowledged: Int, _ place: String) throws {
        let fixture = try EngineFixture(Self.configuration, disk: disk)
        let lastLSN = fixture.engine.publishedLSN
        // A step is there when its first record is; a switch of mode behind it changes nothing that can be seen.
        let survived = zip(lastLSNs, [0] + lastLSNs).count { last, before in before < lastLSN && before < last }
        #expect(survived >= acknowledged, "\(place): \(acknowledged) steps were acknowledged")
        try expect(fixture, model(survived), place)
        let digest = try fixture.digest()
        try fixture.restart(workers: 3)
        #expect(try fixture.digest() == digest, "\(place)")
        #expect(run(fixture, survived..<steps.count) == steps.count - survived, "\(place)")
        try expect(fixture, model(steps.count), place)
        try fixture.engine.close()
    }

    private func expect(_ fixture: EngineFixture, _ model: FeedModel, _ place: String) throws {
        for user in Self.users {
            #expect(try fixture.feed(user) == model.feed(user), "\(place), feed of \(user)")
            #expect(try fixture.posts(of: user) == model.posts(of: user), "\(place), posts of \(user)")
            #expect(try fixture.following(user) == model.followees(user), "\(place), following of \(user)")
        }
    }
}
