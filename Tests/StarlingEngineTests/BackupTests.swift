import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// Backups that are taken while the engine works, and what is restored from them.
@Suite struct BackupTests {
    private static func backup(_ fixture: EngineFixture, _ directory: String = "/backup") throws -> BackupReport {
        try fixture.read { fixture.engine.backup(to: directory, completion: $0) }
    }

    private static func open(_ fixture: EngineFixture, _ directory: String) throws -> Engine {
        try Engine.open(
            directory: directory, configuration: fixture.configuration,
            environment: EngineEnvironment(disk: fixture.disk, time: fixture.time, seed: 3), execution: .manual)
    }

    private static func digest(_ engine: Engine) throws -> Hash128 {
        let box = Box<Result<EngineDigest, EngineError>>()
        engine.stateDigest { box.set($0) }
        while engine.step() {}
        return try box.value().get().digest
    }

    @Test func restoredBackupHasTheSameState() throws {
        let fixture = try EngineFixture()
        for number in 1...200 {
            try fixture.follow(UInt64(number % 13 + 1), UInt64(number % 3 + 20))
            _ = try fixture.post(UInt64(number % 3 + 20), "post \(number)")
        }
        let digest = try fixture.digest()
        let report = try Self.backup(fixture)
        #expect(report.lsn == fixture.engine.publishedLSN)
        let restored = try Engine.restore(backup: "/backup", to: "/new", disk: fixture.disk)
        #expect(restored == report)
        let engine = try Self.open(fixture, "/new")
        #expect(try Self.digest(engine) == digest)
        #expect(engine.recovery.snapshotLSN == report.lsn)
        let entries = try fixture.feedPage(1).entries
        #expect(try engine.bodies(of: entries).allSatisfy { $0 != nil })
    }

    /// What is written while the backup is made may be in it or not, but only as a prefix.
    @Test func backupUnderLoadIsAPrefix() throws {
        let fixture = try EngineFixture()
        fixture.isLazy = true
        fixture.configuration.snapshots.pagesPerStep = 1
        for number in 1...50 { _ = try fixture.post(UInt64(number % 5 + 1)) }
        let done = Box<Result<BackupReport, EngineError>>()
        fixture.engine.backup(to: "/backup") { done.set($0) }
        var posts = 50
        while done.isEmpty {
            _ = try fixture.post(UInt64(posts % 5 + 1))
            posts += 1
            _ = fixture.engine.step()
        }
        let report = try done.value().get()
        _ = try Engine.restore(backup: "/backup", to: "/new", disk: fixture.disk)
        let engine = try Self.open(fixture, "/new")
        #expect(engine.publishedLSN == report.lsn)
        #expect(report.lsn >= 50 && report.lsn <= UInt64(posts))
    }

    @Test func reportedBackupAndWhatWasRestoredOutliveALossOfPower() throws {
        let fixture = try EngineFixture()
        for number in 1...20 { _ = try fixture.post(1, "post \(number)") }
        let report = try Self.backup(fixture, "/backups/monday")
        let after = SimulatedDisk(copying: fixture.disk, seed: 1, after: .loseUnsynced)
        #expect(try Engine.restore(backup: "/backups/monday", to: "/servers/new", disk: after) == report)
        let later = SimulatedDisk(copying: after, seed: 1, after: .loseUnsynced)
        let engine = try Engine.open(
            directory: "/servers/new", configuration: fixture.configuration,
            environment: EngineEnvironment(disk: later, time: fixture.time, seed: 3), execution: .manual)
        #expect(engine.publishedLSN == report.lsn)
    }

    @Test func backupWhoseLastRecordsRottedIsNotTakenForAShorterOne() throws {
        let fixture = try EngineFixture()
        for number in 1...20 { _ = try fixture.post(1, "post \(number)") }
        _ = try Self.backup(fixture)
        for number in 21...24 { _ = try fixture.post(1, "post \(number)") }
        _ = try Self.backup(fixture, "/second")
        let segment = try #require(fixture.disk.files.last { $0.hasPrefix("second/log/") && $0.hasSuffix(".seg") })
        let size = try #require(fixture.disk.contents(segment)?.count)
        fixture.disk.corrupt(segment, byte: size - 1, bit: 0)
        #expect {
            _ = try Engine.restore(backup: "/second", to: "/new", disk: fixture.disk)
        } throws: {
            [65, 66].contains(($0 as? BackupError)?.exitCode)
        }
    }

    @Test func placeInUseIsRefused() throws {
        let fixture = try EngineFixture()
        _ = try fixture.post(1)
        fixture.disk.replace("/backup/something", with: [1])
        #expect(throws: EngineError.self) { _ = try Self.backup(fixture) }
        #expect(throws: BackupError.self) { _ = try Engine.restore(backup: "/backup", to: "/new", disk: fixture.disk) }
    }

    @Test func interruptedBackupIsNotRestored() throws {
        let fixture = try EngineFixture()
        _ = try fixture.post(1)
        _ = try Self.backup(fixture)
        try fixture.disk.remove("/backup/backup")
        #expect {
            _ = try Engine.restore(backup: "/backup", to: "/new", disk: fixture.disk)
        } throws: {
            ($0 as? BackupError)?.exitCode == 66
        }
    }

    @Test func backupWithAFileMissingIsNotTakenForWhole() throws {
        let fixture = try EngineFixture()
        for _ in 0..<200 { _ = try fixture.post(1, String(repeating: "x", count: 200)) }
        _ = try Self.backup(fixture)
        let segment = try #require(fixture.disk.files.last { $0.hasPrefix("backup/log/") && $0.hasSuffix(".seg") })
        try fixture.disk.remove(segment)
        #expect {
            _ = try Engine.restore(backup: "/backup", to: "/new", disk: fixture.disk)
        } throws: {
            ($0 as? BackupError)?.exitCode == 66
        }
    }
}
