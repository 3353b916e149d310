import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// The directory: what is kept, what is removed, and what is never touched.
@Suite struct StoreTests {
    private static let directory = "data/snapshots"

    @Test(arguments: 0..<25) func pruningKeepsWhatTheRuleSaysAndNothingElse(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let disk = SimulatedDisk(seed: seed)
        let fixture = SnapshotFixture(disk: disk)
        try fixture.prepare()
        var state = TestState.random(&random, workers: 1, regions: 2, pages: 4)
        var states: [UInt64: TestState] = [:]
        var base: (manifest: SnapshotManifest, state: TestState)?
        var fulls = 0
        for lsn in 1...UInt64(12) {
            let retention = try fixture.store.retention()
            let changed = base.map { base in
                state.owners.indices.reduce(0) { $0 + state.changedPages($1, since: base.state).count }
            }
            let plan = SnapshotPlan(
                base: base?.manifest, retention: retention, changedPages: changed ?? 0, workers: 1)
            let isFull = plan.kind == .full || random.next() % 6 == 0
            fulls += isFull ? 1 : 0
            let manifest = try fixture.write(state, lsn: lsn, base: isFull ? nil : base, random: &random)
            try fixture.store.install(manifest)
            states[lsn] = state
            base = (manifest, state)
            let pruning = try fixture.store.prune()
            try check(fixture, disk, states, pruning, fulls: fulls)
            state.change(&random, changes: 2)
        }
    }

