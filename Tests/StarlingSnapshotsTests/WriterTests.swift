import StarlingMemory
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingSnapshots

/// What the writer refuses, and how it writes.
@Suite struct WriterTests {
    private let disk = SimulatedDisk(seed: 1)
    private let identity = PageFileIdentity(logID: 5, lsn: 9, owner: 2)

    private func writer(_ layout: PageFileLayout) throws -> PageFileWriter {
        try disk.createDirectory("d")
        return try PageFileWriter(directory: "d", disk: disk, identity: identity, layout: layout)
    }

    private func pages(_ pages: [(UInt16, UInt32)]) -> ([PageID], [UInt8]) {
        (
            pages.map { PageID(region: $0.0, page: $0.1) },
            pages.flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0.1) &+ 1, count: 4096) }
        )
    }

    private func put(_ writer: PageFileWriter, _ list: (UInt16, UInt32)...) throws {
        let (ids, bytes) = pages(list)
        try writer.write(ids, bytes)
    }

    @Test(arguments: [PageFileLayout.image(regionPages: [2, 0, 3]), .changes(regionPages: [2, 0, 3])])
    func aPageTwiceOrOutsideIsRefusedAndEndsTheWriter(layout: PageFileLayout) throws {
        for wrong in [(UInt16(0), UInt32(1)), (0, 2), (1, 0), (2, 3), (3, 0), (65_535, .max)] {
            let writer = try writer(layout)
            try put(writer, (0, 1))
            #expect(throws: SnapshotError.self, "\(wrong)") { try put(writer, wrong) }
            #expect(throws: SnapshotError.self, "\(wrong)") { try put(writer, (0, 0)) }
            #expect(throws: SnapshotError.self, "\(wrong)") { try writer.finish() }
            writer.abandon()
            #expect(disk.files == [])
        }
    }

    @Test func anImageWithAHoleIsRefused() throws {
        let writer = try writer(.image(regionPages: [1, 2]))
        try put(writer, (1, 1), (0, 0))
        #expect(throws: SnapshotError.self) { try writer.finish() }
        writer.abandon()
        #expect(disk.files == [])
    }

    @Test func bytesThatAreNotWholePagesAreRefused() throws {
        let writer = try writer(.changes(regionPages: [4]))
        let (ids, bytes) = pages([(0, 0), (0, 1)])
        #expect(throws: SnapshotError.self) { try writer.write(ids, Array(bytes.dropLast())) }
    }

    @Test func pagesOfAnImageLieInTheirPlacesAndChangesInTheOrderOfArrival() throws {
        for kind in PageFileKind.allCases {
            let counts = [2, 3]
            let writer = try writer(kind == .image ? .image(regionPages: counts) : .changes(regionPages: counts))
            try put(writer, (1, 2), (0, 0), (0, 1))
            try put(writer, (1, 0), (1, 1))
            let summary = try writer.finish()
            let content = try #require(disk.contents("d/" + summary.name))
            #expect(content.count == Int(summary.byteCount) && summary.pageCount == 5)
            let firstBytes = (0..<5).map { content[4096 * (1 + $0)] }
            #expect(firstBytes == (kind == .image ? [1, 2, 1, 2, 3] : [3, 1, 2, 1, 2]))
            try disk.remove("d/" + summary.name)
        }
    }

    @Test func neighboursGoOutInOneWrite() throws {
        let writer = try writer(.image(regionPages: [4, 4]))
        let before = disk.changeCount
        // Places 2 to 5 in one row, over the border of the regions, then 0.
        try put(writer, (0, 2), (0, 3), (1, 0), (1, 1), (0, 0))
        #expect(disk.changeCount - before == 2)
    }

    @Test func theFileHasItsNameOnlyOnceItIsWholeAndSynced() throws {
        let writer = try writer(.changes(regionPages: [4]))
        try put(writer, (0, 2))
        #expect(disk.files == ["d/0000000000000009-002.pages.tmp"])
        let summary = try writer.finish()
        #expect(disk.files == ["d/0000000000000009-002.pages"])
        try disk.syncDirectory("d")
        try disk.syncDirectory("")
        disk.crash(.loseUnsynced)
        let reader = try PageFileReader(
            directory: "d", summary: summary, logID: 5, regionPages: [4], disk: disk)
        try reader.verifyPages()
        writer.abandon()
        #expect(disk.files == ["d/0000000000000009-002.pages"], "abandon removed a finished file")
    }

    @Test func whatAnEarlierAttemptLeftIsReplaced() throws {
        _ = try writer(.image(regionPages: [40]))
        let writer = try writer(.changes(regionPages: [4]))
        try put(writer, (0, 0))
        #expect(try writer.finish().pageCount == 1)
    }

    @Test func anEmptyFileIsAFile() throws {
        for layout in [PageFileLayout.image(regionPages: []), .changes(regionPages: [4]), .image(regionPages: [0, 0])] {
            let summary = try writer(layout).finish()
            let reader = try PageFileReader(
                directory: "d", summary: summary, logID: 5, regionPages: [], disk: disk)
            try reader.verifyPages()
            #expect(summary.pageCount == 0 && summary.byteCount == 8192)
        }
    }

    @Test func impossibleIdentitiesAndLayoutsAreRefused() throws {
        try disk.createDirectory("d")
        func make(_ logID: UInt64, _ lsn: UInt64, _ owner: Int, _ layout: PageFileLayout) throws {
            _ = try PageFileWriter(
                directory: "d", disk: disk, identity: PageFileIdentity(logID: logID, lsn: lsn, owner: owner),
                layout: layout)
        }
        let one = PageFileLayout.changes(regionPages: [1])
        #expect(throws: SnapshotError.self) { try make(0, 1, 1, one) }
        #expect(throws: SnapshotError.self) { try make(1, 0, 1, one) }
        #expect(throws: SnapshotError.self) { try make(1, .max, 1, one) }
        #expect(throws: SnapshotError.self) { try make(1, 1, -1, one) }
        #expect(throws: SnapshotError.self) { try make(1, 1, 1000, one) }
        #expect(throws: SnapshotError.self) { try make(1, 1, 1, .changes(regionPages: [-1])) }
        #expect(throws: SnapshotError.self) { try make(1, 1, 1, .image(regionPages: [.max, .max])) }
        #expect(throws: SnapshotError.self) { try make(1, 1, 1, .image(regionPages: Array(repeating: 1, count: 1025))) }
        #expect(disk.files == [])
    }
}
