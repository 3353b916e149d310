import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct SessionTests {
    private static func hash(_ number: UInt8) -> RefreshHash {
        RefreshHash([UInt8](repeating: number, count: 32)).unsafelyUnwrapped
    }

    private static let never = UInt64.max

    private static func start(
        _ fixture: EngineFixture, _ user: UInt64, _ number: UInt8 = 1, checked: String = "hash",
        expires: UInt64 = never
    ) throws -> UInt64 {
        let command = AccountCommand.startSession(checkedHash: checked, { _ in hash(number) }, expiresAt: expires)
        guard case .session(.started(let id)) = try fixture.run(.account(command), as: user).outcome else {
            throw UnexpectedOutcome()
        }
        return id
    }

    private static func refresh(_ id: UInt64, _ generation: UInt32, _ number: UInt8) -> Command {
        .account(
            .refreshSession(
                id, generation: generation, hash(number), next: hash(number + 1), expiresAt: never))
    }

    private static func outcome(_ fixture: EngineFixture, _ command: Command) throws -> SessionOutcome {
        guard case .session(let outcome) = try fixture.run(command, as: 0).outcome else { throw UnexpectedOutcome() }
        return outcome
    }

    @Test(arguments: [nil, CrashMode.loseUnsynced], [true, false])
    func sessionsGoOnOverARestart(crash: CrashMode?, snapshot: Bool) throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        let first = try Self.start(fixture, bob)
        let second = try Self.start(fixture, bob, 9)
        let ended = try Self.start(fixture, bob, 5)
        #expect(try Self.outcome(fixture, .account(.endSession(ended))) == .ended(changed: true))
        #expect(
            try Self.outcome(fixture, Self.refresh(first, 0, 1))
                == .refreshed(user: UserID(rawValue: bob), generation: 1))
        if snapshot { try fixture.snapshot() }
        try fixture.restart(crash: crash, workers: 3)
        #expect([first, second, ended].map(fixture.engine.isSessionLive) == [true, true, false])
        #expect(
            try Self.outcome(fixture, Self.refresh(first, 1, 2))
                == .refreshed(user: UserID(rawValue: bob), generation: 2))
        // A row that is free again gives another id.
        let later = try Self.start(fixture, bob)
        #expect(later != ended && later >> 32 == ended >> 32)
        #expect(!fixture.engine.isSessionLive(ended) && fixture.engine.isSessionLive(later))
    }

    @Test func aTokenThatIsUsedTwiceEndsTheSessionAndNoOther() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        let stolen = try Self.start(fixture, bob)
        let other = try Self.start(fixture, bob)
        _ = try Self.outcome(fixture, Self.refresh(stolen, 0, 1))
        _ = try Self.outcome(fixture, Self.refresh(stolen, 1, 2))
        #expect(try Self.outcome(fixture, Self.refresh(stolen, 0, 1)) == .reused)
        #expect(!fixture.engine.isSessionLive(stolen) && fixture.engine.isSessionLive(other))
        // Also the newest token is worth nothing now, and says nothing of the difference.
        #expect(try fixture.refusal(Self.refresh(stolen, 2, 3), as: 0) == "sessionEnded")
        #expect(try fixture.refusal(Self.refresh(stolen, 0, 1), as: 0) == "sessionEnded")
    }

    @Test func twoWhoRefreshAtOnceDoNotBothGetTokens() throws {
        let fixture = try EngineFixture.small()
        let session = try Self.start(fixture, try fixture.register("bob"))
        let asked = (0..<20).map { _ in fixture.submit(Self.refresh(session, 0, 1), as: 0) }
        fixture.settle()
        let refreshed = try asked.filter {
            if case .success(let receipt) = try $0.value(), case .session(.refreshed) = receipt.outcome {
                true
            } else {
                false
            }
        }
        #expect(refreshed.count == 1)
        #expect(!fixture.engine.isSessionLive(session))
    }

    @Test func expiredSessionsAreRefusedAndTheirRowsUsedAgain() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        let session = try Self.start(fixture, bob, expires: fixture.time.wallMilliseconds() + 10)
        fixture.time.advance(milliseconds: 11)
        #expect(try fixture.refusal(Self.refresh(session, 0, 1), as: 0) == "sessionEnded")
        for _ in 0..<3 { _ = try fixture.post(1) }
        #expect(!fixture.engine.isSessionLive(session))
        #expect(try Self.start(fixture, bob) >> 32 == session >> 32)
    }

    @Test func anotherPasswordEndsTheOtherSessionsAndADeletionAll() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        let sessions = try (0..<4).map { _ in try Self.start(fixture, bob) }
        let foreign = try Self.start(fixture, try fixture.register("ann"))
        let change = CredentialsUpdate(checkedHash: "hash", passwordHash: "new", keptSession: sessions[2])
        try fixture.run(.account(.changeCredentials(change)), as: bob)
        #expect(sessions.map(fixture.engine.isSessionLive) == [false, false, true, false])
        let late = AccountCommand.startSession(checkedHash: "hash", { _ in Self.hash(1) }, expiresAt: Self.never)
        #expect(try fixture.refusal(.account(late), as: bob) == "credentialsChanged")
        _ = try fixture.deleteAccount(bob)
        #expect(!fixture.engine.isSessionLive(sessions[2]) && fixture.engine.isSessionLive(foreign))
        #expect(try fixture.refusal(.account(late), as: bob) == "accountDeleted")
        try fixture.restart(crash: .loseUnsynced)
        #expect(!fixture.engine.isSessionLive(sessions[2]) && fixture.engine.isSessionLive(foreign))
    }

    @Test func aUsersSessionsAreBounded() throws {
        let fixture = try EngineFixture.small()
        let bob = try fixture.register("bob")
        let sessions = try (0..<100).map { _ in try Self.start(fixture, bob) }
        #expect(sessions.filter(fixture.engine.isSessionLive).count == SessionTable.maximumPerUser)
        #expect(fixture.engine.isSessionLive(sessions[99]) && !fixture.engine.isSessionLive(sessions[0]))
    }

    /// Forged ids lead nowhere, however large the row that they name.
    @Test(arguments: [0, 1, 1 << 32, .max, .max << 32, (1 << 20) << 32 | 1] as [UInt64])
    func unknownSessionsAreNotLive(id: UInt64) throws {
        let fixture = try EngineFixture.small()
        #expect(!fixture.engine.isSessionLive(id))
        #expect(try fixture.refusal(Self.refresh(id, 0, 1), as: 0) == "sessionEnded")
    }
}