    private func check(
        _ fixture: SnapshotFixture, _ disk: SimulatedDisk, _ states: [UInt64: TestState], _ pruning: SnapshotPruning,
        fulls: Int
    ) throws {
        let kept = try fixture.store.candidates().map { try $0.manifest.get() }
        #expect(kept == pruning.retention.kept)
        #expect((1...3).contains(kept.count))
        #expect(kept.first?.lsn == states.keys.max())
        for manifest in kept { #expect(try fixture.load(manifest) == states[manifest.lsn]) }
        let newest = Set(kept[0].pageFiles)
        #expect(kept.contains { newest.isDisjoint(with: $0.pageFiles) } == (fulls >= 2))
        #expect(pruning.retention.hasIndependentGenerations == (fulls >= 2))
        #expect(pruning.retention.oldestKeptLSN == kept.last?.lsn)
        #expect(pruning.retention.logDispensableThrough == (fulls >= 2 ? kept.last?.lsn : 0))
        let named = Set(kept.map(\.fileName) + kept.flatMap(\.pageFiles))
        #expect(Set(disk.files) == Set(named.map { Self.directory + "/" + $0 }))
    }

    private static let foreignNames = [
        "notes.txt", "x.tmp", "0000000000000001.manifest.bak", "1.manifest", "00000000000000001.manifest",
        "0000000000000000.manifest", "0000000000000001-1.pages", "0000000000000001-0001.pages", "1-001.pages.tmp",
        "0000000000000001.manifest.tmp.tmp", "+000000000000001.manifest", "0000000000000001-+01.pages",
        "0000000000000001.seg.tmp", ".pages", ".manifest.tmp", "-.pages", "99999999999999999999.manifest",
    ]

    @Test func leftoversAreRemovedAndForeignNamesAreNotTouched() throws {
        let disk = SimulatedDisk(seed: 1)
        let fixture = SnapshotFixture(disk: disk)
        var random = SeededRandom(seed: 1)
        let leftovers = [
            "0000000000000007.manifest.tmp", "0000000000000007-000.pages.tmp", "12345678901234567-999.pages.tmp",
        ]
        for name in leftovers + Self.foreignNames { disk.replace(Self.directory + "/" + name, with: [1, 2]) }
        try fixture.prepare()
        for lsn in [UInt64(3), 4, 5] {
            let state = TestState.random(&random, workers: 1, regions: 1, pages: 2)
            try fixture.store.install(try fixture.write(state, lsn: lsn, random: &random))
        }
        #expect(try fixture.store.prune().removed.sorted().first == "0000000000000003-000.pages")
        for name in leftovers { #expect(disk.contents(Self.directory + "/" + name) == nil, "\(name)") }
        for name in Self.foreignNames { #expect(disk.contents(Self.directory + "/" + name) == [1, 2], "\(name)") }
        #expect(try fixture.store.candidates().map(\.lsn) == [5, 4])
    }

    @Test func aDirectoryThatIsNotThereHoldsNothing() throws {
        let store = SnapshotStore(directory: "nowhere/snapshots", disk: SimulatedDisk(seed: 1))
        #expect(try store.candidates().isEmpty)
        #expect(try store.retention().kept.isEmpty)
    }

    /// Three full snapshots of lsn 1, 2 and 3, unpruned.
    private func threeSnapshots(_ disk: SimulatedDisk) throws -> (SnapshotFixture, [SnapshotManifest]) {
        let fixture = SnapshotFixture(disk: disk)
        var random = SeededRandom(seed: 2)
        try fixture.prepare()
        let manifests = try (1...UInt64(3)).map { lsn in
            let state = TestState.random(&random, workers: 1, regions: 1, pages: 2)
            let manifest = try fixture.write(state, lsn: lsn, random: &random)
            try fixture.store.install(manifest)
            return manifest
        }
        return (fixture, manifests)
    }

    @Test func aDamagedManifestDoesNotCountAndGoes() throws {
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        disk.corrupt(Self.directory + "/" + manifests[1].fileName, byte: 40, bit: 1)
        let pruning = try fixture.store.prune()
        #expect(pruning.retention.kept == [manifests[2], manifests[0]])
        #expect(pruning.removed == [manifests[1].fileName] + manifests[1].pageFiles)
    }

    @Test func aDamagedNewestManifestIsLeftForPeopleAndNothingThatIsKeptGoes() throws {
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        disk.corrupt(Self.directory + "/" + manifests[2].fileName, byte: 40, bit: 1)
        let pruning = try fixture.store.prune()
        #expect(pruning.retention.kept == [manifests[1], manifests[0]])
        #expect(pruning.removed.isEmpty)
    }

    @Test func aSnapshotThatWasFoundDamagedDoesNotCount() throws {
        let (fixture, manifests) = try threeSnapshots(SimulatedDisk(seed: 1))
        #expect(try fixture.store.retention(unusable: [3]).kept == [manifests[1], manifests[0]])
        let known = try fixture.store.candidates()
        #expect(try fixture.store.retention(unusable: [3], among: known).kept == [manifests[1], manifests[0]])
        let pruning = try fixture.store.prune(unusable: [2])
        #expect(pruning.retention.kept == [manifests[2], manifests[0]])
    }

    @Test func pruningRefusesAndChangesNothingWhenItCannotKnowWhatIsNeeded() throws {
        let unknown = Array("{\"formatVersion\":9}\n".utf8)
        let checksum = unknown.withUnsafeBytes { CRC32C.checksum($0) }
        let later = unknown + Array("crc32c=\(hexadecimal(UInt64(checksum), digits: 8))\n".utf8)
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        var foreign = manifests[0]
        foreign.logID = 99
        for bytes in [later, try foreign.encoded()] {
            disk.replace(Self.directory + "/" + manifests[0].fileName, with: bytes)
            let before = disk.allContents
            #expect(throws: SnapshotError.self) { try fixture.store.prune() }
            #expect(disk.allContents == before)
        }
        disk.replace(Self.directory + "/" + manifests[0].fileName, with: try manifests[0].encoded())
        disk.fail(.read, afterCalls: 1, code: SystemErrorCode.inputOutput)
        let before = disk.allContents
        #expect(throws: SnapshotError.self) { try fixture.store.prune() }
        #expect(disk.allContents == before)
        #expect(try fixture.store.prune().retention.kept.count == 2)
    }

    @Test func filesNewerThanTheNewestSnapshotAreLeftAlone() throws {
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        var random = SeededRandom(seed: 6)
        let state = TestState.random(&random, workers: 1, regions: 1, pages: 2)
        let manifest = try fixture.write(state, lsn: 4, random: &random)
        #expect(try fixture.store.prune().retention.kept == [manifests[2], manifests[1]])
        try fixture.store.install(manifest)
        #expect(try fixture.load(manifest) == state)
    }

    @Test func aSnapshotIsReplacedOnlyAfterItWasDiscarded() throws {
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        var random = SeededRandom(seed: 7)
        let state = TestState.random(&random, workers: 1, regions: 1, pages: 2)
        #expect(throws: SnapshotError.alreadyInstalled(lsn: 3)) {
            try fixture.write(state, lsn: 3, random: &random)
        }
        #expect(throws: SnapshotError.alreadyInstalled(lsn: 3)) { try fixture.store.install(manifests[2]) }
        try fixture.store.discard(lsn: 3)
        let manifest = try fixture.write(state, lsn: 3, random: &random)
        try fixture.store.install(manifest)
        disk.crash(.loseUnsynced)
        let newest = try #require(try fixture.newestWhole())
        #expect(newest.manifest == manifest && newest.state == state)
    }

    @Test func aManifestThatNamesAMissingFileIsNotInstalled() throws {
        let disk = SimulatedDisk(seed: 1)
        let (fixture, manifests) = try threeSnapshots(disk)
        try fixture.store.discard(lsn: 3)
        try disk.remove(Self.directory + "/" + manifests[2].pageFiles[1])
        #expect(throws: SnapshotError.missing(file: manifests[2].pageFiles[1])) {
            try fixture.store.install(manifests[2])
        }
    }

    @Test func aManifestWithAContradictionIsNotInstalled() throws {
        let (fixture, manifests) = try threeSnapshots(SimulatedDisk(seed: 1))
        var wrong = manifests[2]
        wrong.lsn = 4
        wrong.workers = 2
        #expect(throws: SnapshotError.self) { try fixture.store.install(wrong) }
        #expect(try fixture.store.candidates().map(\.lsn) == [3, 2, 1])
    }
}
