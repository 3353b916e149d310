import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

@Suite struct RecoveryTests {
    private let records = TestRecord.many(12, seed: 3)

    /// Three commits of four records in one segment, not closed.
    private func logOfThreeCommits() throws -> SimulatedDisk {
        try Fixture.smallLog(groups: groupsOfFour, segmentBytes: 64 << 10)
    }

    private var groupsOfFour: [[TestRecord]] { [Array(records[..<4]), Array(records[4..<8]), Array(records[8...])] }

    /// Where each envelope of a segment begins, and the end of the last.
    private func offsets(_ file: [UInt8]) -> [Int] {
        var result = [0]
        while let last = result.last, last + 88 <= file.count, file[last] == UInt8(ascii: "S") {
            result.append(last + 88 + file[(last + 8)..<(last + 12)].reversed().reduce(0) { $0 << 8 | Int($1) })
        }
        return result
    }

    @Test func uncleanEndIsReportedAndMarked() throws {
        let disk = try logOfThreeCommits()
        let opened = try Fixture.open(disk)
        #expect(!opened.report.wasClean)
        #expect(opened.report.tornTail == nil)
        #expect(opened.report.incarnation == 2)
        #expect(opened.report.lastLSN == 12)
        #expect(opened.report.durableWatermark == 8)
        // The marker makes everything before it known to be durable.
        opened.writer.lock = nil
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).durableWatermark == 12)
    }

    @Test func tornLastBatchIsCutAndKept() throws {
        let disk = try logOfThreeCommits()
        let path = Fixture.segmentPath(1)
        let offsets = offsets(try #require(disk.contents(path)))
        let torn = offsets[3]
        disk.corrupt(path, byte: torn + 100, bit: 0)
        let before = try #require(disk.contents(path))
        let opened = try Fixture.open(disk)
        let tail = try #require(opened.report.tornTail)
        #expect(tail.lastLSN == 8)
        #expect(tail.offset == UInt64(torn))
        #expect(tail.copy == "0000000000000001.seg.torn-8")
        #expect(disk.contents("data/log/" + tail.copy) == Array(before[torn..<(torn + Int(tail.length))]))
        #expect(before[(torn + Int(tail.length))...].allSatisfy { $0 == 0 })
        #expect(try opened.log.allRecords() == Array(records[..<8]))
        #expect(try opened.writer.append(records[8]) == 9)
        try opened.writer.close(clean: true)
        #expect(try Fixture.open(disk).log.allRecords() == Array(records[..<9]))
    }

    @Test func damageBeforeADurableBatchIsRefused() throws {
        let disk = try logOfThreeCommits()
        let path = Fixture.segmentPath(1)
        let offsets = offsets(try #require(disk.contents(path)))
        disk.corrupt(path, byte: offsets[2] + 95, bit: 3)
        let before = Fixture.snapshot(disk)
        let error = #expect(throws: LogError.self) { try Fixture.open(disk) }
        guard case .damaged(let damage)? = error else {
            Issue.record("expected damage, got \(String(describing: error))")
            return
        }
        #expect(damage.segment == "0000000000000001.seg")
        #expect(damage.byteRange == UInt64(offsets[2])..<UInt64(offsets[3]))
        #expect(damage.lsnRange == 5...8)
        #expect(damage.durableWatermark == 8)
        #expect(error?.exitCode == 65)
        #expect(Fixture.snapshot(disk) == before)
    }

    @Test func damagedFirstMarkerBeforeABatchIsRefused() throws {
        let disk = try Fixture.smallLog(groups: [records], segmentBytes: 64 << 10)
        disk.corrupt(Fixture.segmentPath(1), byte: 20, bit: 0)
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk) }?.exitCode == 65)
    }

    @Test func zeroedBatchBeforeADurableOneIsRefused() throws {
        let disk = try logOfThreeCommits()
        let path = Fixture.segmentPath(1)
        var file = try #require(disk.contents(path))
        let offsets = offsets(file)
        file.replaceSubrange(offsets[2]..<offsets[3], with: Array(repeating: 0, count: offsets[3] - offsets[2]))
        disk.replace(path, with: file)
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk) }?.exitCode == 65)
    }

    @Test func damageBehindTheLastRecordOfAnEarlierSegmentIsRefused() throws {
        let disk = try Fixture.smallLog(groups: groupsOfFour, segmentBytes: 300)
        let path = Fixture.segmentPath(1)
        let content = try #require(disk.contents(path))
        try #require(Fixture.segments(disk).count > 1)
        disk.replace(path, with: content + [0, 0, 0])
        #expect(try Fixture.open(SimulatedDisk(copying: disk, seed: 1)).log.allRecords() == records)
        disk.replace(path, with: content + [0, 0, 1])
        let before = Fixture.snapshot(disk)
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk) }?.exitCode == 65)
        #expect(Fixture.snapshot(disk) == before)
    }

    /// Headers whose checksum agrees, and which still cannot be right.
    @Test(arguments: [8, 12, 16, 24, 32, 40, 48, 56, 64, 72]) func contradictingHeadersAreRefused(field: Int) throws {
        let disk = try logOfThreeCommits()
        let path = Fixture.segmentPath(1)
        var file = try #require(disk.contents(path))
        let start = offsets(file)[2]
        // An older watermark, or none, would be a lower bound all the same.
        for value: UInt8 in field == 56 ? [0xff] : [0, 0xff] {
            for index in field..<(field + (field < 16 ? 4 : 8)) { file[start + index] = value }
            let checksum = HandMade.checksum(Array(file[start..<(start + 84)]))
            file.replaceSubrange((start + 84)..<(start + 88), with: HandMade.little(checksum, 4))
            let copy = SimulatedDisk(copying: disk, seed: 1)
            copy.replace(path, with: file)
            let report = LogVerifier.verify(directory: "data", disk: copy, deep: true)
            #expect(report.exitCode == 65, "\(value): \(report.outcome)")
            #expect(#expect(throws: LogError.self) { try Fixture.open(copy) }?.exitCode == 65)
        }
    }

    /// The next valid header lies behind a large hole, at every position relative to the pieces that are searched.
    @Test func evidenceBehindALargeBatchIsFound() throws {
        var random = SeededRandom(seed: 1)
        for extra in stride(from: -280, through: -140, by: 20) {
            let noise = (0..<((64 << 10) + extra)).map { _ in UInt8(truncatingIfNeeded: random.next()) | 1 }
            let disk = try Fixture.smallLog(
                groups: [[TestRecord(value: noise)], [records[0]]], segmentBytes: 200 << 10)
            disk.corrupt(Fixture.segmentPath(1), byte: 100, bit: 0)
            #expect(LogVerifier.verify(directory: "data", disk: disk, deep: false).exitCode == 65, "\(extra)")
        }
    }

    @Test func emptyLastSegmentIsANormalEnd() throws {
        for content in [[], Array(repeating: UInt8(0), count: 40), Array(repeating: UInt8(0), count: 4_096)] {
            let disk = try logOfThreeCommits()
            disk.replace(Fixture.segmentPath(13), with: content)
            let opened = try Fixture.open(disk)
            #expect(opened.report.tornTail == nil)
            #expect(try opened.log.allRecords() == records)
            #expect(try opened.writer.append(records[0]) == 13)
            try opened.writer.close(clean: true)
            #expect(try Fixture.open(disk).log.allRecords() == records + [records[0]])
            #expect(Fixture.segments(disk) == [Fixture.segmentPath(1), Fixture.segmentPath(13)])
        }
    }

    @Test func garbageAtTheStartOfTheLastSegmentIsCut() throws {
        let disk = try logOfThreeCommits()
        disk.replace(Fixture.segmentPath(13), with: [1, 2, 3])
        let opened = try Fixture.open(disk)
        #expect(opened.report.tornTail?.lastLSN == 12)
        #expect(opened.report.tornTail?.offset == 0)
        #expect(try opened.log.allRecords() == records)
    }

    @Test func missingSegmentsAreRefused() throws {
        let whole = try Fixture.smallLog(groups: groupsOfFour, segmentBytes: 300, clean: true)
        // The last one may hold nothing but the marker of the clean end.
        let segments = Fixture.segments(whole).filter { $0 <= Fixture.segmentPath(12) }
        try #require(segments.count >= 3)
        for missing in segments.indices {
            let disk = SimulatedDisk(copying: whole, seed: 1)
            try disk.remove(segments[missing])
            let before = Fixture.snapshot(disk)
            let error = #expect(throws: LogError.self) { try Fixture.open(disk) }
            #expect(error?.exitCode == 66, "\(missing): \(String(describing: error))")
            #expect(Fixture.snapshot(disk) == before)
            #expect(LogVerifier.verify(directory: "data", disk: disk, deep: false).exitCode == 66)
        }
    }

    @Test func allSegmentsMissingIsRefusedByTheWatermark() throws {
        let disk = try Fixture.smallLog(groups: groupsOfFour, clean: true)
        for path in Fixture.segments(disk) { try disk.remove(path) }
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk) }?.exitCode == 66)
    }

    @Test func shortenedBelowTheWatermarkIsRefused() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.commit(groups: groupsOfFour)
        opened.writer.updateWatermark()
        disk.crash(.keepUnsynced)
        let path = Fixture.segmentPath(1)
        let offsets = offsets(try #require(disk.contents(path)))
        let watermark = try #require(disk.contents("data/log/watermark"))
        for cut in [offsets[3], offsets[3] + 1, offsets[2], offsets[4] - 1] {
            let copy = SimulatedDisk(copying: disk, seed: 2)
            copy.truncate(path, to: cut)
            let error = #expect(throws: LogError.self) { try Fixture.open(copy) }
            #expect(error?.exitCode == (offsets.contains(cut) ? 66 : 65))
            #expect(copy.contents(path)?.count == cut)
        }
        // Without the watermark file, or with a torn one, the last commit cannot be told from a torn write.
        for torn in [true, false] {
            let copy = SimulatedDisk(copying: disk, seed: 2)
            copy.truncate(path, to: offsets[3] + 1)
            if torn {
                copy.replace("data/log/watermark", with: watermark.map { _ in 0xee })
            } else {
                try copy.remove("data/log/watermark")
            }
            #expect(try Fixture.open(copy).log.allRecords() == Array(records[..<8]))
        }
    }

    @Test func oneTornSlotLeavesTheOther() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        for group in groupsOfFour {
            try opened.writer.commit(groups: [group])
            opened.writer.updateWatermark()
        }
        disk.crash(.keepUnsynced)
        let good = try #require(try WatermarkFile.read(directory: "data/log", disk: disk))
        #expect(good == WatermarkFile.Content(logID: Fixture.logID, generation: 3, durableLSN: 12))
        disk.corrupt("data/log/watermark", byte: 4_096 + 24, bit: 1)
        let rest = try #require(try WatermarkFile.read(directory: "data/log", disk: disk))
        #expect(rest == WatermarkFile.Content(logID: Fixture.logID, generation: 2, durableLSN: 8))
    }

    @Test func whatTheCallerKnowsCounts() throws {
        let disk = try logOfThreeCommits()
        var expectation = LogExpectation()
        expectation.durableLSN = 13
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk, expectation: expectation) }?.exitCode == 66)
        expectation.durableLSN = 12
        expectation.logID = 5
        let foreign = #expect(throws: LogError.self) { try Fixture.open(disk, expectation: expectation) }
        #expect(foreign == .foreignFile(path: "data/log", found: Fixture.logID, expected: 5))
        expectation.logID = Fixture.logID
        #expect(try Fixture.open(disk, expectation: expectation).log.writtenLSN == 12)
    }

    @Test func segmentsOfAnotherLogAreRefused() throws {
        let disk = try Fixture.smallLog(groups: groupsOfFour, segmentBytes: 300)
        let other = SimulatedDisk(seed: 1)
        let opened = try Log.open(
            directory: "data", disk: other, configuration: Fixture.configuration(segmentBytes: 300), newLogID: 99)
        try opened.writer.commit(groups: groupsOfFour)
        let last = try #require(Fixture.segments(disk).last)
        disk.replace(last, with: try #require(other.contents(last)))
        let before = Fixture.snapshot(disk)
        #expect(throws: LogError.foreignFile(path: last, found: 99, expected: Fixture.logID)) { try Fixture.open(disk) }
        #expect(Fixture.snapshot(disk) == before)
    }

    @Test func unknownVersionsAreRefused() throws {
        for header in [20, 88, 120, 512] {
            let disk = try logOfThreeCommits()
            let path = Fixture.segmentPath(1)
            var file = try #require(disk.contents(path))
            var future = Array("STRL".utf8) + [2, 0] + HandMade.little(UInt64(header), 2)
            future += Array(repeating: 7, count: header - 12)
            future += HandMade.little(HandMade.checksum(future), 4)
            let offset = try #require(offsets(file).last)
            file.replaceSubrange(offset..<(offset + header), with: future)
            disk.replace(path, with: file)
            let before = Fixture.snapshot(disk)
            let error = #expect(throws: LogError.self) { try Fixture.open(disk) }
            #expect(error == .unknownFormat(path: path, version: 2))
            #expect(error?.exitCode == 78)
            #expect(Fixture.snapshot(disk) == before)
        }
    }

    @Test func secondWriterIsLockedOut() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        let error = #expect(throws: LogError.self) { try Fixture.open(disk) }
        #expect(error == .locked(path: "data/log/lock"))
        #expect(error?.exitCode == 73)
        try opened.writer.close(clean: true)
        #expect(throws: Never.self) { try Fixture.open(disk) }
    }

    @Test func foreignFilesStayAndLeftoversGo() throws {
        let disk = try logOfThreeCommits()
        let foreign = ["notes.txt", "notes.tmp", "5.seg", "0000000000000001.seg.bak", "0000000000000001.seg.torn-3"]
        for name in foreign { disk.replace("data/log/" + name, with: [1]) }
        disk.replace("data/log/spare.tmp", with: [1])
        disk.replace("data/log/0000000000000001.seg.torn-8.tmp", with: [1])
        let opened = try Fixture.open(disk)
        #expect(try opened.log.allRecords() == records)
        #expect(!disk.exists("data/log/spare.tmp"))
        #expect(!disk.exists("data/log/0000000000000001.seg.torn-8.tmp"))
        for name in foreign { #expect(disk.contents("data/log/" + name) == [1]) }
    }

    @Test func idleMarkerClosesTheAmbiguity() throws {
        let disk = SimulatedDisk(seed: 1)
        var configuration = Fixture.configuration()
        configuration.commitsPerWatermark = 0
        let opened = try Fixture.open(disk, configuration)
        try opened.writer.commit(groups: groupsOfFour)
        try opened.writer.writeSyncMarker()
        disk.crash(.keepUnsynced)
        let path = Fixture.segmentPath(1)
        let offsets = offsets(try #require(disk.contents(path)))
        disk.corrupt(path, byte: offsets[3] + 90, bit: 0)
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk) }?.exitCode == 65)
    }

    @Test func manyRestartsWithoutRecordsGrowOneSegment() throws {
        let disk = SimulatedDisk(seed: 1)
        let configuration = Fixture.configuration(segmentBytes: 256)
        for restart in 1...20 {
            let opened = try Fixture.open(disk, configuration)
            #expect(opened.log.incarnation == UInt64(restart))
            try opened.writer.close(clean: restart % 3 == 0)
        }
        #expect(Fixture.segments(disk) == [Fixture.segmentPath(1)])
        let opened = try Fixture.open(disk, configuration)
        try opened.writer.commit(groups: groupsOfFour)
        #expect(try opened.log.allRecords() == records)
    }

    @Test func errorsSayWhatWhereAndWhatToDo() throws {
        let disk = try logOfThreeCommits()
        disk.corrupt(Fixture.segmentPath(1), byte: 200, bit: 0)
        let error = #expect(throws: LogError.self) { try Fixture.open(disk) }
        let text = "\(try #require(error))"
        for part in ["0000000000000001.seg", "bytes 88–", "lsn 1–4 (4 records)", "watermark 8", "salvage"] {
            #expect(text.contains(part), "\(part) is not in: \(text)")
        }
    }
}
