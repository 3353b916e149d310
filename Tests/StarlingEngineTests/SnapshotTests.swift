import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// The engine's snapshots: taken while it works, loaded at the next start, and never anything but a prefix of the log.
@Suite struct SnapshotTests {
    private static func snapshot(_ fixture: EngineFixture) throws -> SnapshotReport {
        try fixture.read { fixture.engine.snapshot(completion: $0) }
    }

    private static func files(_ fixture: EngineFixture, _ suffix: String) -> [String] {
        fixture.disk.files.filter { $0.hasPrefix("data/snapshots/") && $0.hasSuffix(suffix) }
    }

    @Test(arguments: [nil, CrashMode.loseUnsynced, .randomSectors])
    func startGoesOnFromASnapshot(crash: CrashMode?) throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let report = try Self.snapshot(fixture)
        try EngineFixture.fill(fixture, rounds: 7)
        let digest = try fixture.digest()
        let last = fixture.engine.publishedLSN
        try fixture.restart(crash: crash)
        #expect(fixture.engine.recovery.snapshotLSN == report.lsn)
        #expect(fixture.engine.recovery.replayedRecords == last - report.lsn)
        #expect(try fixture.digest() == digest)
    }

    /// It is left alone, because it may be whole; but it is not in the way of the next one.
    @Test func aSnapshotThatCouldNotBeReadMakesRoomForOneOfTheSameRecord() throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let first = try Self.snapshot(fixture)
        try fixture.engine.close(clean: false)
        fixture.disk.endProcess()
        fixture.disk.fail(.open, code: SystemErrorCode.inputOutput)
        let engine = try Engine.open(
            directory: "/data", configuration: fixture.configuration,
            environment: EngineEnvironment(disk: fixture.disk, time: fixture.time, seed: 3), execution: .manual)
        #expect(engine.recovery.snapshotLSN == 0 && engine.recovery.rejectedSnapshots.count == 1)
        #expect(Self.files(fixture, ".manifest").count == 1)
        let done = Box<Result<SnapshotReport, EngineError>>()
        engine.snapshot { done.set($0) }
        while engine.step() {}
        #expect(try done.value().get().lsn == first.lsn)
        try engine.close(clean: false)
        try fixture.restart(crash: .loseUnsynced)
        #expect(fixture.engine.recovery.snapshotLSN == first.lsn)
    }

    @Test func snapshotSaysTheDigestOfItsMoment() throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let digest = try fixture.digest()
        #expect(try Self.snapshot(fixture).digest == digest.description)
    }

    @Test(arguments: [1, 3, 7]) func anotherNumberOfWorkersOpensIt(workers: Int) throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let digest = try fixture.digest()
        let report = try Self.snapshot(fixture)
        try fixture.restart(workers: workers)
        #expect(fixture.engine.recovery.snapshotLSN == report.lsn)
        #expect(fixture.engine.recovery.replayedRecords == 0)
        #expect(try fixture.digest() == digest)
        try EngineFixture.fill(fixture)
        let later = try fixture.digest()
        #expect(try Self.snapshot(fixture).isFull)
        try fixture.restart(crash: .loseUnsynced)
        #expect(try fixture.digest() == later)
    }

    @Test func thirdSnapshotHoldsOnlyChanges() throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let first = try Self.snapshot(fixture)
        _ = try fixture.post(20)
        let second = try Self.snapshot(fixture)
        _ = try fixture.post(21)
        let third = try Self.snapshot(fixture)
        #expect([first.isFull, second.isFull, third.isFull] == [true, true, false])
        #expect(third.pages < second.pages / 2)
        let digest = try fixture.digest()
        try fixture.restart()
        #expect(fixture.engine.recovery.snapshotLSN == third.lsn)
        #expect(try fixture.digest() == digest)
        _ = try fixture.post(22)
        #expect(try !Self.snapshot(fixture).isFull)
    }

    @Test func damagedSnapshotFallsBackToTheOneBefore() throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        let first = try Self.snapshot(fixture)
        try EngineFixture.fill(fixture)
        let second = try Self.snapshot(fixture)
        let digest = try fixture.digest()
        let name = try #require(Self.files(fixture, "-001.pages").first { $0.contains("\(second.lsn)-") })
        try fixture.engine.close(clean: false)
        fixture.disk.corrupt(name, byte: 4096 + 100, bit: 3)
        try fixture.restart(crash: .keepUnsynced)
        #expect(fixture.engine.recovery.snapshotLSN == first.lsn)
        #expect(fixture.engine.recovery.rejectedSnapshots.count == 1)
        #expect(try fixture.digest() == digest)
    }

    @Test func allSnapshotsDamagedMeansTheWholeLog() throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        _ = try Self.snapshot(fixture)
        let digest = try fixture.digest()
        for name in Self.files(fixture, ".pages") { fixture.disk.corrupt(name, byte: 5000, bit: 1) }
        try fixture.restart(crash: .keepUnsynced)
        #expect(fixture.engine.recovery.snapshotLSN == 0)
        #expect(try fixture.digest() == digest)
        #expect(try Self.snapshot(fixture).isFull)
        try fixture.restart()
        #expect(fixture.engine.recovery.snapshotLSN > 0)
        #expect(try fixture.digest() == digest)
    }

    @Test func snapshotNewerThanTheLogIsRefused() throws {
        let fixture = try EngineFixture.small { $0.log.segmentBytes = 1 << 20 }
        try EngineFixture.fill(fixture, rounds: 5)
        let early = SimulatedDisk(copying: fixture.disk, seed: 3)
        try EngineFixture.fill(fixture)
        _ = try Self.snapshot(fixture)
        for name in Self.files(fixture, "") { early.replace(name, with: try #require(fixture.disk.contents(name))) }
        #expect {
            _ = try EngineFixture(fixture.configuration, disk: early)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 66
        }
    }

    @Test(arguments: [DiskOperation.write, .sync, .rename, .syncDirectory, .preallocate])
    func failedSnapshotLosesNothing(operation: DiskOperation) throws {
        let fixture = try EngineFixture.small()
        try EngineFixture.fill(fixture)
        // The log writes nothing while a snapshot is taken, so the fault meets the snapshot.
        fixture.disk.fail(operation, code: SystemErrorCode.noSpace)
        #expect(throws: EngineError.self) { _ = try Self.snapshot(fixture) }
        fixture.disk.clearFaults()
        try EngineFixture.fill(fixture, rounds: 3)
        let digest = try fixture.digest()
        let report = try Self.snapshot(fixture)
        #expect(report.isFull)
        try fixture.restart(crash: .loseUnsynced)
        #expect(fixture.engine.recovery.snapshotLSN == report.lsn)
        #expect(try fixture.digest() == digest)
    }

    /// Random operations with a snapshot every forty records, copied a page at a time while the operations go on.
    @Test(arguments: 1...6) func snapshotsUnderLoadChangeNothing(seed: Int) throws {
        var run = try RandomOperationsTests.RandomRun(seed: UInt64(seed), workers: 1 + seed % 4) {
            $0.snapshots.records = 40
            $0.snapshots.pagesPerStep = 1
        }
        run.fixture.isLazy = true
        for step in 0..<4_000 {
            try run.operate()
            if step % 250 == 249 { try run.restart() }
        }
        try run.checkEverything()
        let digest = try run.fixture.digest()
        #expect(run.fixture.engine.recovery.snapshotLSN > 0)
        for name in Self.files(run.fixture, "") { run.fixture.disk.replace(name, with: []) }
        try run.fixture.restart(crash: .keepUnsynced)
        #expect(run.fixture.engine.recovery.snapshotLSN == 0)
        #expect(try run.fixture.digest() == digest)
    }

    /// Power fails at every change of the disk while snapshots are taken.
    @Test(arguments: CrashMode.allCases) func powerMayFailAnywhere(mode: CrashMode) throws {
        for changes in stride(from: 0, to: 400, by: 7) {
            let fixture = try EngineFixture.small {
                $0.snapshots.records = 20
                $0.snapshots.pagesPerStep = 1
            }
            fixture.disk.failPower(afterChanges: changes)
            try? EngineFixture.fill(fixture)
            try fixture.restart(crash: mode)
            let digest = try fixture.digest()
            for name in Self.files(fixture, ".manifest") { fixture.disk.replace(name, with: []) }
            try fixture.restart(crash: .keepUnsynced, workers: 3)
            #expect(try fixture.digest() == digest, "after \(changes) changes")
        }
    }
}
