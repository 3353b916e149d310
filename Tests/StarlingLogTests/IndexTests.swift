import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Index files: what they hold, and that nothing depends on them.
@Suite struct IndexTests {
    private static let configuration = Fixture.configuration(segmentBytes: 900)
    private let records = TestRecord.many(60, seed: 51)

    private func disk() throws -> SimulatedDisk {
        try Fixture.smallLog(groups: groups(records, most: 4, seed: 52), segmentBytes: 900, clean: true)
    }

    private func indexes(_ disk: SimulatedDisk) -> [String] {
        disk.files.filter { $0.hasSuffix(LogFiles.indexSuffix) }
    }

    @Test func everySealedSegmentHasOneAndTheLastHasNone() throws {
        let disk = try disk()
        let expected = Fixture.segments(disk).dropLast().map {
            $0.replacing(LogFiles.segmentSuffix, with: LogFiles.indexSuffix)
        }
        try #require(expected.count > 3)
        #expect(indexes(disk) == expected)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
        #expect(report.segments.map(\.index) == expected.map { _ in .whole } + [.notNeeded])
    }

    @Test func whatTheWriterLeavesIsWhatRecoveryFinds() throws {
        let disk = try disk()
        let written = indexes(disk).map { disk.contents($0) }
        for path in indexes(disk) { try disk.remove(path) }
        let opened = try Fixture.open(disk, Self.configuration)
        #expect(opened.report.rebuiltIndexes.count == written.count)
        #expect(indexes(disk).map { disk.contents($0) } == written)
        let report = try Fixture.open(SimulatedDisk(copying: disk, seed: 1), Self.configuration).report
        #expect(report.rebuiltIndexes == [])
    }

