import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// What was written comes back, from an image alone and from an image with changes.
@Suite struct RoundTripTests {
    @Test(arguments: 0..<30) func anImageAndItsChangesLoadAsTheStateThatWasWritten(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: seed))
        try fixture.store.prepare()
        var state = TestState.random(
            &random, workers: Int(random.next() % 3) + 1, regions: Int(random.next() % 4), pages: 9)
        var history: [(manifest: SnapshotManifest, state: TestState)] = []
        for round in 0..<6 {
            let manifest = try fixture.write(
                state, lsn: UInt64(round + 1) * 10, base: random.next() % 5 == 0 ? nil : history.last, random: &random)
            try fixture.store.install(manifest)
            history.append((manifest, state))
            state.change(&random, changes: 6)
        }
        let candidates = try fixture.store.candidates()
        #expect(candidates.map(\.lsn) == [60, 50, 40, 30, 20, 10])
        for (candidate, written) in zip(candidates.reversed(), history) {
            #expect(try candidate.manifest.get() == written.manifest)
            #expect(try fixture.load(written.manifest) == written.state, "lsn \(written.manifest.lsn)")
            try fixture.store.verify(written.manifest)
        }
    }

    @Test func longRowsAreMappedAndShortOnesRead() throws {
        var random = SeededRandom(seed: 4)
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: 4))
        try fixture.store.prepare()
        let state = TestState(owners: [
            [TestState.bytes(64 * 4096, &random), TestState.bytes(63 * 4096, &random)], [],
        ])
        let manifest = try fixture.write(state, lsn: 1, random: &random)
        let memory = TestMemory(regions: [64 * 4096, 63 * 4096])
        let image = try OwnerImage.load(
            directory: fixture.directory, files: manifest.owners[0].files, regions: memory.targets,
            logID: SnapshotFixture.logID, disk: fixture.disk)
        #expect(image.mappedPages == 64)
        #expect(image.readPages == 63)
        #expect(memory.contents == state.owners[0])
    }

    @Test func nothingIsWrittenBehindTheLastPageOfARegion() throws {
        var random = SeededRandom(seed: 9)
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: 9))
        try fixture.store.prepare()
        let large = TestState(owners: [[TestState.bytes(100 * 4096, &random)], []])
        let full = try fixture.write(large, lsn: 1, random: &random)
        let small = TestState(owners: [[Array(large.owners[0][0][..<(70 * 4096 + 5)])], []])
        let manifest = try fixture.write(small, lsn: 2, base: (full, large), random: &random)
        let memory = TestMemory(regions: [70 * 4096 + 5], extraPages: 30)
        _ = try OwnerImage.load(
            directory: fixture.directory, files: manifest.owners[0].files, regions: memory.targets,
            logID: SnapshotFixture.logID, disk: fixture.disk)
        #expect(memory.contents == small.owners[0])
        let target = memory.targets[0]
        let behind = UnsafeRawBufferPointer(start: target.base + 71 * 4096, count: target.reservedBytes - 71 * 4096)
        #expect(behind.allSatisfy { $0 == 0xa5 })
    }

    @Test func aManifestIsReadableTextThatEndsWithItsChecksum() throws {
        var random = SeededRandom(seed: 1)
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: 1))
        try fixture.store.prepare()
        let state = TestState.random(&random, workers: 1, regions: 1, pages: 2)
        let manifest = try fixture.write(state, lsn: 77, random: &random)
        let text = String(decoding: try manifest.encoded(), as: UTF8.self)
        #expect(text.hasPrefix("{\n  \"chain\" : \"ffffffffffffffb2\",\n  \"formatVersion\" : 4,"))
        #expect(text.contains("\"logID\" : \"5741524c494e4721\""))
        #expect(text.contains("\"limit\" : 18446744073709551615"))
        #expect(text.suffix(17).hasPrefix("\ncrc32c="))
        #expect(manifest.fileName == "0000000000000077.manifest")
        #expect(manifest.pageFiles == ["0000000000000077-000.pages", "0000000000000077-001.pages"])
    }
}
