import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Power cuts by the seed: what was acknowledged at level `disk` is there afterwards, and what is there is a prefix.
@Suite struct CrashTests {
    /// An opening that ended after it had made the directory, and before the directory's name was durable.
    @Test(arguments: 0..<2) func logOutlivesAnInterruptedFirstOpening(syncs: Int) throws {
        let disk = SimulatedDisk(seed: 1)
        disk.fail(.syncDirectory, afterCalls: syncs, code: SystemErrorCode.inputOutput)
        #expect(throws: LogError.self) { _ = try Log.open(directory: "/parent/data", disk: disk, newLogID: 7) }
        disk.clearFaults()
        let opened = try Log.open(directory: "/parent/data", disk: disk, newLogID: 7)
        _ = try [UInt8(1)].withUnsafeBytes { try opened.writer.append(timestamp: 1, key: 1, value: $0) }
        try opened.writer.commit()
        disk.crash(.loseUnsynced)
        #expect(try Log.open(directory: "/parent/data", disk: disk, newLogID: 8).report.lastLSN == 1)
    }

    /// One life of a log after another on one disk, each ended by a crash, compared with what was appended.
    private struct Life {
        let disk: SimulatedDisk
        var random: SeededRandom
        var configuration: LogConfiguration
        /// What the log holds for certain, after each recovery.
        var kept: [TestRecord] = []

        init(seed: UInt64) {
            disk = SimulatedDisk(seed: seed)
            random = SeededRandom(seed: seed &* 31 &+ 7)
            let sizes: [UInt64] = [300, 900, 5_000, 64 << 10]
            configuration = Fixture.configuration(
                segmentBytes: sizes[Int(random.next() % 4)], batchBytes: [50, 400, 4_000][Int(random.next() % 3)],
                level: seed % 4 == 3 ? .os : .disk)
            configuration.commitsPerWatermark = Int(random.next() % 4)
        }

        /// Works until the power fails after `changes` changes; returns everything that was appended, and how much of it
        /// was acknowledged as durable.
        mutating func work(_ writer: LogWriter, failingAfter changes: Int) -> (appended: [TestRecord], durable: Int) {
            var appended = kept
            disk.failPower(afterChanges: changes)
            while disk.isPowered {
                do {
                    for _ in 0..<(random.next() % 6) {
                        let record = TestRecord.random(&random, maximumBytes: 120)
                        appended.append(record)
                        try writer.append(record)
                    }
                    switch random.next() % 12 {
                    case 0: try writer.writeSyncMarker()
                    case 1: try writer.sync()
                    case 2: try writer.reserve(bytes: Int(random.next() % 2_000))
                    case 3: writer.updateWatermark()
                    default: try writer.commit()
                    }
                } catch {
                    break
                }
            }
            return (appended, Int(writer.log.durableLSN))
        }
    }

    private func crashMode(_ random: inout SeededRandom) -> CrashMode {
        [.loseUnsynced, .keepUnsynced, .randomSectors, .randomSectors][Int(random.next() % 4)]
    }

    @Test(arguments: 0..<60) func acknowledgedRecordsSurvive(seed: UInt64) throws {
        var life = Life(seed: seed)
        for round in 0..<5 {
            let opened = try Fixture.open(life.disk, life.configuration)
            #expect(try opened.log.allRecords() == life.kept, "seed \(seed) round \(round)")
            let (appended, durable) = life.work(opened.writer, failingAfter: Int(life.random.next() % 60))
            life.disk.crash(crashMode(&life.random))
            // Recovery itself loses power a few times before it gets through.
            for _ in 0..<(life.random.next() % 4) {
                life.disk.failPower(afterChanges: Int(life.random.next() % 12))
                _ = try? Fixture.open(life.disk, life.configuration)
                life.disk.crash(crashMode(&life.random))
            }
            let recovered = try Fixture.open(life.disk, life.configuration)
            let found = try recovered.log.allRecords()
            #expect(found.count >= durable, "seed \(seed) round \(round): acknowledged records lost")
            #expect(found == Array(appended.prefix(found.count)), "seed \(seed) round \(round): not a prefix")
            life.kept = found
            if round % 2 == 0 { try recovered.writer.close(clean: true) }
            life.disk.crash(.loseUnsynced)
            #expect(LogVerifier.verify(directory: "data", disk: life.disk, deep: true).exitCode == 0)
        }
    }

    /// The same short work, with the power failing at every single change that it makes.
    @Test(arguments: CrashMode.allCases) func everyInstantOfAShortLife(mode: CrashMode) throws {
        let records = TestRecord.many(10, seed: 6)
        let configuration = Fixture.configuration(segmentBytes: 400)
        var changes = 0
        while true {
            let disk = SimulatedDisk(seed: UInt64(changes))
            disk.failPower(afterChanges: changes)
            var durable = 0
            if let opened = try? Fixture.open(disk, configuration) {
                try? opened.writer.commit(groups: groups(records, most: 2, seed: 1))
                try? opened.writer.close(clean: true)
                durable = Int(opened.log.durableLSN)
            }
            let isDone = disk.isPowered
            disk.crash(mode)
            let recovered = try Fixture.open(disk, configuration)
            let found = try recovered.log.allRecords()
            #expect(found.count >= durable && found == Array(records.prefix(found.count)), "after \(changes) changes")
            if isDone { break }
            changes += 1
        }
        #expect(changes > 30)
    }

    /// Recovery of a torn log, with the power failing at every single change that it makes.
    @Test(arguments: CrashMode.allCases) func everyInstantOfRecovery(mode: CrashMode) throws {
        let records = TestRecord.many(10, seed: 6)
        let torn = try Fixture.smallLog(groups: groups(records, most: 3, seed: 1), segmentBytes: 600)
        let last = try #require(Fixture.segments(torn).last)
        let end = try #require(torn.contents(last)?.lastIndex { $0 != 0 })
        torn.corrupt(last, byte: end - 1, bit: 2)
        let expected = try Fixture.open(SimulatedDisk(copying: torn, seed: 1)).log.allRecords()
        #expect(expected.count < records.count)
        var changes = 0
        while true {
            let disk = SimulatedDisk(copying: torn, seed: UInt64(changes))
            disk.failPower(afterChanges: changes)
            _ = try? Fixture.open(disk)
            let isDone = disk.isPowered
            disk.crash(mode)
            let recovered = try Fixture.open(disk)
            #expect(try recovered.log.allRecords() == expected, "after \(changes) changes")
            if isDone { break }
            changes += 1
        }
        #expect(changes > 8)
    }

    @Test func aKilledProcessLosesNothingThatWasWritten() throws {
        let disk = SimulatedDisk(seed: 1)
        let records = TestRecord.many(20, seed: 2)
        let opened = try Fixture.open(disk, Fixture.configuration(level: .os))
        try opened.writer.commit(groups: groups(records, most: 4, seed: 3))
        #expect(opened.log.durableLSN == 0)
        disk.crash(.keepUnsynced)
        #expect(try Fixture.open(disk).log.allRecords() == records)
    }
}
