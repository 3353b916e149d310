import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Opening from what a snapshot knows.
@Suite struct PointTests {
    private static let configuration = Fixture.configuration(segmentBytes: 700)
    private let records = TestRecord.many(60, seed: 61)

    private func disk(clean: Bool = true) throws -> SimulatedDisk {
        try Fixture.smallLog(groups: groups(records, most: 4, seed: 62), segmentBytes: 700, clean: clean)
    }

    private func expectation(_ lsn: UInt64, _ chain: UInt64) -> LogExpectation {
        var expectation = LogExpectation()
        expectation.point = LogPoint(lsn: lsn, chain: chain)
        return expectation
    }

    /// Index 0: before the first record.
    private func chains(_ disk: SimulatedDisk) throws -> [UInt64] {
        var chains = [Fixture.logID]
        try LogReader(directory: "data", disk: disk).forEachRecord(from: 1) { chains.append($0.chain) }
        return chains
    }

    @Test func everyPointOpensTheSameLog() throws {
        let disk = try disk()
        let bases = Fixture.segments(disk).compactMap { LogFiles.base(ofSegment: String($0.suffix(20))) }
        for (lsn, chain) in try chains(disk).enumerated() {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            let opened = try Fixture.open(copy, Self.configuration, expectation: expectation(UInt64(lsn), chain))
            #expect(try opened.log.allRecords() == records)
            #expect(opened.report.readSegments == bases.count - (bases.lastIndex { $0 <= UInt64(lsn) } ?? 0))
            #expect(opened.report.wasClean)
            try opened.writer.commit(groups: [[records[0]]])
            try opened.writer.close(clean: true)
            #expect(LogVerifier.verify(directory: "data", disk: copy, deep: true).intactRange == 1...61)
        }
    }

