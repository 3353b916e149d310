import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// No id that was answered is given to another post, also when the power takes the post and the clock is set back.
@Suite struct PostIDReservationTests {
    private static let path = "/data/post-ids"

    private static func fixture(_ level: AcknowledgementLevel, seed: UInt64 = 1) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration()
        configuration.acknowledgement = level
        return try EngineFixture(configuration, seed: seed)
    }

    /// Posts of many authors, single and in imports, over some seconds; the ids that were answered.
    private static func posts(
        _ fixture: EngineFixture, _ random: inout SeededRandom, asking level: AcknowledgementLevel? = nil
    ) throws -> [UInt64] {
        var ids: [UInt64] = []
        for _ in 0..<40 {
            let author = UserID(rawValue: 1 + random.next() % 5)
            let rows = (0..<1 + random.next() % 4).map { _ in NewPost(author: author, text: "x") }
            let box = Box<Result<WriteReceipt, EngineError>>()
            let command = rows.count == 1 ? Command.createPost(rows[0]) : .importPosts(rows)
            fixture.engine.submit(command, WriteContext(actor: author, durability: level)) { box.set($0) }
            fixture.settle()
            switch try box.value().get().outcome {
            case .post(let id): ids.append(id.rawValue)
            case .posts(let results): ids += try results.map { try $0.get().rawValue }
            default: throw UnexpectedOutcome()
            }
            fixture.time.advance(milliseconds: random.next() % 400)
        }
        return ids
    }

    @Test(arguments: AcknowledgementLevel.allCases, CrashMode.allCases)
    func noIDIsGivenTwice(level: AcknowledgementLevel, mode: CrashMode) throws {
        for seed in UInt64(1)...8 {
            var random = SeededRandom(seed: seed)
            let fixture = try Self.fixture(level, seed: seed)
            var given: Set<UInt64> = []
            for _ in 0..<4 {
                let now = fixture.time.wallMilliseconds()
                for id in try Self.posts(fixture, &random) {
                    #expect(given.insert(id).inserted, "id \(id) was given before")
                }
                try fixture.restart(crash: mode)
                fixture.time.setWall(milliseconds: now - random.next() % 100_000)
            }
        }
    }

    /// A durable server that is asked for less gives ids away that are not safe, too.
    @Test(arguments: [AcknowledgementLevel.memory, .os])
    func lowerLevelsOfSingleWritesAreCovered(asked: AcknowledgementLevel) throws {
        var random = SeededRandom(seed: 1)
        let fixture = try Self.fixture(.disk)
        let first = Set(try Self.posts(fixture, &random, asking: asked))
        let now = fixture.time.wallMilliseconds()
        // All that the log has of them goes; the reservation stays.
        try fixture.restart(crash: .loseUnsynced)
        fixture.time.setWall(milliseconds: now - 3_600_000)
        #expect(first.isDisjoint(with: try Self.posts(fixture, &random)))
    }

    @Test func idsRiseOverRestarts() throws {
        var random = SeededRandom(seed: 1)
        let fixture = try Self.fixture(.os)
        var last: UInt64 = 0
        for crash in [CrashMode.loseUnsynced, nil, .keepUnsynced, nil] {
            for id in try Self.posts(fixture, &random) {
                #expect(id > last)
                last = id
            }
            try fixture.restart(crash: crash)
        }
    }

    /// What is answered when it is durable needs no reservation, so it pays for none.
    @Test func durableWritesCostNoFurtherSync() throws {
        let fixture = try Self.fixture(.disk)
        fixture.time.advance(milliseconds: 60_000)
        let file = try fixture.disk.open(Self.path, .read)
        let before = try Self.bytes(file)
        var random = SeededRandom(seed: 1)
        _ = try Self.posts(fixture, &random)
        #expect(try Self.bytes(file) == before)
    }

    /// Ids that are safe in the log go on with the clock, not behind it.
    @Test func cleanDurableRestartsDoNotMoveIDsAhead() throws {
        let fixture = try Self.fixture(.disk)
        _ = try fixture.post(1)
        try fixture.restart()
        fixture.time.advance(milliseconds: 1)
        #expect(try fixture.post(1).milliseconds == fixture.time.wallMilliseconds())
    }

    /// A reservation that cannot be written is a failed sync like any other: nobody is told an id that may come again.
    @Test(arguments: [DiskOperation.write, .sync])
    func failedReservationAnswersNothing(failing: DiskOperation) throws {
        let fixture = try Self.fixture(.memory)
        fixture.disk.fail(failing, afterCalls: 0, code: SystemErrorCode.inputOutput)
        let post = Command.createPost(NewPost(author: UserID(rawValue: 1), text: "x"))
        #expect(try fixture.refusal(post, as: 1) == "unknownOutcome")
        #expect(fixture.engine.failure != nil)
    }

    // MARK: The file

    private static func bytes(_ file: any DiskFile) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(try file.size()))
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return bytes
    }

    private static func flip(_ disk: SimulatedDisk, at offset: UInt64) throws {
        let file = try disk.open(path, .readWrite)
        defer { file.close() }
        var byte: UInt8 = 0
        _ = try withUnsafeMutableBytes(of: &byte) { try file.read(into: $0, at: offset) }
        byte ^= 0x10
        try withUnsafeBytes(of: &byte) { try file.write($0, at: offset) }
        try file.sync()
    }

    @Test func rotInOneCopyCostsNothing() throws {
        for place in (0..<28).flatMap({ [UInt64($0), UInt64($0) + 4096] }) {
            var random = SeededRandom(seed: 1)
            let fixture = try Self.fixture(.os)
            let first = Set(try Self.posts(fixture, &random))
            try fixture.engine.close(clean: false)
            fixture.disk.crash(.loseUnsynced)
            try Self.flip(fixture.disk, at: place)
            fixture.time.setWall(milliseconds: fixture.time.wallMilliseconds() - 60_000)
            try fixture.restart(crash: .loseUnsynced)
            #expect(first.isDisjoint(with: try Self.posts(fixture, &random)), "byte \(place)")
        }
    }

    /// With both copies gone, the clock is all there is: ids go on where no reservation of its time reached to.
    @Test func rotInBothCopiesIsSaidAndPassedOver() throws {
        var random = SeededRandom(seed: 1)
        let fixture = try Self.fixture(.os)
        let first = Set(try Self.posts(fixture, &random))
        try fixture.engine.close(clean: false)
        fixture.disk.crash(.loseUnsynced)
        let bothCopies: [UInt64] = [17, 4096 + 20]
        for place in bothCopies { try Self.flip(fixture.disk, at: place) }
        let notices = Box<String>()
        var environment = EngineEnvironment(disk: fixture.disk, time: fixture.time, seed: 3)
        environment.notify = { notices.set($0.text) }
        let engine = try Engine.open(
            directory: "/data", configuration: fixture.configuration, environment: environment, execution: .manual)
        #expect(try notices.value().hasPrefix("post-ids was damaged"))
        try engine.close(clean: false)
        try fixture.restart(crash: .loseUnsynced)
        #expect(first.isDisjoint(with: try Self.posts(fixture, &random)))
    }

    @Test func fileOfAnotherLogSaysNothing() throws {
        let disk = SimulatedDisk(seed: 1)
        try disk.createDirectory("/data")
        let other = try PostIDReservation(directory: "/data", disk: disk, logID: 1, wallMilliseconds: 0)
        try other.cover(1_900_000_000_000)
        #expect(other.milliseconds == 1_900_000_000_000 + PostIDReservation.stepMilliseconds)
        let same = try PostIDReservation(directory: "/data", disk: disk, logID: 1, wallMilliseconds: 0)
        #expect(same.milliseconds == other.milliseconds)
        let own = try PostIDReservation(directory: "/data", disk: disk, logID: 2, wallMilliseconds: 0)
        #expect(own.milliseconds == PostIDMint.epoch)
        #expect(!own.wasDamaged)
    }

    /// The power fails at every change of the disk: what was covered once stays covered.
    @Test(arguments: CrashMode.allCases)
    func coverSurvivesEveryPowerFailure(mode: CrashMode) throws {
        for change in 0..<20 {
            let disk = SimulatedDisk(seed: UInt64(change))
            try disk.createDirectory("/data")
            try disk.syncDirectory("/")
            disk.failPower(afterChanges: change)
            var covered = PostIDMint.epoch
            if let file = try? PostIDReservation(directory: "/data", disk: disk, logID: 1, wallMilliseconds: 0) {
                for step in 1...4 {
                    let last = PostIDMint.epoch + UInt64(step) * 5_000
                    guard (try? file.cover(last)) != nil else { break }
                    covered = last
                }
            }
            disk.crash(mode)
            let after = try PostIDReservation(directory: "/data", disk: disk, logID: 1, wallMilliseconds: 0)
            #expect(after.milliseconds >= covered, "change \(change)")
            #expect(!after.wasDamaged, "change \(change)")
        }
    }
}
