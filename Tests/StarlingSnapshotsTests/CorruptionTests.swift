import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// Every byte and every length of a small snapshot: never a crash, never silently different.
@Suite struct CorruptionTests {
    private struct Example {
        let disk = SimulatedDisk(seed: 1)
        let fixture: SnapshotFixture
        let manifest: SnapshotManifest
        let state: TestState

        /// Two owners of a page or two, each with an image and changes.
        init() throws {
            var random = SeededRandom(seed: 21)
            fixture = SnapshotFixture(disk: disk)
            try fixture.store.prepare()
            let old = TestState(owners: [
                [TestState.bytes(4096, &random)], [TestState.bytes(5000, &random), TestState.bytes(9, &random)],
            ])
            var state = old
            state.owners[0][0][3] &+= 1
            state.owners[1][0][4999] &+= 1
            let full = try fixture.write(old, lsn: 8, random: &random)
            manifest = try fixture.write(state, lsn: 9, base: (full, old), random: &random)
            self.state = state
            try fixture.store.install(manifest)
        }

        func path(_ name: String) -> String { fixture.directory + "/" + name }

        /// Nil when the owner's load is refused as damaged.
        func load(_ owner: Int) throws -> [[UInt8]]? {
            do {
                return try fixture.load(manifest.owners[owner])
            } catch SnapshotError.damaged {
                return nil
            }
        }
    }

    @Test func everyFlippedByteOfAPageFileIsFound() throws {
        let example = try Example()
        for (owner, files) in example.manifest.owners.map(\.files).enumerated() {
            for file in files {
                var missed: [Int] = []
                var different: [Int] = []
                for byte in 0..<Int(file.byteCount) {
                    example.disk.corrupt(example.path(file.name), byte: byte, bit: byte % 8)
                    if let loaded = try example.load(owner) {
                        missed.append(byte)
                        if loaded != example.state.owners[owner] { different.append(byte) }
                    }
                    example.disk.corrupt(example.path(file.name), byte: byte, bit: byte % 8)
                }
                #expect(different.count == 0, "\(file.name): from byte \(different.first ?? 0) on")
                // Every byte lies under a checksum; but a page that a later file replaces is not looked at.
                let replaced = file.kind == .image ? replacedBytes(example, owner) : []
                #expect(missed == replaced, "\(file.name)")
            }
        }
    }

    /// The bytes of the image's pages that the changes hold too.
    private func replacedBytes(_ example: Example, _ owner: Int) -> [Int] {
        let page = owner == 0 ? 0 : 1
        return Array(((1 + page) * 4096)..<((2 + page) * 4096))
    }

