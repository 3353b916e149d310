import Glibc
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// Private mappings, on the machine's own file system and on the simulated disk.
@Suite struct PosixMappingTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/starling-snapshots-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.flatMap { mkdtemp($0) } }
        let path = String(cString: try #require(made))
        defer {
            for part in ["/snapshots", ""] {
                for name in (try? PosixDisk().list(path + part)) ?? [] { unlink(path + part + "/" + name) }
                rmdir(path + part)
            }
        }
        try body(path)
    }

    private func file(on disk: any Disk, in directory: String, pages: Int) throws -> any DiskFile {
        let file = try disk.open(directory + "/file", .create)
        let bytes = (0..<(pages * 4096)).map { UInt8(truncatingIfNeeded: $0 / 4096 + 1) }
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        return file
    }

    private func checkMapping(on disk: any Disk, in directory: String) throws {
        let file = try file(on: disk, in: directory, pages: 4)
        let reservation = try MemoryReservation(byteCount: 4 * 4096, hugePageBytes: 0)
        let memory = UnsafeMutableRawBufferPointer(start: reservation.base, count: 4 * 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 99)
        try file.map(into: reservation.base + 4096, count: 2 * 4096, at: 4096)
        #expect((0..<4).map { memory[$0 * 4096] } == [99, 2, 3, 99])
        memory[4096] = 77
        var stored: [UInt8] = [0]
        #expect(try stored.withUnsafeMutableBytes { try file.read(into: $0, at: 4096) } == 1)
        #expect(stored == [2], "a write to the memory reached the file")
        file.dropCache()
        file.readAhead()
        #expect(memory[4096] == 77 && memory[2 * 4096] == 3)
    }

    private func checkRefusals(on disk: any Disk, in directory: String) throws {
        let file = try file(on: disk, in: directory, pages: 2)
        let reservation = try MemoryReservation(byteCount: 4 * 4096, hugePageBytes: 0)
        func code(_ address: Int, _ count: Int, _ offset: UInt64) -> Int32? {
            do {
                try file.map(into: reservation.base + address, count: count, at: offset)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(1, 4096, 0) == EINVAL)
        #expect(code(0, 4095, 0) == EINVAL)
        #expect(code(0, 4096, 1) == EINVAL)
        #expect(code(0, 4096, 8192) == ENXIO)
        #expect(code(0, 12288, 0) == ENXIO)
        #expect(code(0, 4096, UInt64.max - 4095) == ENXIO)
        #expect(code(0, 8192, 0) == nil)
    }

    @Test func aPrivateMappingIsNeverWrittenThrough() throws {
        try withDirectory { try checkMapping(on: PosixDisk(), in: $0) }
        let simulated = SimulatedDisk(seed: 1)
        try simulated.createDirectory("d")
        try checkMapping(on: simulated, in: "d")
    }

    @Test func aMappingBehindTheEndOrOffAPageIsRefused() throws {
        try withDirectory { try checkRefusals(on: PosixDisk(), in: $0) }
        let simulated = SimulatedDisk(seed: 1)
        try simulated.createDirectory("d")
        try checkRefusals(on: simulated, in: "d")
    }

    @Test func snapshotsOnTheRealDiskLoadMappedAndAfterTheirNamesAreGone() throws {
        try withDirectory { path in
            var random = SeededRandom(seed: 3)
            let fixture = SnapshotFixture(disk: PosixDisk(), directory: path + "/snapshots")
            try fixture.store.prepare()
            var state = TestState(owners: [
                [TestState.bytes(300 * 4096 - 9, &random)],
                [TestState.bytes(90 * 4096, &random), TestState.bytes(77, &random)],
            ])
            let full = try fixture.write(state, lsn: 5, random: &random)
            try fixture.store.install(full)
            let old = state
            // A long row of changes lies over the middle of the image's mapping.
            for page in 100..<180 { state.owners[0][0][page * 4096 + 7] &+= 1 }
            state.owners[1][1] += [1, 2, 3]
            let manifest = try fixture.write(state, lsn: 6, base: (full, old), random: &random)
            try fixture.store.install(manifest)
            let reservation = try MemoryReservation(byteCount: 301 * 4096, hugePageBytes: 301 * 4096)
            let image = try OwnerImage.load(
                directory: fixture.directory, files: manifest.owners[0].files,
                regions: [
                    RegionTarget(base: reservation.base, byteCount: 300 * 4096 - 9, reservedBytes: 301 * 4096)
                ], logID: SnapshotFixture.logID, disk: fixture.disk)
            #expect(image.mappedPages >= 300)
            for name in manifest.pageFiles { try fixture.disk.remove(fixture.directory + "/" + name) }
            let memory = UnsafeMutableRawBufferPointer(start: reservation.base, count: 300 * 4096 - 9)
            #expect(memory.elementsEqual(state.owners[0][0]))
            memory[0] = 1
            memory[150 * 4096] = 1
            _ = image
        }
    }
}
