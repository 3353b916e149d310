import StarlingLog
import StarlingSimulation
import StarlingSnapshots
import StarlingSystem
import Testing

@testable import StarlingEngine

/// A data directory that is looked at and not opened: what is said of its log and of its snapshots, and that nothing changes.
@Suite struct DirectoryVerificationTests {
    /// A log with two snapshots that share no file, and some records behind them; closed.
    private static func closedFixture(
        _ change: (inout EngineConfiguration) -> Void = { _ in }
    ) throws -> (EngineFixture, lsns: [UInt64]) {
        let fixture = try EngineFixture.small {
            $0.snapshots.recordsAtClose = 0
            change(&$0)
        }
        var lsns: [UInt64] = []
        for _ in 0..<2 {
            try EngineFixture.fill(fixture)
            lsns.append(try fixture.read { fixture.engine.snapshot(completion: $0) }.lsn)
        }
        try EngineFixture.fill(fixture, rounds: 7)
        try fixture.engine.close()
        return (fixture, lsns.reversed())
    }

    private static func verify(_ fixture: EngineFixture, deep: Bool = true) -> DirectoryVerification {
        DirectoryVerification.verify(
            directory: "/data", disk: fixture.disk, deep: deep, configuration: fixture.configuration, time: fixture.time
        )
    }