    @Test func everyFlippedByteIsFoundByVerify() throws {
        let example = try Example()
        for file in example.manifest.owners.flatMap(\.files) {
            for byte in stride(from: 0, to: Int(file.byteCount), by: 13) {
                example.disk.corrupt(example.path(file.name), byte: byte, bit: byte % 8)
                #expect(throws: SnapshotError.self, "\(file.name) byte \(byte)") {
                    try example.fixture.store.verify(example.manifest)
                }
                example.disk.corrupt(example.path(file.name), byte: byte, bit: byte % 8)
            }
        }
        try example.fixture.store.verify(example.manifest)
    }

    @Test func everyLengthOfAPageFileButItsOwnIsRefused() throws {
        let example = try Example()
        let file = try #require(example.manifest.owners[0].files.last)
        let content = try #require(example.disk.contents(example.path(file.name)))
        var missed: [Int] = []
        for size in stride(from: content.count + 4097, through: 0, by: -1) where size != content.count {
            example.disk.truncate(example.path(file.name), to: size)
            if try example.load(0) != nil { missed.append(size) }
        }
        #expect(missed == [])
        example.disk.replace(example.path(file.name), with: content)
        #expect(try example.load(0) == example.state.owners[0])
    }

    @Test func everyFlippedBitOfAManifestIsFound() throws {
        let example = try Example()
        let path = example.path(example.manifest.fileName)
        let size = try #require(example.disk.contents(path)?.count)
        var missed: [Int] = []
        for bit in 0..<(size * 8) {
            example.disk.corrupt(path, byte: bit / 8, bit: bit % 8)
            guard case .failure(.damaged) = try #require(try example.fixture.store.candidates().first).manifest else {
                missed.append(bit)
                continue
            }
            example.disk.corrupt(path, byte: bit / 8, bit: bit % 8)
        }
        #expect(missed == [])
    }

    @Test func everyLengthOfAManifestButItsOwnIsRefused() throws {
        let bytes = try Example().manifest.encoded()
        var missed: [Int] = []
        for size in 0...(bytes.count + 40) where size != bytes.count {
            let changed = Array(bytes.prefix(size)) + [UInt8](repeating: 10, count: max(0, size - bytes.count))
            if (try? SnapshotManifest.parse(changed, fileName: "0000000000000009.manifest")) != nil {
                missed.append(size)
            }
        }
        #expect(missed == [])
    }

    @Test func aManifestUnderAnotherNameIsRefused() throws {
        let bytes = try Example().manifest.encoded()
        #expect(throws: SnapshotError.self) {
            try SnapshotManifest.parse(bytes, fileName: "0000000000000010.manifest")
        }
    }

    @Test func aWholePageFileOfAnotherSnapshotIsRefused() throws {
        let example = try Example()
        var random = SeededRandom(seed: 5)
        // The same lsn, owner, kind and number of pages; only the bytes of the page differ.
        let other = SnapshotFixture(disk: SimulatedDisk(seed: 2))
        try other.store.prepare()
        let state = TestState(owners: [[TestState.bytes(4096, &random)], []])
        let manifest = try other.write(state, lsn: 8, random: &random)
        let name = manifest.owners[0].files[0].name
        #expect(name == example.manifest.owners[0].files[0].name)
        let foreign = try #require((other.disk as? SimulatedDisk)?.contents("data/snapshots/" + name))
        example.disk.replace(example.path(name), with: foreign)
        #expect(try example.load(0) == nil)
    }

    @Test func anotherLogAnotherVersionAndAMissingFileAreToldApart() throws {
        let example = try Example()
        let name = example.manifest.owners[0].files[0].name
        let regions = TestMemory(regions: [4096]).targets
        func failure(logID: UInt64 = SnapshotFixture.logID) -> SnapshotError? {
            do {
                _ = try OwnerImage.load(
                    directory: example.fixture.directory, files: example.manifest.owners[0].files, regions: regions,
                    logID: logID, disk: example.disk)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure(logID: 3) == .foreign(file: name, found: SnapshotFixture.logID, expected: 3))
        var content = try #require(example.disk.contents(example.path(name)))
        content[4] = 2
        let checksum = content.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<4092])) }
        withUnsafeBytes(of: checksum.littleEndian) { content.replaceSubrange(4092..<4096, with: $0) }
        example.disk.replace(example.path(name), with: content)
        #expect(failure() == .unknownFormat(file: name, version: 2))
        try example.disk.remove(example.path(name))
        #expect(failure() == .missing(file: name))
    }

    @Test func aRegionLargerThanItsMemoryIsRefused() throws {
        let example = try Example()
        var target = TestMemory(regions: [4096]).targets[0]
        target.reservedBytes = 4095
        #expect(throws: SnapshotError.regionTooSmall(region: 0, byteCount: 4096, reservedBytes: 4095)) {
            try OwnerImage.load(
                directory: example.fixture.directory, files: example.manifest.owners[0].files, regions: [target],
                logID: SnapshotFixture.logID, disk: example.disk)
        }
    }

    @Test func aPageThatNoFileHoldsIsFound() throws {
        let example = try Example()
        var owner = example.manifest.owners[0]
        owner.regions[0].byteCount += 4096
        #expect(throws: SnapshotError.self) { try example.fixture.load(owner) }
        owner.regions[0].byteCount -= 4096
        owner.files.removeFirst()
        #expect(throws: Never.self) { try example.fixture.load(owner) }
        #expect(try example.fixture.load(example.manifest.owners[1]).count == 2)
    }
}
