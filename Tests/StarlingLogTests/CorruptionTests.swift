import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Every byte and every length of a small log: never a crash, never silently different.
@Suite struct CorruptionTests {
    private static let configuration = Fixture.configuration(segmentBytes: 420)

    /// Opens a damaged log. Either it is refused and nothing changed, or it has a prefix of `records`, no shorter than
    /// `least`, and goes on working.
    private func check(
        _ disk: SimulatedDisk, records: [TestRecord], least: Int, mayEndEarly: Bool = false,
        _ place: @autoclosure () -> String
    ) throws {
        let before = Fixture.snapshot(disk)
        do {
            let opened = try Fixture.open(disk, Self.configuration)
            let found = try opened.log.allRecords()
            #expect(found.count >= least, "\(place()): \(found.count) records of at least \(least)")
            #expect(found == Array(records.prefix(found.count)), "\(place()): other records")
            if found.count < records.count, !mayEndEarly {
                #expect(opened.report.tornTail != nil, "\(place()): silent loss")
            }
        } catch let error as LogError {
            #expect([65, 66].contains(error.exitCode), "\(place()): \(error)")
            #expect(Fixture.snapshot(disk) == before, "\(place()): refused and changed")
        }
    }

    private func log(clean: Bool) throws -> (disk: SimulatedDisk, records: [TestRecord], lastCommit: Int) {
        let records = TestRecord.many(11, seed: 8, maximumBytes: 20)
        let commits = groups(records, most: 3, seed: 2)
        let disk = try Fixture.smallLog(groups: commits, segmentBytes: 420, clean: clean)
        try #require(Fixture.segments(disk).count >= 3)
        return (disk, records, commits.last?.count ?? 0)
    }

    @Test(arguments: [true, false]) func everyFlippedByte(clean: Bool) throws {
        let (disk, records, lastCommit) = try log(clean: clean)
        // After a clean end all is known to be durable; after a crash nothing vouches for the last commit.
        let least = clean ? records.count : records.count - lastCommit
        for path in disk.files where !path.hasSuffix("/lock") {
            let size = path.hasSuffix("watermark") ? 36 : disk.contents(path)?.count ?? 0
            for byte in 0..<size {
                let copy = SimulatedDisk(copying: disk, seed: 5)
                copy.corrupt(path, byte: byte, bit: byte % 8)
                try check(copy, records: records, least: least, "\(path) byte \(byte)")
            }
        }
    }

    @Test(arguments: [true, false]) func everyTruncation(clean: Bool) throws {
        let (disk, records, lastCommit) = try log(clean: clean)
        let least = clean ? records.count : records.count - lastCommit
        for path in Fixture.segments(disk) {
            // When the last segment of an unclean log is cut, what vouched for its records is cut off with them; what
            // lies before it is safe.
            let isOpenEnd = !clean && path == Fixture.segments(disk).last
            let base = try #require(LogFiles.base(ofSegment: String(path.suffix(20))))
            for size in 0..<(disk.contents(path)?.count ?? 0) {
                let copy = SimulatedDisk(copying: disk, seed: 5)
                copy.truncate(path, to: size)
                let vouched = isOpenEnd ? Int(base) - 1 : least
                try check(
                    copy, records: records, least: vouched, mayEndEarly: isOpenEnd, "\(path) cut to \(size)")
            }
        }
    }

    @Test func everyZeroedSpan() throws {
        let (disk, records, _) = try log(clean: true)
        var random = SeededRandom(seed: 12)
        for path in Fixture.segments(disk) {
            let size = disk.contents(path)?.count ?? 0
            for start in stride(from: 0, to: size, by: 3) {
                let copy = SimulatedDisk(copying: disk, seed: 5)
                var content = try #require(copy.contents(path))
                let end = min(size, start + Int(random.next() % 300) + 1)
                for index in start..<end { content[index] = 0 }
                copy.replace(path, with: content)
                try check(copy, records: records, least: records.count, "\(path) zeros \(start)..<\(end)")
            }
        }
    }

    @Test func randomGarbageNeverCrashes() throws {
        var random = SeededRandom(seed: 77)
        for round in 0..<200 {
            let disk = SimulatedDisk(seed: 1)
            var content = (0..<Int(random.next() % 900)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            if round % 2 == 0 { content.replaceSubrange(0..<min(4, content.count), with: Array("STRL".utf8)) }
            disk.replace(Fixture.segmentPath(1), with: content)
            let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
            #expect(report.intactRange == nil)
            #expect(try Fixture.open(disk, Self.configuration).log.allRecords() == [])
        }
    }
}