    private static func contents(_ disk: SimulatedDisk) -> [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: disk.files.map { ($0, disk.contents($0) ?? []) })
    }

    private static func files(_ fixture: EngineFixture, _ suffix: String, of lsn: UInt64) -> [String] {
        fixture.disk.files.filter {
            $0.hasPrefix("data/snapshots/") && $0.hasSuffix(suffix) && $0.contains("0\(lsn)")
        }
    }

    /// The exit code with which a start refuses the directory; 0 when it does not.
    private static func codeOfStart(_ fixture: EngineFixture) throws -> Int32 {
        do {
            let copy = SimulatedDisk(copying: fixture.disk, seed: 9)
            try EngineFixture(fixture.configuration, disk: copy).engine.close(clean: false)
            return 0
        } catch let error as EngineOpenError {
            return error.exitCode
        }
    }

    private static func damagePages(_ fixture: EngineFixture, of lsn: UInt64) throws -> String {
        let name = try #require(files(fixture, "-001.pages", of: lsn).first)
        #expect(fixture.disk.corrupt(name, byte: 4096 + 77, bit: 2))
        return String(name.dropFirst("data/snapshots/".count))
    }

    /// Rewrites a manifest, with a checksum that is right.
    private static func change(
        _ fixture: EngineFixture, _ lsn: UInt64, _ body: (inout SnapshotManifest) -> Void
    ) throws {
        let store = SnapshotStore(directory: "/data/snapshots", disk: fixture.disk)
        var manifest = try #require(try store.candidates().first { $0.lsn == lsn }).manifest.get()
        body(&manifest)
        try store.discard(lsn: lsn)
        try store.install(manifest)
    }

    // MARK: Whole

    @Test(arguments: [false, true]) func wholeDirectoryIsSaidToBeWhole(deep: Bool) throws {
        let (fixture, lsns) = try Self.closedFixture()
        let before = Self.contents(fixture.disk)
        let found = Self.verify(fixture, deep: deep)
        #expect(found.status == .whole && found.exitCode == 0)
        #expect(found.snapshots.map(\.lsn) == lsns)
        #expect(found.snapshots.allSatisfy { $0.problem == nil && $0.state == (deep ? .likeLog : .none) })
        #expect(found.snapshots.allSatisfy { $0.manifest?.workers == 2 })
        #expect(Self.contents(fixture.disk) == before)
    }

    @Test func directoryWithoutSnapshotsIsWhole() throws {
        let fixture = try EngineFixture.small { $0.snapshots.recordsAtClose = 0 }
        try EngineFixture.fill(fixture, rounds: 3)
        try fixture.engine.close()
        let found = Self.verify(fixture)
        #expect(found.status == .whole && found.snapshots.isEmpty)
    }

    /// Beside an engine that works, takes snapshots and removes old ones and old segments.
    @Test func verifyingBesideARunningEngineFindsNothing() throws {
        let fixture = try EngineFixture.small {
            $0.snapshots.records = 30
            $0.snapshots.pagesPerStep = 4
            $0.retention.bytes = 20_000
        }
        fixture.isLazy = true
        for _ in 0..<25 {
            try EngineFixture.fill(fixture, rounds: 8)
            let found = Self.verify(fixture)
            #expect(found.status == .whole, "\(found.snapshots.map(\.problem)) \(String(describing: found.refusal))")
        }
        #expect(fixture.engine.snapshotStatistics.installed > 2)
        #expect(fixture.engine.logStatistics.removedSegments > 0)
    }

    // MARK: Damaged snapshots

    @Test(arguments: [false, true]) func damagedSnapshotIsNamedAndCostsNothing(deep: Bool) throws {
        let (fixture, lsns) = try Self.closedFixture()
        let name = try Self.damagePages(fixture, of: lsns[0])
        let found = Self.verify(fixture, deep: deep)
        #expect(found.status == .degraded && found.exitCode == 0)
        guard case .unusable(.damaged(let file, let place, _)) = found.snapshots[0].problem else {
            Issue.record("\(found.snapshots[0])")
            return
        }
        #expect(file == name && place.hasPrefix("region"))
        #expect(found.snapshots[1].problem == nil && found.snapshots[1].state == (deep ? .likeLog : .none))
        #expect(try Self.codeOfStart(fixture) == 0)
    }

    @Test func missingPagesAndBrokenManifestsAreDamageToo() throws {
        let (fixture, lsns) = try Self.closedFixture()
        let name = try #require(Self.files(fixture, "-000.pages", of: lsns[1]).first)
        try fixture.disk.remove("/" + name)
        fixture.disk.corrupt(try #require(Self.files(fixture, ".manifest", of: lsns[0]).first), byte: 40, bit: 0)
        let found = Self.verify(fixture)
        #expect(found.status == .degraded && found.exitCode == 0)
        let file = String(name.dropFirst("data/snapshots/".count))
        #expect(found.snapshots[1].problem == .unusable(.missing(file: file)))
        #expect(found.snapshots[0].manifest == nil && found.snapshots[0].problem != nil)
        #expect(try Self.codeOfStart(fixture) == 0)
    }

    /// Everything on its own is whole: only the state tells.
    @Test func wrongDigestIsFoundByLoading() throws {
        let (fixture, lsns) = try Self.closedFixture()
        try Self.change(fixture, lsns[0]) { $0.stateDigest = String(repeating: "0", count: 32) }
        #expect(Self.verify(fixture, deep: false).status == .whole)
        let found = Self.verify(fixture)
        #expect(found.status == .degraded && found.exitCode == 0)
        guard case .unusable(.damaged(_, "stateDigest", _)) = found.snapshots[0].problem else {
            Issue.record("\(String(describing: found.snapshots[0].problem))")
            return
        }
        #expect(found.snapshots[1].state == .likeLog)
    }

    /// A snapshot whose state is not that of the log: here because the cap was another one when it began.
    @Test func anotherStateThanTheLogsIsFoundByFolding() throws {
        let fixture = try EngineFixture.small {
            $0.snapshots.recordsAtClose = 0
            $0.timelineCap = 8
            $0.celebrityThreshold = 1_000
        }
        try EngineFixture.fill(fixture, rounds: 400)
        let first = try fixture.read { fixture.engine.snapshot(completion: $0) }.lsn
        fixture.configuration.timelineCap = 400
        try fixture.restart()
        // Too few for the larger cap, so that what the smaller one dropped is missed.
        try EngineFixture.fill(fixture, rounds: 100)
        _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        try fixture.engine.close()
        let found = Self.verify(fixture)
        #expect(found.status == .degraded && found.exitCode == 0)
        guard case .otherState = found.snapshots[0].problem else {
            Issue.record("\(String(describing: found.snapshots[0]))")
            return
        }
        #expect(found.snapshots[1].lsn == first && found.snapshots[1].state == .likeLog)
    }

    // MARK: Snapshots and the log

    @Test func snapshotNewerThanTheLogIsRefusedAsAtAStart() throws {
        let fixture = try EngineFixture.small { $0.log.segmentBytes = 1 << 20 }
        try EngineFixture.fill(fixture, rounds: 5)
        let early = try EngineFixture(fixture.configuration, disk: SimulatedDisk(copying: fixture.disk, seed: 3))
        try early.engine.close()
        try EngineFixture.fill(fixture)
        _ = try fixture.read { fixture.engine.snapshot(completion: $0) }
        for name in fixture.disk.files where name.hasPrefix("data/snapshots/") {
            early.disk.replace(name, with: try #require(fixture.disk.contents(name)))
        }
        let found = Self.verify(early)
        #expect(found.log.exitCode == 0, "the log by itself is whole")
        #expect(found.status == .damaged && found.exitCode == 66)
        #expect(try Self.codeOfStart(early) == 66)
        guard case .contradictsLog(.missing) = found.snapshots[0].problem else {
            Issue.record("\(found.snapshots[0])")
            return
        }
    }

    /// Two logs with the same id that differ before the snapshot, or logs of different ids.
    @Test(arguments: [1, 2]) func snapshotOfAnotherHistoryIsRefusedAsAtAStart(seed: UInt64) throws {
        let (fixture, _) = try Self.closedFixture()
        let other = try EngineFixture(fixture.configuration, seed: seed)
        try other.follow(90, 91)
        try EngineFixture.fill(other, rounds: 200)
        try other.engine.close()
        for name in fixture.disk.files where name.hasPrefix("data/snapshots/") {
            other.disk.replace(name, with: try #require(fixture.disk.contents(name)))
        }
        let found = Self.verify(other)
        #expect(found.log.exitCode == 0)
        #expect(found.status == .damaged && found.exitCode == 65)
        #expect(try Self.codeOfStart(other) == 65)
        #expect(found.snapshots.allSatisfy { if case .contradictsLog = $0.problem { true } else { false } })
    }

    @Test func snapshotOfANewerVersionIsRefusedAsAtAStart() throws {
        let (fixture, lsns) = try Self.closedFixture()
        let name = try #require(Self.files(fixture, ".manifest", of: lsns[1]).first)
        let text = String(decoding: try #require(fixture.disk.contents(name)), as: UTF8.self)
        // Without the last line, of 16 bytes.
        let newer = text.dropLast(16).replacing("\"formatVersion\" : 4", with: "\"formatVersion\" : 5")
        let sum = Array(newer.utf8).withUnsafeBytes { CRC32C.checksum($0) }
        let digits = String(sum, radix: 16)
        let line = "crc32c=" + String(repeating: "0", count: 8 - digits.count) + digits + "\n"
        fixture.disk.replace(name, with: Array((newer + line).utf8))
        let found = Self.verify(fixture)
        #expect(found.status == .damaged && found.exitCode == 78)
        #expect(try Self.codeOfStart(fixture) == 78)
    }

    /// Retention has removed the beginning of the log: then the snapshots are what stands for it.
    @Test func shortenedLogNeedsASnapshot() throws {
        let (fixture, lsns) = try Self.closedFixture { $0.retention.bytes = 4_000 }
        var found = Self.verify(fixture)
        #expect(try #require(found.log.start) > 1)
        #expect(found.status == .whole)
        #expect(found.snapshots[0].state == .likeLog, "folded from the older snapshot on")
        guard case .likeManifest = found.snapshots[1].state else {
            Issue.record("\(found.snapshots[1])")
            return
        }
        _ = try Self.damagePages(fixture, of: lsns[0])
        found = Self.verify(fixture)
        #expect(found.status == .degraded && found.exitCode == 0)
        #expect(try Self.codeOfStart(fixture) == 0)
        _ = try Self.damagePages(fixture, of: lsns[1])
        found = Self.verify(fixture)
        #expect(found.status == .damaged && found.exitCode == 66)
        #expect(try Self.codeOfStart(fixture) == 66)
    }

    /// What a start would load although its state is wrong, with nothing else to go by.
    @Test func shortenedLogWithAWrongStateIsDamaged() throws {
        let (fixture, lsns) = try Self.closedFixture { $0.retention.bytes = 4_000 }
        for lsn in lsns { try Self.change(fixture, lsn) { $0.stateDigest = String(repeating: "a", count: 32) } }
        #expect(Self.verify(fixture, deep: false).exitCode == 0)
        let found = Self.verify(fixture)
        #expect(found.status == .damaged && found.exitCode != 0)
    }

    @Test func damagedLogIsDamagedWhateverTheSnapshots() throws {
        let (fixture, _) = try Self.closedFixture()
        let segment = try #require(fixture.disk.files.first { $0.hasSuffix(".seg") })
        fixture.disk.corrupt(segment, byte: 300, bit: 1)
        let found = Self.verify(fixture)
        #expect(found.status == .damaged && found.exitCode == 65)
        #expect(found.snapshots.allSatisfy { $0.problem == nil }, "nothing is wrong with them")
        let states = found.snapshots.map { if case .likeManifest = $0.state { true } else { false } }
        #expect(states == [true, true])
    }

    /// Each byte of the manifests and of some pages: never a crash, never called whole, never more than degraded.
    @Test func everyFlippedByteIsFound() throws {
        let (fixture, lsns) = try Self.closedFixture()
        let manifest = try #require(Self.files(fixture, ".manifest", of: lsns[0]).first)
        let pages = try #require(Self.files(fixture, "-002.pages", of: lsns[1]).first)
        for (name, step) in [(manifest, 97), (pages, 1_531)] {
            let count = try #require(fixture.disk.contents(name)).count
            for byte in stride(from: 0, to: count, by: step) {
                fixture.disk.corrupt(name, byte: byte, bit: byte % 8)
                let found = Self.verify(fixture, deep: false)
                let isVersion = found.exitCode == 78
                #expect(found.status == .degraded || isVersion, "\(name) byte \(byte)")
                #expect(try isVersion == (Self.codeOfStart(fixture) == 78), "\(name) byte \(byte)")
                fixture.disk.corrupt(name, byte: byte, bit: byte % 8)
            }
        }
        #expect(Self.verify(fixture).status == .whole)
    }

    @Test func snapshotsThatVanishMeanwhileAreNoDamage() throws {
        let (fixture, lsns) = try Self.closedFixture()
        let disk = VanishingDisk(fixture.disk) { [disk = fixture.disk] name in
            guard name.hasSuffix(".pages"), name.contains("0\(lsns[1])-") else { return }
            for file in disk.files where file.hasPrefix("data/snapshots/") && file.contains("0\(lsns[1])") {
                try? disk.remove("/" + file)
            }
        }
        let found = DirectoryVerification.verify(
            directory: "/data", disk: disk, deep: true, configuration: fixture.configuration, time: fixture.time)
        #expect(found.status == .whole)
        #expect(found.snapshots.map(\.lsn) == [lsns[0]])
    }

    // MARK: Digest

    @Test(arguments: [1, 2, 3]) func digestIsTheEnginesAndChangesNothing(workers: Int) throws {
        let fixture = try EngineFixture.small { $0.snapshots.recordsAtClose = 0 }
        try EngineFixture.fill(fixture)
        let lsn = try fixture.read { fixture.engine.snapshot(completion: $0) }.lsn
        try EngineFixture.fill(fixture, rounds: 9)
        let expected = try fixture.digest()
        let before = Self.contents(fixture.disk)
        var configuration = fixture.configuration
        configuration.workers = workers
        // Once beside the engine, once after a crash, once without snapshots.
        for round in 0..<3 {
            let found = try DirectoryDigest.compute(
                directory: "/data", disk: fixture.disk, configuration: configuration, time: fixture.time)
            #expect(found.digest.digest == expected && found.lsn == fixture.engine.publishedLSN)
            #expect(found.snapshotLSN == (round == 2 ? 0 : lsn) && found.rejectedSnapshots.isEmpty)
            if round < 2 { #expect(Self.contents(fixture.disk) == before) }
            if round == 0 { fixture.disk.endProcess() }
            if round == 1 {
                for name in fixture.disk.files where name.hasPrefix("data/snapshots/") {
                    try fixture.disk.remove("/" + name)
                }
            }
        }
    }

    @Test func digestGoesOnWithTheOlderSnapshot() throws {
        let (fixture, lsns) = try Self.closedFixture { $0.retention.bytes = 4_000 }
        let expected = try Self.digest(fixture)
        _ = try Self.damagePages(fixture, of: lsns[0])
        let found = try Self.digest(fixture)
        #expect(found.digest.digest == expected.digest.digest)
        #expect(found.snapshotLSN == lsns[1] && found.rejectedSnapshots.count == 1)
        _ = try Self.damagePages(fixture, of: lsns[1])
        #expect(throws: EngineOpenError.self) { _ = try Self.digest(fixture) }
    }

    private static func digest(_ fixture: EngineFixture) throws -> DirectoryDigest {
        try DirectoryDigest.compute(
            directory: "/data", disk: fixture.disk, configuration: fixture.configuration, time: fixture.time)
    }

    @Test func digestRefusesWhatAStartRefuses() throws {
        let (fixture, _) = try Self.closedFixture()
        let segment = try #require(fixture.disk.files.first { $0.hasSuffix(".seg") })
        fixture.disk.corrupt(segment, byte: 300, bit: 1)
        #expect {
            _ = try Self.digest(fixture)
        } throws: {
            ($0 as? EngineOpenError)?.exitCode == 65
        }
    }
}

/// A disk from which another process takes something away just when a file is opened.
private final class VanishingDisk: Disk {
    private let disk: SimulatedDisk
    private let onOpen: @Sendable (String) -> Void

    init(_ disk: SimulatedDisk, onOpen: @escaping @Sendable (String) -> Void) {
        self.disk = disk
        self.onOpen = onOpen
    }

    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        onOpen(path)
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
