import StarlingMemory
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// Bytes that nobody wrote, also under checksums that are right: refused, or read as what they say, never a crash.
@Suite struct FuzzTests {
    private func manifestBytes(_ json: [UInt8]) -> [UInt8] {
        let content = json + [10]
        let checksum = content.withUnsafeBytes { CRC32C.checksum($0) }
        return content + Array("crc32c=\(hexadecimal(UInt64(checksum), digits: 8))\n".utf8)
    }

    private func parse(_ text: String) throws -> SnapshotManifest {
        try SnapshotManifest.parse(manifestBytes(Array(text.utf8)), fileName: "0000000000000007.manifest")
    }

    private func example() throws -> String {
        let files = [0, 1].map { owner in
            PageFileSummary(
                name: SnapshotFiles.pages(lsn: 7, owner: owner), kind: .image, pageCount: 2, byteCount: 20_480,
                tableChecksum: 4)
        }
        let manifest = SnapshotManifest(
            logID: 1, lsn: 7, chain: 2, logMilliseconds: 3, workers: 1, timelineCap: 5, stateDigest: "0a",
            owners: files.map {
                SnapshotOwner(regions: [SnapshotRegion(name: "rows", byteCount: 6)], values: ["n": 1], files: [$0])
            })
        return String(decoding: try manifest.encoded().dropLast(17), as: UTF8.self)
    }