    /// Large records, so that each segment has many entries.
    @Test func searchesThroughTheFileFindEveryRecord() throws {
        let records = TestRecord.many(400, seed: 53, maximumBytes: 400)
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 30_000, batchBytes: 700))
        try opened.writer.commit(groups: groups(records, most: 9, seed: 54))
        try #require((disk.contents("data/log/0000000000000001.index")?.count ?? 0) > 300)
        for lsn in records.indices.reversed() {
            #expect(TestRecord(try opened.log.readRecord(lsn: UInt64(lsn) + 1)) == records[lsn])
        }
        #expect(opened.log.statistics.indexRebuilds == 0)
    }

    @Test func everyFlippedByteAndEveryLengthChangesNothing() throws {
        let disk = try disk()
        let path = try #require(indexes(disk).dropFirst().first)
        let content = try #require(disk.contents(path))
        var damaged: [[UInt8]] = content.indices.map { index in
            var copy = content
            copy[index] ^= 1 << UInt8(index % 8)
            return copy
        }
        damaged += (0..<content.count).map { Array(content[..<$0]) }
        damaged.append(content + [0])
        damaged.append(Array(repeating: 0, count: content.count))
        let point = try lastPoint(disk)
        let times = Set(records.prefix(20).map(\.timestamp)).sorted().suffix(4)
        for (number, bytes) in damaged.enumerated() {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            copy.replace(path, with: bytes)
            #expect(LogVerifier.verify(directory: "data", disk: copy, deep: false).exitCode == 0)
            // From a point the index is believed or not; either way the records are the same.
            let trusting = SimulatedDisk(copying: copy, seed: 1)
            let opened = try Fixture.open(trusting, Self.configuration, expectation: point)
            #expect(try opened.log.allRecords() == records, "change \(number)")
            for time in times {
                let expected = records.firstIndex { $0.timestamp >= time }.map { UInt64($0) + 1 }
                #expect(try opened.log.firstLSN(atOrAfter: time) == expected, "change \(number)")
            }
            let full = try Fixture.open(copy, Self.configuration)
            #expect(full.report.rebuiltIndexes == [String(path.dropFirst("data/log/".count))], "change \(number)")
            #expect(copy.contents(path) == content)
        }
    }

    /// The checksum agrees, and what it covers is that of another segment, or an older state.
    @Test func aWholeIndexThatDoesNotBelongChangesNothing() throws {
        let disk = try disk()
        let paths = indexes(disk)
        let point = try lastPoint(disk)
        for first in paths {
            for second in paths where first != second {
                let copy = SimulatedDisk(copying: disk, seed: 1)
                copy.replace(first, with: try #require(disk.contents(second)))
                let opened = try Fixture.open(copy, Self.configuration, expectation: point)
                #expect(try opened.log.allRecords() == records)
            }
        }
    }

    /// Facts that go with what comes before, and not with the segment that follows and is read.
    @Test func wrongFactsWithARightChecksumChangeNothing() throws {
        let disk = try disk()
        let point = try lastPoint(disk)
        let index = IndexFile(directory: "data/log", disk: disk)
        let changes: [(inout SegmentFacts) -> Void] = [
            { $0.chainAfter ^= 1 }, { $0.lastSequence += 1 }, { $0.logID ^= 1 }, { $0.chainBefore ^= 1 },
            { $0.firstSequence += 1 },
        ]
        for path in indexes(disk) {
            let base = try #require(LogFiles.base(ofIndex: String(path.dropFirst("data/log/".count))))
            let facts = try #require(index.facts(base: base))
            let tables = try #require(index.tables(of: facts))
            for (number, change) in changes.enumerated() {
                var wrong = facts
                change(&wrong)
                let copy = SimulatedDisk(copying: disk, seed: 1)
                #expect(
                    IndexFile(directory: "data/log", disk: copy).write(SegmentSummary(facts: wrong, tables: tables)))
                let opened = try Fixture.open(copy, Self.configuration, expectation: point)
                #expect(try opened.log.allRecords() == records, "\(path) change \(number)")
            }
        }
    }

    @Test func anIndexWithWrongPositionsIsFoundOutByReading() throws {
        let disk = SimulatedDisk(seed: 1)
        let records = TestRecord.many(300, seed: 55, maximumBytes: 300)
        let configuration = Fixture.configuration(segmentBytes: 20_000, batchBytes: 500)
        let opened = try Fixture.open(disk, configuration)
        try opened.writer.commit(groups: groups(records, most: 6, seed: 56))
        let log = opened.log
        let index = log.source.catalog.index
        let facts = try #require(index.facts(base: 1))
        let tables = try #require(index.tables(of: facts))
        try #require(tables.offsets.entries.count > 2)
        let wrong = SparseIndex(
            entries: tables.offsets.entries.map { .init(lsn: $0.lsn, position: $0.position + 1) })
        #expect(index.write(SegmentSummary(facts: facts, tables: SegmentTables(offsets: wrong, times: tables.times))))
        for lsn in 1..<facts.nextLSN {
            #expect(TestRecord(try log.readRecord(lsn: lsn)) == records[Int(lsn) - 1])
        }
        #expect(log.statistics.indexRebuilds == 1)
    }

    @Test func aFullDiskCostsOnlyTheIndex() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Self.configuration)
        try opened.writer.commit(groups: [[records[0]]])
        while Fixture.segments(disk).count < 4 {
            try opened.writer.prepareNextSegment()
            disk.setCapacity(disk.usedBytes - 100)
            try opened.writer.commit(groups: [[records[1]]])
            disk.setCapacity(nil)
        }
        #expect(opened.log.statistics.indexFailures == 3)
        #expect(indexes(disk) == [])
        #expect(disk.files.allSatisfy { !$0.hasSuffix(".index.tmp") })
        let again = try Fixture.open(SimulatedDisk(copying: disk, seed: 1), Self.configuration)
        #expect(again.report.rebuiltIndexes.count == 3)
    }

    /// Power fails at every change of a life that rolls again and again; whatever is left of the index files, the log opened
    /// from its last durable record is the log opened whole.
    @Test(arguments: CrashMode.allCases) func everyInstantOfRolling(mode: CrashMode) throws {
        var changes = 0
        while true {
            let disk = SimulatedDisk(seed: UInt64(changes))
            let opened = try Fixture.open(disk, Self.configuration)
            disk.failPower(afterChanges: changes)
            try? opened.writer.commit(groups: groups(Array(records[..<40]), most: 4, seed: 59))
            let (durable, chain) = (opened.log.durableLSN, opened.log.durableLSN == 0 ? Fixture.logID : nil)
            let isDone = disk.isPowered
            disk.crash(mode)
            var expectation = LogExpectation()
            if let chain {
                expectation.point = LogPoint(lsn: 0, chain: chain)
            } else {
                try LogReader(directory: "data", disk: disk).forEachRecord(from: durable, upTo: durable) {
                    expectation.point = LogPoint(lsn: durable, chain: $0.chain)
                }
            }
            let whole = try Fixture.open(SimulatedDisk(copying: disk, seed: 1), Self.configuration)
            let part = try Fixture.open(disk, Self.configuration, expectation: expectation)
            let found = try part.log.allRecords()
            #expect(found == Array(records.prefix(found.count)) && found.count >= durable, "after \(changes) changes")
            #expect(try whole.log.allRecords() == found)
            // The name of the last but one becomes durable with the next segment's, and may be lost alone.
            #expect(part.report.rebuiltIndexes.count <= 2, "after \(changes) changes")
            try part.writer.close(clean: true)
            _ = try Fixture.open(disk, Self.configuration)
            let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
            #expect(report.segments.dropLast().allSatisfy { $0.index == .whole }, "after \(changes) changes")
            if isDone { break }
            changes += 1
        }
        #expect(changes > 60)
    }

    @Test func timesAreFoundThoughTheyDoNotRise() throws {
        var random = SeededRandom(seed: 57)
        for segmentBytes: UInt64 in [700, 20_000, 1 << 20] {
            let records = (0..<500).map { index in
                TestRecord(
                    timestamp: UInt64(index * 20) + random.next() % 4_000, value: Array(repeating: 1, count: index % 50)
                )
            }
            let disk = SimulatedDisk(seed: 1)
            let configuration = Fixture.configuration(segmentBytes: segmentBytes, batchBytes: 300)
            let opened = try Fixture.open(disk, configuration)
            try opened.writer.commit(groups: groups(records, most: 5, seed: 58))
            let copy = SimulatedDisk(copying: disk, seed: 1)
            for log in [opened.log, try Fixture.open(copy, configuration).log] {
                for time in stride(from: UInt64(0), through: 15_000, by: 37) {
                    let expected = records.firstIndex { $0.timestamp >= time }.map { UInt64($0) + 1 }
                    #expect(try log.firstLSN(atOrAfter: time) == expected, "time \(time)")
                }
            }
        }
    }

    @Test func segmentsRollByTheAgeOfTheirRecords() throws {
        var configuration = Fixture.configuration(segmentBytes: 64 << 10, batchBytes: 1)
        configuration.segmentMilliseconds = 1_000
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, configuration)
        for time: UInt64 in [5_000, 5_999, 100, 6_000, 6_500, 6_999, 7_000, 90_000] {
            try opened.writer.commit(groups: [[TestRecord(timestamp: time, value: [1])]])
        }
        #expect(Fixture.segments(disk) == [1, 4, 7, 8].map { Fixture.segmentPath($0) })
        // The age goes on over a restart.
        try opened.writer.close(clean: false)
        let again = try Fixture.open(disk, configuration)
        try again.writer.commit(groups: [[TestRecord(timestamp: 90_999, value: [1])]])
        #expect(Fixture.segments(disk).count == 4)
        try again.writer.commit(groups: [[TestRecord(timestamp: 91_000, value: [1])]])
        #expect(Fixture.segments(disk).count == 5)
    }

    @Test func ageNeverBreaksAReservation() throws {
        var configuration = Fixture.configuration(segmentBytes: 3_000, batchBytes: 200)
        configuration.segmentMilliseconds = 10
        for seed in 0..<20 {
            var random = SeededRandom(seed: UInt64(seed))
            let disk = SimulatedDisk(seed: 1)
            let opened = try Fixture.open(disk, configuration)
            var appended: [TestRecord] = []
            for round in 0..<40 {
                let records = TestRecord.many(Int(random.next() % 6) + 1, seed: random.next(), maximumBytes: 200)
                if random.next() % 3 > 0 { disk.setCapacity(nil) }
                let bytes = records.reduce(0) {
                    $0 + LogWriter.reservation(valueBytes: $1.value.count, bodyBytes: $1.body?.count ?? 0)
                }
                guard (try? opened.writer.reserve(bytes: bytes)) != nil else { continue }
                disk.setCapacity(disk.usedBytes)
                for record in records { try opened.writer.append(record) }
                if round % 2 == 0 { try opened.writer.commit() }
                appended += records
            }
            disk.setCapacity(nil)
            try opened.writer.commit()
            #expect(try opened.log.allRecords() == appended, "seed \(seed)")
        }
    }
}

/// What a snapshot of the last record would tell.
func lastPoint(_ disk: SimulatedDisk) throws -> LogExpectation {
    let reader = try LogReader(directory: "data", disk: disk)
    var expectation = LogExpectation()
    try reader.forEachRecord(from: reader.firstLSN) {
        expectation.point = LogPoint(lsn: $0.lsn, chain: $0.chain)
    }
    return expectation
}