    @Test func anotherChainIsRefused() throws {
        let disk = try disk()
        let before = Fixture.snapshot(disk)
        for (lsn, chain) in try chains(disk).enumerated() {
            let wrong = expectation(UInt64(lsn), chain ^ 1)
            let error = #expect(throws: LogError.self) {
                try Fixture.open(disk, Self.configuration, expectation: wrong)
            }
            #expect(error == .otherHistory(lsn: UInt64(lsn), expected: chain ^ 1, found: chain))
            #expect(error?.exitCode == 65)
        }
        #expect(Fixture.snapshot(disk) == before)
    }

    @Test func aSnapshotNewerThanTheLogIsRefused() throws {
        let disk = try disk()
        let before = Fixture.snapshot(disk)
        for lsn: UInt64 in [61, 1_000, LogLimits.highestLSN] {
            let error = #expect(throws: LogError.self) {
                try Fixture.open(disk, Self.configuration, expectation: expectation(lsn, 1))
            }
            guard case .missing(let gap)? = error else {
                Issue.record("expected a gap, got \(String(describing: error))")
                continue
            }
            #expect(gap.firstMissing == 61 && gap.lastMissing == lsn)
            #expect(error?.exitCode == 66)
        }
        #expect(Fixture.snapshot(disk) == before)
    }

    @Test func aLostTailBelowTheSnapshotIsRefusedAlthoughItLooksTorn() throws {
        let disk = try disk(clean: false)
        let chains = try chains(disk)
        let last = try #require(Fixture.segments(disk).last)
        let end = try #require(disk.contents(last)?.lastIndex { $0 != 0 })
        disk.corrupt(last, byte: end, bit: 0)
        let wanted = expectation(60, chains[60])
        #expect(#expect(throws: LogError.self) { try Fixture.open(disk, expectation: wanted) }?.exitCode == 65)
        let torn = try Fixture.open(disk, Self.configuration, expectation: expectation(20, chains[20]))
        #expect(torn.report.tornTail != nil)
        #expect(torn.log.writtenLSN < 60)
    }

    @Test func damageBehindThePointIsJudgedAsFromTheBeginning() throws {
        let disk = try disk(clean: false)
        let chains = try chains(disk)
        var random = SeededRandom(seed: 63)
        let tail = Array(Fixture.segments(disk).suffix(2))
        let base = try #require(LogFiles.base(ofSegment: String(tail[0].suffix(20))))
        for _ in 0..<200 {
            let damaged = SimulatedDisk(copying: disk, seed: 1)
            let path = tail[Int(random.next() % 2)]
            let size = try #require(damaged.contents(path)?.lastIndex { $0 != 0 }) + 1
            damaged.corrupt(path, byte: Int(random.next() % UInt64(size)), bit: Int(random.next() % 8))
            let copies = [SimulatedDisk(copying: damaged, seed: 1), SimulatedDisk(copying: damaged, seed: 1)]
            var whole = LogExpectation()
            whole.durableLSN = base
            var outcomes: [String] = []
            for (copy, wanted) in zip(copies, [whole, expectation(base, chains[Int(base)])]) {
                do {
                    let opened = try Fixture.open(copy, Self.configuration, expectation: wanted)
                    outcomes.append(
                        "\(try opened.log.allRecords().count) \(String(describing: opened.report.tornTail))")
                } catch {
                    outcomes.append("\(error)")
                }
            }
            #expect(outcomes[0] == outcomes[1])
        }
    }

    @Test func olderSegmentsAreNotRead() throws {
        let disk = try disk()
        let chains = try chains(disk)
        let first = try #require(Fixture.segments(disk).first)
        disk.corrupt(first, byte: 100, bit: 0)
        let opened = try Fixture.open(disk, Self.configuration, expectation: expectation(60, chains[60]))
        #expect(opened.report.readSegments <= 2)
        #expect(throws: LogError.self) { try opened.log.readRecord(lsn: 1) }
        #expect(TestRecord(try opened.log.readRecord(lsn: 59)) == records[58])
    }

    @Test func olderSegmentsMustBeThereInFullSize() throws {
        let disk = try disk()
        let wanted = expectation(60, try chains(disk)[60])
        let segments = Fixture.segments(disk)
        try #require(segments.count > 4)
        for path in segments.dropLast() {
            let size = try #require(disk.contents(path)).count
            let shorter = SimulatedDisk(copying: disk, seed: 1)
            shorter.truncate(path, to: size - 1)
            #expect(#expect(throws: LogError.self) { try Fixture.open(shorter, expectation: wanted) }?.exitCode == 65)
            let gone = SimulatedDisk(copying: disk, seed: 1)
            try gone.remove(path)
            #expect(#expect(throws: LogError.self) { try Fixture.open(gone, expectation: wanted) }?.exitCode == 66)
            // Zeros behind the data are harmless, and the index then does not speak for the file.
            let longer = SimulatedDisk(copying: disk, seed: 1)
            longer.truncate(path, to: size + 10)
            #expect(try Fixture.open(longer, Self.configuration, expectation: wanted).log.allRecords() == records)
        }
    }

    /// Lives of random work and crashes; in each, the log opened from every kind of point equals the log opened whole.
    @Test(arguments: 0..<40) func openingFromAPointEqualsOpeningWhole(seed: UInt64) throws {
        var random = SeededRandom(seed: seed &* 7 &+ 1)
        let configuration = Fixture.configuration(
            segmentBytes: [300, 900, 3_000][Int(random.next() % 3)],
            batchBytes: [1, 200, 2_000][Int(random.next() % 3)])
        let disk = SimulatedDisk(seed: seed)
        for _ in 0..<4 {
            let opened = try Fixture.open(disk, configuration)
            disk.failPower(afterChanges: Int(random.next() % 120))
            let fresh = TestRecord.many(Int(random.next() % 40), seed: random.next(), maximumBytes: 100)
            try? opened.writer.commit(groups: groups(fresh, most: 5, seed: random.next()))
            let durable = opened.log.durableLSN
            disk.crash([.loseUnsynced, .keepUnsynced, .randomSectors][Int(random.next() % 3)])
            if random.next() % 3 == 0, let index = disk.files.first(where: { $0.hasSuffix(".index") }) {
                disk.corrupt(index, byte: Int(random.next() % 160), bit: 3)
            }
            let chains = try chains(disk)
            let lsn = random.next() % (durable + 1)
            let whole = SimulatedDisk(copying: disk, seed: 1)
            let part = SimulatedDisk(copying: disk, seed: 1)
            var known = LogExpectation()
            known.durableLSN = lsn
            let expected = try Fixture.open(whole, configuration, expectation: known)
            let found = try Fixture.open(part, configuration, expectation: expectation(lsn, chains[Int(lsn)]))
            #expect(try found.log.allRecords() == expected.log.allRecords())
            #expect(found.writer.chain == expected.writer.chain && found.writer.sequence == expected.writer.sequence)
            var report = found.report
            report.readSegments = expected.report.readSegments
            report.rebuiltIndexes = expected.report.rebuiltIndexes
            #expect(report == expected.report)
            #expect(
                part.contents(try #require(Fixture.segments(part).last))
                    == whole.contents(try #require(Fixture.segments(whole).last)))
        }
    }
}