    @Test func randomBytesAreNoManifest() {
        var random = SeededRandom(seed: 40)
        for _ in 0..<3_000 {
            let bytes = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(throws: SnapshotError.self) { try SnapshotManifest.parse(bytes, fileName: "x") }
            #expect(throws: SnapshotError.self) {
                try SnapshotManifest.parse(manifestBytes(bytes), fileName: "0000000000000007.manifest")
            }
        }
    }

    @Test func aChangedManifestWithARightChecksumIsRefusedOrFreeOfContradictions() throws {
        let original = Array(try example().utf8)
        var random = SeededRandom(seed: 41)
        let pieces = [
            "-1", "18446744073709551616", "1e400", "null", "[]", "{}", "\"\"", "9223372036854775807", "\"../x\"", "0.5",
            "[[[[", "}", "\\u0000", "true",
        ].map { Array($0.utf8) }
        var taken = 0
        for _ in 0..<4_000 {
            var json = original
            for _ in 0...(random.next() % 3) {
                let place = Int(random.next() % UInt64(json.count))
                let end = min(json.count, place + Int(random.next() % 12))
                switch random.next() % 3 {
                case 0: json[place] = UInt8(truncatingIfNeeded: random.next())
                case 1: json.replaceSubrange(place..<end, with: pieces[Int(random.next() % UInt64(pieces.count))])
                default: json.removeSubrange(place..<end)
                }
            }
            let bytes = manifestBytes(json)
            if let manifest = try? SnapshotManifest.parse(bytes, fileName: "0000000000000007.manifest") {
                #expect(manifest.contradiction == nil)
                #expect(manifest.lsn == 7)
                taken += 1
            }
        }
        #expect(taken > 50)
    }

    @Test func anImpossibleManifestIsRefused() throws {
        let good = try example()
        #expect(try parse(good).lsn == 7)
        let changes = [
            ("\"logID\" : \"0000000000000001\"", "\"logID\" : \"0000000000000000\""),
            ("\"logID\" : \"0000000000000001\"", "\"logID\" : \"+000000000000001\""),
            ("\"logID\" : \"0000000000000001\"", "\"logID\" : 1"),
            ("\"workers\" : 1", "\"workers\" : 2"), ("\"workers\" : 1", "\"workers\" : 0"),
            ("\"workers\" : 1", "\"workers\" : 9223372036854775807"), ("\"lsn\" : 7", "\"lsn\" : 8"),
            ("\"workers\" : 1", "\"workers\" : -9223372036854775808"),
            ("\"timelineCap\" : 5", "\"timelineCap\" : 0"), ("\"0a\"", "\"0A\""), ("\"0a\"", "\"\""),
            ("\"rows\"", "\"../rows\""), ("\"byteCount\" : 6", "\"byteCount\" : -6"),
            ("\"byteCount\" : 6", "\"byteCount\" : 9223372036854775807"), ("\"image\"", "\"changes\""),
            ("\"image\"", "\"picture\""), ("0000000000000007-001.pages", "0000000000000007-000.pages"),
            ("0000000000000007-001.pages", "0000000000000008-001.pages"),
            ("0000000000000007-001.pages", "../0000000000000007-001.pages"),
            ("0000000000000007-001.pages", "000000000000007-001.pages"),
            ("\"pageCount\" : 2", "\"pageCount\" : -1"), ("\"pageCount\" : 2", "\"pageCount\" : 3"),
            ("\"pageCount\" : 2", "\"pageCount\" : 9223372036854775807"), ("20480", "20481"),
            ("\"tableChecksum\" : 4", "\"tableChecksum\" : 4294967296"),
        ]
        for (old, new) in changes {
            let changed = good.replacing(old, with: new)
            #expect(changed != good)
            do {
                _ = try parse(changed)
                Issue.record("\(new) was taken")
            } catch let error as SnapshotError {
                #expect(error.exitCode == 65, "\(new): \(error)")
            }
        }
    }

    @Test func aManifestOfALaterVersionIsOfUnknownFormatWhateverElseItHolds() throws {
        #expect(throws: SnapshotError.unknownFormat(file: "0000000000000007.manifest", version: 9)) {
            try parse("{\"formatVersion\": 9, \"owners\": \"elsewhere\"}")
        }
        #expect(SnapshotError.unknownFormat(file: "f", version: 9).exitCode == 78)
    }

    @Test func aManifestBeyondTheSizeLimitIsNotRead() throws {
        let disk = SimulatedDisk(seed: 1)
        let path = "data/snapshots/0000000000000007.manifest"
        disk.replace(path, with: [])
        disk.truncate(path, to: SnapshotLimits.manifestBytes + 1)
        disk.fail(.read, code: SystemErrorCode.inputOutput)
        let candidate = try #require(try SnapshotStore(directory: "data/snapshots", disk: disk).candidates().first)
        guard case .failure(.damaged) = candidate.manifest else {
            Issue.record("\(candidate.manifest)")
            return
        }
    }

    @Test func deepJSONIsRefused() {
        let text = "{\"formatVersion\": " + String(repeating: "[", count: 200_000)
        #expect(throws: SnapshotError.self) { try parse(text) }
    }

    /// Stores a page file of lsn 7, owner 0, whose checksums are right whatever its table says.
    private func forge(
        _ fixture: SnapshotFixture, _ kind: PageFileKind, pages: [[UInt8]], table: [UInt8]
    ) -> PageFileSummary {
        let identity = PageFileIdentity(logID: SnapshotFixture.logID, lsn: 7, owner: 0)
        let padded = table + [UInt8](repeating: 0, count: PageFileFormat.paddingBytes(pageCount: pages.count))
        let summary = PageFileSummary(
            name: identity.fileName, kind: kind, pageCount: pages.count,
            byteCount: PageFileFormat.fileBytes(pageCount: pages.count),
            tableChecksum: padded.withUnsafeBytes { CRC32C.checksum($0) })
        let footer = PageFileFormat.Footer(
            pageCount: UInt64(pages.count), tableOffset: PageFileFormat.offset(ofPlace: pages.count),
            tableChecksum: summary.tableChecksum)
        let content =
            PageFileFormat.encodeHeader(identity, kind) + pages.flatMap { $0 } + padded
            + PageFileFormat.encodeFooter(identity, kind, footer)
        (fixture.disk as? SimulatedDisk)?.replace(fixture.directory + "/" + identity.fileName, with: content)
        return summary
    }

    private func entry(_ region: UInt16, _ page: UInt32, of bytes: [UInt8]) -> [UInt8] {
        let checksum = bytes.withUnsafeBytes { CRC32C.checksum($0) }
        return withUnsafeBytes(of: PageEntry(PageID(region: region, page: page), checksum: checksum)) { Array($0) }
    }

    private func load(_ fixture: SnapshotFixture, _ summary: PageFileSummary, pages: Int) throws -> [[UInt8]] {
        try fixture.load(
            SnapshotOwner(
                regions: [SnapshotRegion(name: "r", byteCount: pages * 4096)], values: [:], files: [summary]))
    }

    @Test func aPageTableThatContradictsItselfIsRefused() throws {
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: 1))
        var random = SeededRandom(seed: 44)
        let pages = [TestState.bytes(4096, &random), TestState.bytes(4096, &random)]
        let one = entry(0, 1, of: pages[1])
        let zero = entry(0, 0, of: pages[0])
        #expect(
            try load(fixture, forge(fixture, .image, pages: pages, table: zero + one), pages: 2) == [
                pages[0] + pages[1]
            ])
        #expect(
            try load(fixture, forge(fixture, .changes, pages: pages.reversed(), table: one + zero), pages: 2)
                == [pages[0] + pages[1]])
        var reserved = zero
        reserved[2] = 1
        let wrong: [(PageFileKind, [[UInt8]], [UInt8])] = [
            (.image, pages.reversed(), one + zero), (.image, [pages[0], pages[0]], zero + zero),
            (.image, pages, zero + entry(0, 2, of: pages[1])), (.image, pages, zero + entry(1, 0, of: pages[1])),
            (.changes, [pages[0], pages[0]], zero + zero), (.changes, pages, zero + entry(1, 0, of: pages[1])),
            (.changes, [pages[0]], reserved), (.image, [pages[0]], reserved),
        ]
        for (number, (kind, pages, table)) in wrong.enumerated() {
            let summary = forge(fixture, kind, pages: pages, table: table)
            #expect(throws: SnapshotError.self, "number \(number)") { try load(fixture, summary, pages: 1) }
        }
    }

    /// Page files with random regions, pages and bytes in the table, under checksums and manifests that fit.
    @Test(arguments: PageFileKind.allCases) func aChangedPageTableNeverCrashesALoad(kind: PageFileKind) throws {
        var random = SeededRandom(seed: 42)
        let fixture = SnapshotFixture(disk: SimulatedDisk(seed: 1))
        var loads = 0
        for _ in 0..<2_000 {
            let pages = (0..<Int(random.next() % 5)).map { _ in TestState.bytes(4096, &random) }
            var table: [UInt8] = []
            for (place, page) in pages.enumerated() {
                let region = random.next() % 8 == 0 ? UInt16(truncatingIfNeeded: random.next()) : 0
                let number = random.next() % 8 == 0 ? UInt32(truncatingIfNeeded: random.next()) : UInt32(place)
                table += entry(region, number, of: page)
            }
            if random.next() % 8 == 0, !table.isEmpty {
                table[Int(random.next() % UInt64(table.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let summary = forge(fixture, kind, pages: pages, table: table)
            let used = Int(random.next() % 5)
            guard let loaded = try? load(fixture, summary, pages: used) else { continue }
            loads += 1
            // What was let through is what the file holds.
            for page in 0..<used {
                let bytes = Array(loaded[0][(page * 4096)..<((page + 1) * 4096)])
                #expect(pages.contains(bytes))
            }
        }
        #expect(loads > 100)
    }

    @Test func randomBytesAreNoPageFile() throws {
        var random = SeededRandom(seed: 43)
        let disk = SimulatedDisk(seed: 1)
        let fixture = SnapshotFixture(disk: disk)
        let name = SnapshotFiles.pages(lsn: 7, owner: 0)
        for _ in 0..<300 {
            let summary = PageFileSummary(
                name: name, kind: random.next() % 2 == 0 ? .image : .changes, pageCount: 1, byteCount: 16_384,
                tableChecksum: UInt32(truncatingIfNeeded: random.next()))
            var content = (0..<16_384).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if random.next() % 2 == 0 { content.replaceSubrange(0..<4, with: Array("STPG".utf8)) }
            disk.replace(fixture.directory + "/" + name, with: content)
            let owner = SnapshotOwner(
                regions: [SnapshotRegion(name: "r", byteCount: 4096)], values: [:], files: [summary])
            #expect(throws: SnapshotError.self) { try fixture.load(owner) }
        }
    }
}
