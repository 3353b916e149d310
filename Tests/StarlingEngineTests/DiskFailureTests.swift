import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingEngine

@Suite struct DiskFailureTests {
    private func post(_ text: String = "hello") -> Command {
        .createPost(NewPost(author: UserID(rawValue: 1), text: text))
    }

    /// An engine with one post that was acknowledged, whose next commit fails.
    private func failedFixture(_ operation: DiskOperation) throws -> (EngineFixture, PostID, [String]) {
        let fixture = try EngineFixture()
        try fixture.follow(2, 1)
        let id = try fixture.post(1)
        fixture.disk.fail(operation, code: SystemErrorCode.inputOutput)
        let answers = (0..<3).map { _ in fixture.submit(post(), as: 1) }
        fixture.settle()
        return (fixture, id, try answers.map { try $0.value().errorName })
    }

    @Test(arguments: [DiskOperation.sync, .write])
    func failedCommitIsAnsweredHonestlyAndFinal(operation: DiskOperation) throws {
        let (fixture, id, answers) = try failedFixture(operation)
        #expect(answers == ["unknownOutcome", "unknownOutcome", "unknownOutcome"])
        #expect(fixture.engine.failure != nil)
        #expect(try fixture.refusal(post(), as: 1) == "closed")
        #expect(try fixture.refusal(.barrier, as: 1) == "closed")
        // What was acknowledged, and nothing else, is still shown.
        #expect(try fixture.feed(2) == [id])
    }

    @Test(arguments: [DiskOperation.sync, .write], [nil, .loseUnsynced, .randomSectors] as [CrashMode?])
    func engineOpensAgainAfterAFailedCommit(operation: DiskOperation, crash: CrashMode?) throws {
        let (fixture, id, _) = try failedFixture(operation)
        try fixture.restart(crash: crash)
        #expect(fixture.engine.failure == nil)
        #expect(try fixture.feed(2).last == id)
        let next = try fixture.post(1)
        #expect(try fixture.feed(2).first == next)
    }

    @Test func failureIsToldOnce() throws {
        let disk = SimulatedDisk(seed: 1)
        let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
        let told = Box<[String]>()
        told.set([])
        let engine = try Engine.open(
            directory: "/data", configuration: EngineFixture.smallConfiguration(),
            environment: EngineEnvironment(disk: disk, time: time, seed: 1), execution: .manual,
            onFailure: { text in told.set(((try? told.value()) ?? []) + [text]) })
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        for _ in 0..<3 {
            engine.submit(post(), WriteContext(actor: UserID(rawValue: 1))) { _ in }
            while engine.step() {}
        }
        try engine.close()
        #expect(try told.value().count == 1)
    }

    @Test func fullDiskRefusesWritesUntilThereIsSpace() throws {
        let fixture = try EngineFixture()
        try fixture.follow(2, 1)
        var random = SeededRandom(seed: 3)
        let text = String(decoding: (0..<30_000).map { _ in UInt8(65 + random.next() % 58) }, as: UTF8.self)
        fixture.disk.setCapacity(fixture.disk.usedBytes)
        var refused = 0
        var posts: [PostID] = []
        for _ in 0..<8 {
            let answer = fixture.submit(post(text), as: 1)
            fixture.settle()
            switch try answer.value() {
            case .success(let receipt): posts.insert(try #require(receipt.outcome.post), at: 0)
            case .failure(let error):
                #expect(error.name == "outOfSpace")
                refused += 1
            }
        }
        #expect(refused > 0)
        #expect(fixture.engine.failure == nil)
        #expect(try fixture.feed(2) == posts)
        fixture.disk.setCapacity(nil)
        posts.insert(try fixture.post(1, text), at: 0)
        #expect(try fixture.feed(2) == posts)
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.feed(2) == posts)
    }

    /// Two posts in a quiet minute: the marker behind the second is not the next record's business.
    @Test func markersBetweenWritesLoseNothing() throws {
        let fixture = try EngineFixture()
        try fixture.follow(2, 1)
        var posts: [PostID] = []
        for _ in 0..<5 {
            posts.insert(try fixture.post(1), at: 0)
            fixture.time.advance(milliseconds: 60_000)
            fixture.settle()
        }
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.feed(2) == posts)
    }

    @Test(arguments: [DiskOperation.sync, .write])
    func failedMarkerEndsTheWriting(operation: DiskOperation) throws {
        let fixture = try EngineFixture()
        let id = try fixture.post(1)
        fixture.disk.fail(operation, code: SystemErrorCode.inputOutput)
        fixture.time.advance(milliseconds: 60_000)
        fixture.settle()
        #expect(fixture.engine.failure != nil)
        #expect(try fixture.refusal(post(), as: 1) == "closed")
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.posts(of: 1) == [id])
    }
}
