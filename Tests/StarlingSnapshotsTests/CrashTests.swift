import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// The power fails at every single change of the disk while a snapshot is written, installed, and others are pruned: the
/// newest whole snapshot afterwards is the old or the new one.
@Suite struct CrashTests {
    /// A disk with three snapshots, and the state for the next.
    private struct Scene {
        var disk: SimulatedDisk
        var states: [UInt64: TestState] = [:]
        var newest: SnapshotManifest?
        var next: TestState

        /// Two full snapshots and an incremental one, if `hasHistory`; an empty disk else.
        init(seed: UInt64, hasHistory: Bool) throws {
            disk = SimulatedDisk(seed: seed)
            var random = SeededRandom(seed: seed)
            next = TestState.random(&random, workers: 1, regions: 2, pages: 3)
            let fixture = SnapshotFixture(disk: disk)
            if !hasHistory {
                try disk.createDirectory("data")
                try disk.syncDirectory("")
                return
            }
            try fixture.prepare()
            for lsn in [UInt64(10), 20, 30] {
                let base = lsn == 30 ? newest.map { ($0, states[20] ?? next) } : nil
                let manifest = try fixture.write(next, lsn: lsn, base: base, random: &random)
                try fixture.store.install(manifest)
                states[lsn] = next
                newest = manifest
                next.change(&random, changes: 4)
            }
            _ = try fixture.store.prune()
            disk.crash(.keepUnsynced)
        }

        /// Whether the snapshot of lsn 40 was acknowledged as installed before the power failed.
        func work(on disk: SimulatedDisk, incremental: Bool) -> Bool {
            let fixture = SnapshotFixture(disk: disk)
            var random = SeededRandom(seed: 77)
            do {
                try fixture.store.prepare()
                let base = incremental ? newest.map { ($0, states[$0.lsn] ?? next) } : nil
                let manifest = try fixture.write(next, lsn: 40, base: base, random: &random)
                try fixture.store.install(manifest)
            } catch {
                return false
            }
            _ = try? fixture.store.prune()
            return true
        }
    }

    @Test(arguments: CrashMode.allCases, [(true, true), (true, false), (false, false)])
    func theNewestWholeSnapshotIsTheOldOrTheNewOne(mode: CrashMode, kind: (history: Bool, incremental: Bool)) throws {
        var scene = try Scene(seed: 5, hasHistory: kind.history)
        scene.states[40] = scene.next
        var changes = 0
        while true {
            for seed in 0..<(mode == .randomSectors ? UInt64(6) : 1) {
                let disk = SimulatedDisk(copying: scene.disk, seed: UInt64(changes) * 8 + seed)
                disk.failPower(afterChanges: changes)
                let isInstalled = scene.work(on: disk, incremental: kind.incremental)
                let isDone = disk.isPowered
                disk.crash(mode)
                try check(disk, scene, isInstalled: isInstalled, "\(mode), after \(changes) changes, seed \(seed)")
                if isDone, seed == 0 {
                    #expect(changes > 20 && isInstalled)
                    return
                }
            }
            changes += 1
        }
    }

