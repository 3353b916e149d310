import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

/// A log whose oldest part was removed once snapshots stood for it.
@Suite struct RetentionTests {
    private static func filled(_ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> EngineFixture {
        var configuration = EngineFixture.smallConfiguration()
        configuration.retention.bytes = 20 << 10
        change(&configuration)
        let fixture = try EngineFixture(configuration)
        try fixture.follow(1, 20)
        for round in 0..<6 {
            for number in 0..<60 {
                _ = try fixture.post(20, "round \(round) post \(number) \(fixture.time.wallMilliseconds())")
            }
            _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        }
        return fixture
    }

    private static func firstLSN(_ fixture: EngineFixture) throws -> UInt64 {
        try LogReader(directory: "/data", disk: fixture.disk).firstLSN
    }

    @Test func oldSegmentsGoAndTheStateStays() throws {
        let fixture = try Self.filled()
        let first = try Self.firstLSN(fixture)
        #expect(first > 1)
        #expect(first <= fixture.engine.snapshotStatistics.oldestLSN + 1)
        let digest = try fixture.digest()
        let feed = try fixture.feed(1)
        #expect(feed.count == 360)
        for workers in [2, 3] {
            try fixture.restart(crash: .loseUnsynced, workers: workers)
            #expect(try fixture.digest() == digest)
            #expect(try fixture.feed(1) == feed)
        }
    }

    @Test func postsKeepTheirPlaceWithoutTheirWords() throws {
        let fixture = try Self.filled { $0.bodyCacheBytes = 0 }
        var entries: [PostEntry] = []
        var position: PagePosition?
        repeat {
            let page = try fixture.feedPage(1, from: position)
            entries += page.entries
            position = page.next
        } while position != nil
        let bodies = try fixture.engine.bodies(of: entries)
        #expect(bodies.count == 360)
        #expect(bodies.first.flatMap { $0 } != nil)
        #expect(bodies.last.flatMap { $0 } == nil)
    }

    @Test func nothingIsRemovedWhileOneSnapshotStandsAlone() throws {
        let fixture = try EngineFixture()
        fixture.configuration.retention.bytes = 1
        try fixture.restart()
        for _ in 0..<300 { _ = try fixture.post(1) }
        _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        #expect(try Self.firstLSN(fixture) == 1)
    }

    /// A snapshot that cannot be read now is not missing: nobody is to be told to restore a backup.
    @Test(arguments: [DiskOperation.open, .read])
    func startWhoseOnlySnapshotCannotBeReadSaysSoAndSucceedsLater(_ operation: DiskOperation) throws {
        let fixture = try Self.filled()
        let digest = try fixture.digest()
        try fixture.engine.close(clean: false)
        fixture.disk.endProcess()
        let manifests = fixture.disk.files.filter { $0.hasSuffix(".manifest") }
        for older in manifests.dropLast() { try fixture.disk.remove(older) }
        fixture.disk.fail(operation, code: SystemErrorCode.inputOutput)
        #expect {
            _ = try Engine.open(
                directory: "/data", configuration: fixture.configuration,
                environment: EngineEnvironment(disk: fixture.disk, time: fixture.time, seed: 3), execution: .manual)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 74
        }
        try fixture.restart(crash: .keepUnsynced)
        #expect(try fixture.digest() == digest)
    }

    @Test func verificationSaysThatTheOnlySnapshotCannotBeRead() throws {
        let fixture = try Self.filled()
        try fixture.engine.close(clean: false)
        let disk = UnreadableManifests(fixture.disk)
        let found = DirectoryVerification.verify(
            directory: "/data", disk: disk, deep: false, configuration: fixture.configuration, time: fixture.time)
        #expect(found.exitCode == 74)
        #expect {
            _ = try DirectoryDigest.compute(
                directory: "/data", disk: disk, configuration: fixture.configuration, time: fixture.time)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 74
        }
    }

    /// Without the removed part, a damaged snapshot cannot be replaced by a replay.
    @Test func startWithoutAUsableSnapshotIsRefused() throws {
        let fixture = try Self.filled()
        try fixture.engine.close(clean: false)
        for name in fixture.disk.files where name.hasSuffix(".pages") {
            fixture.disk.corrupt(name, byte: 5_000, bit: 2)
        }
        #expect {
            try fixture.restart(crash: .keepUnsynced)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 66
        }
    }
}

/// A disk that cannot read the manifests of snapshots.
private final class UnreadableManifests: Disk {
    private let disk: SimulatedDisk

    init(_ disk: SimulatedDisk) { self.disk = disk }

    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        if path.hasSuffix(".manifest") {
            throw DiskError(operation: "open", path: path, code: SystemErrorCode.inputOutput)
        }
        return try disk.open(path, mode)
    }

    func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }
    func list(_ path: String) throws(DiskError) -> [String] { try disk.list(path) }
    func exists(_ path: String) -> Bool { disk.exists(path) }
    func rename(_ source: String, to target: String) throws(DiskError) { try disk.rename(source, to: target) }
    func remove(_ path: String) throws(DiskError) { try disk.remove(path) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk.lock(path) }
}
