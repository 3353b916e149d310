import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Disks that refuse, and disks that are full.
@Suite struct FailureTests {
    private let record = TestRecord(value: [1, 2, 3])

    private func expectPoisoned(_ writer: LogWriter, by error: DiskError) {
        #expect(throws: LogError.poisoned(error)) { try writer.append(record) }
        #expect(throws: LogError.poisoned(error)) { try writer.commit() }
        #expect(throws: LogError.poisoned(error)) { try writer.sync() }
        #expect(throws: LogError.poisoned(error)) { try writer.reserve(bytes: 1) }
        #expect(throws: LogError.poisoned(error)) { try writer.writeSyncMarker() }
        #expect(LogError.poisoned(error).exitCode == 70)
    }

    @Test(arguments: [DiskOperation.write, .sync]) func aFailurePoisonsTheWriter(operation: DiskOperation) throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.commit(groups: [[record]])
        disk.fail(operation, code: SystemErrorCode.inputOutput)
        try opened.writer.append(record)
        let path = Fixture.segmentPath(1)
        let expected = DiskError(operation: "\(operation)", path: path, code: SystemErrorCode.inputOutput)
        #expect(throws: LogError.writeFailed(expected)) { try opened.writer.commit() }
        expectPoisoned(opened.writer, by: expected)
        #expect(opened.log.committedLSN == 1)
        #expect(opened.log.hasEnded)
        // A clean end would vouch for what is unknown.
        try opened.writer.close(clean: true)
        disk.crash(.loseUnsynced)
        let again = try Fixture.open(disk)
        #expect(!again.report.wasClean)
        #expect(try again.log.allRecords() == [record])
    }

    @Test func aFailedSyncIsNotRepeated() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        try opened.writer.append(record)
        #expect(throws: LogError.self) { try opened.writer.commit() }
        let changes = disk.changeCount
        #expect(throws: LogError.self) { try opened.writer.commit() }
        #expect(throws: LogError.self) { try opened.writer.sync() }
        try opened.writer.close(clean: true)
        #expect(disk.changeCount == changes)
    }

    @Test func fullDiskRefusesAReservationAndNothingElse() throws {
        let disk = SimulatedDisk(seed: 1)
        let configuration = Fixture.configuration(segmentBytes: 4_000, batchBytes: 500)
        let opened = try Fixture.open(disk, configuration)
        disk.setCapacity(disk.usedBytes)
        var appended: [TestRecord] = []
        var random = SeededRandom(seed: 5)
        var refusals = 0
        while appended.count < 200 {
            let record = TestRecord.random(&random, maximumBytes: 200)
            let bytes = LogWriter.reservation(valueBytes: record.value.count, bodyBytes: record.body?.count ?? 0)
            do {
                try opened.writer.reserve(bytes: bytes)
                try opened.writer.append(record)
                try opened.writer.commit()
                appended.append(record)
            } catch let error as LogError {
                guard case .outOfSpace = error else { throw error }
                #expect(error.exitCode == 75)
                refusals += 1
                #expect(Fixture.segments(disk).count == refusals)
                #expect(!disk.exists("data/log/spare.tmp"))
                #expect(try opened.log.allRecords() == appended)
                // Reading goes on, and writing too once there is space for one more segment.
                disk.setCapacity(disk.usedBytes + 4_000 + 100)
            }
        }
        #expect(refusals > 3)
        disk.setCapacity(nil)
        try opened.writer.close(clean: true)
        #expect(try Fixture.open(disk).log.allRecords() == appended)
    }

    /// Whatever was reserved can be appended and committed on a full disk, however the records fall.
    @Test(arguments: 0..<30) func reservationsHold(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let disk = SimulatedDisk(seed: seed)
        let configuration = Fixture.configuration(
            segmentBytes: 300 + random.next() % 3_000, batchBytes: Int(random.next() % 600) + 1)
        let opened = try Fixture.open(disk, configuration)
        var appended: [TestRecord] = []
        for _ in 0..<30 {
            let records = (0..<(random.next() % 8 + 1)).map { _ in TestRecord.random(&random, maximumBytes: 300) }
            let half = Int(random.next() % UInt64(records.count + 1))
            // The second reservation comes on top of what waits.
            for part in [records[..<half], records[half...]] {
                disk.setCapacity(nil)
                try opened.writer.reserve(
                    bytes: part.reduce(0) {
                        $0 + LogWriter.reservation(valueBytes: $1.value.count, bodyBytes: $1.body?.count ?? 0)
                    })
                disk.setCapacity(disk.usedBytes)
                for record in part { try opened.writer.append(record) }
                if random.next() % 2 == 0 { try opened.writer.commit() }
            }
            try opened.writer.commit()
            appended += records
        }
        #expect(try opened.log.allRecords() == appended)
    }

    @Test func unreservedCommitOnAFullDiskPoisons() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 300))
        try opened.writer.commit(groups: [[record]])
        disk.setCapacity(disk.usedBytes)
        for _ in 0..<40 { try opened.writer.append(record) }
        let error = #expect(throws: LogError.self) { try opened.writer.commit() }
        guard case .writeFailed(let cause)? = error, cause.isOutOfSpace else {
            Issue.record("expected a failed write, got \(String(describing: error))")
            return
        }
        expectPoisoned(opened.writer, by: cause)
        disk.setCapacity(nil)
        disk.crash(.loseUnsynced)
        #expect(try Fixture.open(disk).log.allRecords() == [record])
    }

    @Test func fullDiskStillOpensForReading() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 1_000))
        try opened.writer.commit(groups: [[record], [record]])
        try opened.writer.close(clean: true)
        disk.setCapacity(disk.usedBytes)
        let larger = Fixture.configuration(segmentBytes: 100_000)
        let again = try Fixture.open(disk, larger)
        #expect(try again.log.allRecords() == [record, record])
        #expect(throws: LogError.self) { try again.writer.reserve(bytes: 50_000) }
        disk.setCapacity(nil)
        try again.writer.reserve(bytes: 50_000)
        #expect(try again.writer.append(record) == 3)
        try again.writer.commit()
    }

    @Test func failingToMakeTheNextSegmentLeavesTheLogUsable() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 64 << 10))
        try opened.writer.commit(groups: [[record]])
        disk.fail(.open, code: SystemErrorCode.inputOutput)
        #expect(throws: LogError.self) { try opened.writer.prepareNextSegment() }
        try opened.writer.prepareNextSegment()
        #expect(disk.contents("data/log/spare.tmp")?.count == 64 << 10)
        try opened.writer.commit(groups: [[record]])
        #expect(opened.log.durableLSN == 2)
    }

    @Test func readFailuresWhileOpeningAreTold() throws {
        let disk = try Fixture.smallLog(groups: [[record]])
        for operation in [DiskOperation.read, .list, .sync] {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            copy.fail(operation, code: SystemErrorCode.inputOutput)
            let error = #expect(throws: LogError.self) { try Fixture.open(copy) }
            #expect(error?.exitCode == 74, "\(operation): \(String(describing: error))")
        }
        disk.fail(.read, code: SystemErrorCode.inputOutput)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: false).exitCode == 74)
    }

    @Test func closedWriterRefuses() throws {
        let opened = try Fixture.open(SimulatedDisk(seed: 1))
        try opened.writer.commit(groups: [[record]])
        try opened.writer.append(record)
        try opened.writer.close(clean: false)
        try opened.writer.close(clean: true)
        #expect(throws: LogError.closed) { try opened.writer.append(record) }
        #expect(throws: LogError.closed) { try opened.writer.commit() }
        #expect(try opened.log.allRecords() == [record])
    }
}