    private func check(
        _ disk: SimulatedDisk, _ scene: Scene, isInstalled: Bool, _ place: @autoclosure () -> String
    ) throws {
        let fixture = SnapshotFixture(disk: disk)
        let newest = try fixture.newestWhole()
        let allowed = isInstalled ? [40] : [40, scene.newest?.lsn]
        #expect(allowed.contains(newest?.manifest.lsn), "\(place()): \(String(describing: newest?.manifest.lsn))")
        if let newest { #expect(newest.state == scene.states[newest.manifest.lsn], "\(place())") }
        // Not one manifest is half there, and each stands for its state.
        for candidate in try fixture.store.candidates() {
            let manifest = try candidate.manifest.get()
            #expect(try fixture.load(manifest) == scene.states[manifest.lsn], "\(place()): lsn \(manifest.lsn)")
        }
        try goOn(fixture, disk, scene, from: newest, place())
    }

    /// The next start cleans up, and the next snapshot works and leaves nothing but what is kept.
    private func goOn(
        _ fixture: SnapshotFixture, _ disk: SimulatedDisk, _ scene: Scene,
        from newest: (manifest: SnapshotManifest, state: TestState)?, _ place: @autoclosure () -> String
    ) throws {
        var random = SeededRandom(seed: 3)
        try fixture.store.prepare()
        #expect(!disk.files.contains { $0.hasSuffix(".tmp") }, "\(place())")
        var state = scene.next
        state.change(&random, changes: 3)
        let manifest = try fixture.write(state, lsn: 50, base: newest, random: &random)
        try fixture.store.install(manifest)
        let pruning = try fixture.store.prune()
        disk.crash(.keepUnsynced)
        #expect(try fixture.newestWhole()?.state == state, "\(place())")
        let kept = pruning.retention.kept
        let named = Set(kept.map(\.fileName) + kept.flatMap(\.pageFiles)).map { "data/snapshots/" + $0 }.sorted()
        #expect(disk.files == named, "\(place())")
    }

    /// Every call that can fail does, once; nothing that was there is lost, and the next try works.
    @Test(arguments: [DiskOperation.write, .sync, .rename, .remove, .syncDirectory, .preallocate, .open, .read, .list])
    func aFailingDiskLeavesTheOlderSnapshots(operation: DiskOperation) throws {
        var scene = try Scene(seed: 6, hasHistory: true)
        scene.states[40] = scene.next
        var failures = 0
        for calls in 0..<36 {
            let disk = SimulatedDisk(copying: scene.disk, seed: UInt64(calls))
            disk.fail(operation, afterCalls: calls, code: SystemErrorCode.inputOutput)
            let isInstalled = scene.work(on: disk, incremental: calls % 2 == 0)
            failures += isInstalled ? 0 : 1
            disk.clearFaults()
            disk.crash(calls % 2 == 0 ? .loseUnsynced : .keepUnsynced)
            try check(disk, scene, isInstalled: isInstalled, "\(operation) \(calls)")
        }
        // Only pruning removes and reads.
        #expect((failures > 0) == ![.remove, .read].contains(operation))
        #expect(failures < 36)
    }

    /// The last sync of an installation fails, so the new manifest is seen and not durable; then others are pruned. Two
    /// independent generations are left nevertheless.
    @Test(arguments: CrashMode.allCases) func nothingGoesBeforeTheNewestSnapshotIsDurable(mode: CrashMode) throws {
        var scene = try Scene(seed: 9, hasHistory: true)
        scene.states[40] = scene.next
        for seed in 0..<UInt64(60) {
            let disk = SimulatedDisk(copying: scene.disk, seed: seed)
            let fixture = SnapshotFixture(disk: disk)
            var random = SeededRandom(seed: 77)
            let manifest = try fixture.write(scene.next, lsn: 40, random: &random)
            disk.fail(.syncDirectory, afterCalls: 1, code: SystemErrorCode.inputOutput)
            #expect(throws: SnapshotError.self) { try fixture.store.install(manifest) }
            disk.failPower(afterChanges: Int(seed % 12))
            _ = try? fixture.store.prune()
            disk.crash(mode)
            #expect(try fixture.store.retention().hasIndependentGenerations, "\(mode), seed \(seed)")
            try check(disk, scene, isInstalled: false, "\(mode), seed \(seed)")
        }
    }

    @Test func aFullDiskAbandonsTheSnapshotAndKeepsTheOlderOnes() throws {
        var scene = try Scene(seed: 8, hasHistory: true)
        scene.states[40] = scene.next
        for room in stride(from: UInt64(0), to: 120_000, by: 3_000) {
            let disk = SimulatedDisk(copying: scene.disk, seed: room)
            disk.setCapacity(disk.usedBytes + room)
            let isInstalled = scene.work(on: disk, incremental: false)
            if !isInstalled {
                #expect(!disk.files.contains { $0.hasSuffix(".tmp") }, "room for \(room)")
            }
            disk.setCapacity(nil)
            disk.crash(.keepUnsynced)
            try check(disk, scene, isInstalled: isInstalled, "room for \(room)")
        }
    }
}
