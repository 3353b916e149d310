import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

@Suite struct RoundTripTests {
    @Test func emptyLogHasNoRecords() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        #expect(opened.report.isNew)
        #expect(opened.log.firstLSN == 1)
        #expect(opened.log.writtenLSN == 0)
        #expect(try opened.log.allRecords() == [])
        #expect(throws: LogError.notFound(lsn: 1, first: 1, last: 0)) { try opened.log.readRecord(lsn: 1) }
    }

    @Test func shapesComeBackAsTheyWere() throws {
        let disk = SimulatedDisk(seed: 1)
        let records = [
            TestRecord(timestamp: 0, key: 0, value: []),
            TestRecord(timestamp: UInt64(Int64.max), key: .max, value: [1], body: []),
            TestRecord(timestamp: 5, key: 1 << 63, value: [], body: [9]),
            TestRecord(value: Array(repeating: 0xaa, count: 200_000), body: Array(repeating: 0xbb, count: 800_000)),
            TestRecord(value: [2, 3]),
        ]
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 64 << 10))
        for (index, record) in records.enumerated() { #expect(try opened.writer.append(record) == UInt64(index + 1)) }
        try opened.writer.commit()
        #expect(opened.log.durableLSN == 5)
        #expect(try opened.log.allRecords() == records)
        try opened.writer.close(clean: true)

        let again = try Fixture.open(disk)
        #expect(again.report.wasClean)
        #expect(again.report.lastLSN == 5)
        #expect(try again.log.allRecords() == records)
        #expect(try again.log.readRecord(lsn: 2).body == [])
        #expect(try again.log.readRecord(lsn: 1).body == nil)
    }

    @Test(arguments: [1, 60, 500, 32 << 10]) func randomRecordsSurviveReopening(batchBytes: Int) throws {
        let disk = SimulatedDisk(seed: 1)
        let configuration = Fixture.configuration(segmentBytes: 2_000, batchBytes: batchBytes)
        let all = TestRecord.many(300, seed: UInt64(batchBytes))
        var done = 0
        for part in 1...3 {
            let opened = try Fixture.open(disk, configuration)
            #expect(opened.log.incarnation == UInt64(part))
            #expect(opened.log.writtenLSN == UInt64(done))
            try opened.writer.commit(groups: groups(Array(all[done..<(part * 100)]), most: 12, seed: UInt64(part)))
            done = part * 100
            #expect(try opened.log.allRecords() == Array(all[..<done]))
            try opened.writer.close(clean: part != 2)
        }
        var expectation = LogExpectation()
        expectation.verifiesRecords = true
        let last = try Fixture.open(disk, configuration, expectation: expectation)
        #expect(try last.log.allRecords() == all)
        #expect(Fixture.segments(disk).count > 3)
    }

    @Test func chainIsTheSameForWriterReaderAndReopenedWriter() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 900, batchBytes: 100))
        var expected: [UInt64] = []
        for record in TestRecord.many(50, seed: 4) {
            try opened.writer.append(record)
            expected.append(opened.writer.chain)
        }
        try opened.writer.commit()
        var seen: [UInt64] = []
        try opened.log.forEachRecord(from: 1) { seen.append($0.chain) }
        #expect(seen == expected)
        var tail: [UInt64] = []
        try opened.log.forEachRecord(from: 33) { tail.append($0.chain) }
        #expect(tail == Array(expected[32...]))
        try opened.writer.close(clean: true)
        #expect(try Fixture.open(disk).writer.chain == expected.last)
    }

    @Test func chainStartsWithTheLogIDAndFoldsRecords() throws {
        let opened = try Fixture.open(SimulatedDisk(seed: 1))
        #expect(opened.writer.chain == Fixture.logID)
        try opened.writer.append(TestRecord(key: 0x0102_0304_0506_0708, value: [0x41], body: [0x42]))
        let bodyHash = [UInt8(0x42)].withUnsafeBytes { Murmur3.hash($0) }
        let covered: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 0x41]
        let record = covered.withUnsafeBytes { Murmur3.hash($0, seed: bodyHash) }
        let mixed = record.high ^ (record.low << 32 | record.low >> 32)
        #expect(opened.writer.chain == Murmur3.hash(Fixture.logID, mixed).high)
    }

    @Test func refusedRecordsChangeNothing() throws {
        var configuration = Fixture.configuration()
        configuration.maximumRecordBytes = 1_000
        configuration.maximumPendingBytes = 40_000
        let opened = try Fixture.open(SimulatedDisk(seed: 1), configuration)
        let chain = opened.writer.chain
        #expect(throws: LogError.recordTooLarge(bytes: 1_001, limit: 1_000)) {
            try opened.writer.append(
                TestRecord(value: Array(repeating: 0, count: 501), body: Array(repeating: 0, count: 500)))
        }
        #expect(throws: LogError.timestampOutOfRange(1 << 63)) {
            try opened.writer.append(TestRecord(timestamp: 1 << 63, value: []))
        }
        #expect(opened.writer.nextLSN == 1)
        #expect(opened.writer.chain == chain)
        let exact = TestRecord(value: Array(repeating: 1, count: 1_000))
        #expect(try opened.writer.append(exact) == 1)
        try opened.writer.commit()
        #expect(try opened.log.allRecords() == [exact])
    }

    @Test func pendingBytesAreBounded() throws {
        var configuration = Fixture.configuration(batchBytes: 1_000)
        configuration.maximumRecordBytes = 1_000
        configuration.maximumPendingBytes = 10_000
        let opened = try Fixture.open(SimulatedDisk(seed: 1), configuration)
        var random = SeededRandom(seed: 1)
        func noise() -> [UInt8] { (0..<900).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        var count: UInt64 = 0
        while true {
            do {
                count = try opened.writer.append(TestRecord(value: noise()))
            } catch {
                break
            }
        }
        #expect(count > 5 && count < 12)
        #expect(opened.writer.pendingBytes <= 10_000)
        try opened.writer.commit()
        #expect(try opened.log.allRecords().count == Int(count))
        #expect(try opened.writer.append(TestRecord(value: noise())) == count + 1)
    }

    @Test func levelsDecideWhatIsCommitted() throws {
        for level in AcknowledgementLevel.allCases {
            let opened = try Fixture.open(SimulatedDisk(seed: 1), Fixture.configuration(level: level))
            try opened.writer.commit(groups: [[TestRecord(value: [1])], [TestRecord(value: [2])]])
            #expect(opened.log.writtenLSN == 2)
            #expect(opened.log.durableLSN == (level == .disk ? 2 : 0))
            #expect(opened.log.committedLSN == 2)
            try opened.writer.sync()
            #expect(opened.log.durableLSN == 2)
        }
    }

    @Test func statisticsCountWhatWasDone() throws {
        let opened = try Fixture.open(SimulatedDisk(seed: 1))
        let before = opened.log.statistics
        try opened.writer.append(TestRecord(value: Array(repeating: 5, count: 1_000)))
        try opened.writer.append(TestRecord(value: []))
        try opened.writer.commit()
        try opened.writer.commit()
        let after = opened.log.statistics
        #expect(after.records == 2)
        #expect(after.batches == 1)
        #expect(after.commits - before.commits == 1)
        #expect(after.syncs - before.syncs == 1)
        #expect(after.bytesBeforeCompression > 1_000)
        #expect(after.bytesAfterCompression < 200)
        #expect(after.bytesWritten - before.bytesWritten == after.bytesAfterCompression + 149)
    }

    @Test func configurationContradictionsAreRefused() {
        var small = LogConfiguration()
        small.segmentBytes = (64 << 10) - 1
        var large = LogConfiguration()
        large.maximumRecordBytes = 16 << 20
        var batch = LogConfiguration()
        batch.batchBytes = .max
        var pending = LogConfiguration()
        pending.maximumPendingBytes = 1 << 20
        for configuration in [small, large, batch, pending] {
            let error = #expect(throws: LogError.self) {
                try Log.open(directory: "x", disk: SimulatedDisk(seed: 1), configuration: configuration, newLogID: 1)
            }
            #expect(error?.exitCode == 78)
        }
    }
}
