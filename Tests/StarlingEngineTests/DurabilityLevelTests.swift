import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Writes that ask for more or less than the engine gives by itself: what their answers say, when they leave, and what is
/// there after the process or the power has gone.
@Suite struct DurabilityLevelTests {
    private typealias Answer = Box<Result<WriteReceipt, EngineError>>

    private static func fixture(_ level: AcknowledgementLevel) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration()
        configuration.acknowledgement = level
        return try EngineFixture(configuration)
    }

    private static func submit(
        _ fixture: EngineFixture, _ command: Command, _ level: AcknowledgementLevel?, key: String? = nil
    ) -> Answer {
        let box = Answer()
        let context = WriteContext(actor: UserID(rawValue: 1), idempotencyKey: key, durability: level)
        fixture.engine.submit(command, context) { box.set($0) }
        return box
    }

    private static func run(
        _ fixture: EngineFixture, _ command: Command, _ level: AcknowledgementLevel?, key: String? = nil
    ) throws -> WriteReceipt {
        let box = submit(fixture, command, level, key: key)
        fixture.settle()
        return try box.value().get()
    }

    private static func post(_ text: String = "hello") -> Command {
        .createPost(NewPost(author: UserID(rawValue: 1), text: text))
    }

    // MARK: What answers say

    @Test(arguments: AcknowledgementLevel.allCases, AcknowledgementLevel.allCases)
    func answerStatesTheLevelThatWasAskedFor(own: AcknowledgementLevel, asked: AcknowledgementLevel) throws {
        let fixture = try Self.fixture(own)
        #expect(try Self.run(fixture, Self.post(), nil).durability == own)
        #expect(try Self.run(fixture, Self.post(), asked).durability == asked)
        #expect(try Self.run(fixture, .follow(UserID(rawValue: 2)), asked).durability == asked)
        // Changes nothing.
        #expect(try Self.run(fixture, .follow(UserID(rawValue: 2)), asked).durability == asked)
        let rows = [NewPost(author: UserID(rawValue: 3), text: "a"), NewPost(author: UserID(rawValue: 4), text: "b")]
        #expect(try Self.run(fixture, .importPosts(rows), asked).durability == asked)
    }

    // MARK: When answers leave

    /// One round with a write at each level, and a disk that fails in the middle of it.
    @Test(arguments: AcknowledgementLevel.allCases, [DiskOperation.write, .sync])
    func answersLeaveAsSoonAsTheirLevelIsReached(own: AcknowledgementLevel, failing: DiskOperation) throws {
        let fixture = try Self.fixture(own)
        // At a lower level, so that ids are reserved ahead.
        _ = try Self.run(fixture, Self.post(), .memory)
        fixture.disk.fail(failing, code: SystemErrorCode.inputOutput)
        let levels: [AcknowledgementLevel?] = [.disk, .os, .memory, nil]
        let answers = levels.map { Self.submit(fixture, Self.post(), $0) }
        fixture.settle()
        let reached: AcknowledgementLevel = failing == .write ? .memory : .os
        for (level, answer) in zip(levels, answers) {
            switch try answer.value() {
            case .success(let receipt):
                #expect(level ?? own <= reached, "\(String(describing: level))")
                #expect(receipt.durability == level ?? own)
            case .failure(let error):
                #expect(level ?? own > reached, "\(String(describing: level))")
                #expect(error.name == "unknownOutcome")
            }
        }
        #expect(fixture.engine.failure != nil)
        #expect(try fixture.refusal(Self.post(), as: 1) == "closed")
    }

    /// An answer may come before the commit, but nobody sees the write before.
    @Test(arguments: [AcknowledgementLevel.memory, .os])
    func readersSeeAWriteOnlyWhenItIsCommitted(asked: AcknowledgementLevel) throws {
        let fixture = try Self.fixture(.disk)
        let first = try Self.run(fixture, Self.post(), nil)
        let seen = Box<UInt64>()
        let engine = fixture.engine
        let context = WriteContext(actor: UserID(rawValue: 1), durability: asked)
        engine.submit(Self.post(), context) { _ in seen.set(engine.publishedLSN) }
        fixture.settle()
        #expect(try seen.value() == first.lsn)
        #expect(engine.publishedLSN == first.lsn + 1)
    }

    @Test func writesAtTheirOwnLevelCostNoMoreSyncs() throws {
        let fixture = try Self.fixture(.os)
        _ = try Self.run(fixture, Self.post(), nil)
        let before = fixture.engine.logStatistics.syncs
        for asked in [AcknowledgementLevel.memory, .os, nil] { _ = try Self.run(fixture, Self.post(), asked) }
        #expect(fixture.engine.logStatistics.syncs == before)
        #expect(try Self.run(fixture, Self.post(), .disk).durability == .disk)
        #expect(fixture.engine.logStatistics.syncs == before + 1)
        // A refusal has nothing to be made safe, and a write that changed nothing is safe with what stands before it.
        #expect(throws: EngineError.self) { _ = try Self.run(fixture, .deletePost(PostID(rawValue: 5)), .disk) }
        #expect(try Self.run(fixture, .unfollow(UserID(rawValue: 9)), .disk).durability == .disk)
        #expect(fixture.engine.logStatistics.syncs == before + 1)
    }

    /// The last batch is not vouched for before something durable follows it: that must come soon for one that was
    /// answered as durable, whatever the engine gives by itself.
    @Test(arguments: AcknowledgementLevel.allCases)
    func rotInADurableWriteIsSeenAfterAMoment(own: AcknowledgementLevel) throws {
        let fixture = try Self.fixture(own)
        _ = try Self.run(fixture, Self.post("precious"), .disk)
        fixture.time.advance(milliseconds: 150)
        fixture.settle()
        try fixture.engine.close(clean: false)
        let name = try #require(fixture.disk.files.first { $0.hasSuffix(".seg") })
        let bytes = try #require(fixture.disk.contents(name))
        let words = Array("precious".utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: words) })
        fixture.disk.corrupt(name, byte: place, bit: 1)
        #expect {
            try fixture.restart(crash: .keepUnsynced)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 65
        }
    }

    // MARK: Repeated keys

    @Test func repeatedKeyOfADurableRecordSaysSo() throws {
        let fixture = try Self.fixture(.os)
        #expect(try Self.run(fixture, Self.post(), nil, key: "k").durability == .os)
        #expect(try Self.run(fixture, Self.post(), nil, key: "k").durability == .os)
        #expect(try Self.run(fixture, Self.post(), .memory, key: "k").durability == .os)
        _ = try Self.run(fixture, Self.post("another"), .disk)
        for asked in [AcknowledgementLevel.memory, .os, .disk, nil] {
            let again = try Self.run(fixture, Self.post(), asked, key: "k")
            #expect(again.isReplay && again.durability == .disk)
        }
        try fixture.restart(crash: .loseUnsynced)
        #expect(try Self.run(fixture, Self.post(), .memory, key: "k").durability == .disk)
    }

    @Test(arguments: [AcknowledgementLevel.memory, .os])
    func repeatedKeyWaitsForTheLevelThatItAsksFor(own: AcknowledgementLevel) throws {
        for fails in [false, true] {
            let fixture = try Self.fixture(own)
            let first = try Self.run(fixture, Self.post(), nil, key: "k")
            if fails { fixture.disk.fail(.sync, code: SystemErrorCode.inputOutput) }
            let again = Self.submit(fixture, Self.post(), .disk, key: "k")
            fixture.settle()
            if fails {
                #expect(try again.value().errorName == "unknownOutcome")
            } else {
                let receipt = try again.value().get()
                #expect(receipt.isReplay && receipt.lsn == first.lsn && receipt.durability == .disk)
                try fixture.restart(crash: .loseUnsynced)
                #expect(fixture.engine.publishedLSN == first.lsn)
            }
        }
    }

    /// Use and repetition in one round: the second answer is no safer than the record is.
    @Test func repetitionInTheSameRoundIsNoSafer() throws {
        let fixture = try Self.fixture(.disk)
        // At a lower level, so that ids are reserved ahead.
        _ = try Self.run(fixture, Self.post(), .memory)
        fixture.disk.fail(.sync, code: SystemErrorCode.inputOutput)
        let answers = [AcknowledgementLevel.os, .memory, .disk].map {
            Self.submit(fixture, Self.post(), $0, key: "k")
        }
        fixture.settle()
        #expect(try answers[0].value().get().durability == .os)
        #expect(try answers[1].value().get().durability == .memory)
        #expect(try answers[2].value().errorName == "unknownOutcome")
    }

    /// The rows of a batch may have been accepted at different times; all of them must be safe.
    @Test func repeatedBatchIsAsSafeAsItsNewestRow() throws {
        let fixture = try Self.fixture(.os)
        var future = NewPost(author: UserID(rawValue: 2), text: "too early")
        future.createdAt = fixture.time.wallMilliseconds() + 1_000
        let batch = Command.importPosts([future, NewPost(author: UserID(rawValue: 3), text: "now")])
        _ = try Self.run(fixture, batch, .disk, key: "k")
        fixture.time.advance(milliseconds: 2_000)
        let second = try Self.run(fixture, batch, .os, key: "k")
        #expect(second.durability == .os && !second.isReplay)
        let third = try Self.run(fixture, batch, .disk, key: "k")
        #expect(third.isReplay && third.lsn == second.lsn && third.durability == .disk)
        try fixture.restart(crash: .loseUnsynced)
        #expect(fixture.engine.publishedLSN == second.lsn)
    }

    // MARK: Crashes

    /// Power fails, or the process ends, at every change of the disk. What was answered at `disk` is always there, what was
    /// answered at `os` after the end of the process, and what is there is a beginning.
    @Test(arguments: AcknowledgementLevel.allCases, CrashMode.allCases)
    func crashTakesNoMoreThanTheAnswersAllow(own: AcknowledgementLevel, mode: CrashMode) throws {
        let base = SimulatedDisk(seed: 1)
        var configuration = EngineFixture.smallConfiguration()
        configuration.acknowledgement = own
        try EngineFixture(configuration, disk: base).engine.close()
        var lost = 0
        for change in 0..<60 {
            let disk = SimulatedDisk(copying: base, seed: UInt64(change) + 5)
            let fixture = try EngineFixture(configuration, disk: disk)
            disk.failPower(afterChanges: change)
            var promised: UInt64 = 0
            var told: UInt64 = 0
            for round in 0..<8 {
                let levels: [AcknowledgementLevel?] = [[.memory, .os], [nil], [.disk, .os, nil]][round % 3]
                let answers = levels.map { Self.submit(fixture, Self.post("round \(round)"), $0) }
                fixture.settle()
                for case .success(let receipt) in try answers.map({ try $0.value() }) {
                    told = max(told, receipt.lsn)
                    let needed: AcknowledgementLevel = mode == .keepUnsynced ? .os : .disk
                    if receipt.durability >= needed { promised = max(promised, receipt.lsn) }
                }
            }
            let isOver = disk.isPowered
            try? fixture.engine.close(clean: false)
            disk.crash(mode)
            let again = try EngineFixture(configuration, disk: disk)
            #expect(again.engine.publishedLSN >= promised, "power failed after \(change) changes")
            if again.engine.publishedLSN < told { lost += 1 }
            if isOver { break }
        }
        // The test must be able to see a loss: weaker answers leave early enough for one.
        #expect(lost > 0, "no answer was ever early")
    }
}
