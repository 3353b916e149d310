import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingEngine

@Suite struct QueueLimitTests {
    private func fixture(_ change: (inout EngineConfiguration) -> Void) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration(workers: 1)
        change(&configuration)
        return try EngineFixture(configuration)
    }

    private func submitFeed(
        _ fixture: EngineFixture, minimumLSN: UInt64 = 0
    ) -> Box<Result<PostPage, EngineError>> {
        let box = Box<Result<PostPage, EngineError>>()
        fixture.engine.feed(of: UserID(rawValue: 1), minimumLSN: minimumLSN) { box.set($0) }
        return box
    }

    // MARK: Writes

    @Test func writesBeyondTheQueueAreToldToComeBack() throws {
        let fixture = try fixture { $0.writeQueueLimit = 10 }
        let answers = (1...12).map { fixture.submit(.follow(UserID(rawValue: UInt64($0) + 1)), as: 1) }
        #expect(try answers.suffix(2).map { try $0.value().errorName } == ["overloaded", "overloaded"])
        fixture.settle()
        #expect(try fixture.following(1) == Set(2...11))
        #expect(try fixture.follow(1, 99))
    }

    @Test func bytesThatWaitAreBounded() throws {
        let fixture = try fixture { $0.writeQueueBytes = 100_000 }
        let large = Command.createPost(
            NewPost(author: UserID(rawValue: 1), text: String(repeating: "x", count: 60_000)))
        let answers = (0..<2).map { _ in fixture.submit(large, as: 1) }
        #expect(try answers[1].value().errorName == "overloaded")
        fixture.settle()
        #expect(try fixture.posts(of: 1).count == 1)
    }

    /// An import that is larger than the whole queue passes when it is alone.
    @Test func commandLargerThanTheQueuePassesAlone() throws {
        let fixture = try fixture { $0.writeQueueBytes = 1_000 }
        #expect(try fixture.importFollows((2...500).map { (1, $0) }).rows.count == 499)
    }

    // MARK: Reads

    @Test func readsBeyondTheQueueAreToldToComeBack() throws {
        let fixture = try fixture { $0.readQueueLimit = 5 }
        let answers = (0..<7).map { _ in submitFeed(fixture) }
        #expect(try answers.suffix(2).map { try $0.value().errorName } == ["overloaded", "overloaded"])
        fixture.settle()
        #expect(try answers.prefix(5).map { try $0.value().errorName } == Array(repeating: "", count: 5))
    }

    /// Reads that wait for a write count too, though they have left the queue.
    @Test func readsThatWaitAreBounded() throws {
        let fixture = try fixture { $0.readQueueLimit = 5 }
        var answers: [Box<Result<PostPage, EngineError>>] = []
        for _ in 0..<4 {
            answers += (0..<2).map { _ in submitFeed(fixture, minimumLSN: 1_000) }
            fixture.settle()
        }
        #expect(answers.compactMap { try? $0.value().errorName } == Array(repeating: "overloaded", count: 3))
        #expect(try fixture.feed(1) == [])
        fixture.time.advance(milliseconds: 1_000)
        fixture.settle()
        #expect(try answers.prefix(5).map { try $0.value().errorName } == Array(repeating: "notYetVisible", count: 5))
        #expect(submitFeed(fixture, minimumLSN: 1_000).isEmpty)
    }

    @Test func readWaitsASecondForAWriteAndNoLonger() throws {
        let fixture = try fixture { _ in }
        try fixture.follow(1, 2)
        let answer = submitFeed(fixture, minimumLSN: 50)
        fixture.settle()
        fixture.time.advance(milliseconds: 999)
        fixture.settle()
        #expect(answer.isEmpty)
        fixture.time.advance(milliseconds: 1)
        fixture.settle()
        guard case .failure(.notYetVisible(let wanted, let applied)) = try answer.value() else {
            throw UnexpectedOutcome()
        }
        #expect((wanted, applied) == (50, 1))
    }

    @Test func readIsAnsweredByTheWriteItWaitsFor() throws {
        let fixture = try fixture { _ in }
        try fixture.follow(1, 2)
        let answers = (1...6).map { submitFeed(fixture, minimumLSN: $0) }
        for count in 1...5 {
            fixture.settle()
            let answered = try answers.filter { !$0.isEmpty }.map { try $0.value().get().asOfLSN }
            #expect(answered.count == count)
            // Record 1 is the follow, so that many posts are seen.
            #expect(try answers[count - 1].value().get().entries.count == count - 1)
            _ = try fixture.post(2)
        }
    }

    @Test func waitingReadsAreRefusedAtTheEnd() throws {
        let fixture = try fixture { _ in }
        let answers = [submitFeed(fixture, minimumLSN: 50), submitFeed(fixture)]
        try fixture.engine.close(clean: false)
        #expect(try answers.map { try $0.value().errorName } == ["closed", "closed"])
        #expect(try submitFeed(fixture).value().errorName == "closed")
    }

    // MARK: Ring

    /// Five imports need more slots than the ring has, so the last ones wait until the worker has taken the first ones.
    @Test func importsBackToBackWaitForRoomInTheRing() throws {
        let fixture = try fixture { $0.celebrityThreshold = 1_000_000 }
        let answers = (0..<5).map { fixture.submit(.followsOfStrangers(batch: $0), as: 1) }
        // One round takes what there is room for and leaves the rest.
        #expect(fixture.engine.step())
        #expect(answers.count { !$0.isEmpty } == 4)
        fixture.settle()
        #expect(answers.allSatisfy { (try? $0.value().get()) != nil })
        #expect(try fixture.statistics().edges == 50_000)
        #expect(fixture.engine.publishedLSN == 5)
    }

    @Test func cleanCloseFinishesWhatWaits() throws {
        let fixture = try fixture { _ in }
        let answers = (2...300).map { fixture.submit(.follow(UserID(rawValue: $0)), as: 1) }
        try fixture.engine.close()
        #expect(answers.allSatisfy { (try? $0.value().get()) != nil })
        #expect(try fixture.submit(.follow(UserID(rawValue: 999)), as: 1).value().errorName == "closed")
        try fixture.restart()
        #expect(try fixture.following(1).count == 299)
    }

    @Test func uncleanCloseWritesNothingMore() throws {
        let fixture = try fixture { _ in }
        let answer = fixture.submit(.follow(UserID(rawValue: 2)), as: 1)
        try fixture.engine.close(clean: false)
        #expect(try answer.value().errorName == "closed")
        try fixture.restart()
        #expect(try fixture.following(1) == [])
    }
}
