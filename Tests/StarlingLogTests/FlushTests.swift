import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingLog

/// Writing and syncing as two steps, so that answers can leave at different levels.
@Suite struct FlushTests {
    private let record = TestRecord(value: [1, 2, 3])

    @Test func flushWritesAndSyncMakesDurable() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.append(record)
        try opened.writer.flush()
        #expect(opened.log.writtenLSN == 1 && opened.log.durableLSN == 0 && opened.log.committedLSN == 0)
        #expect(try opened.log.allRecords() == [record])
        try opened.writer.sync()
        #expect(opened.log.durableLSN == 1 && opened.log.committedLSN == 1)
    }

    @Test func whatWasFlushedSurvivesTheProcessAndNotThePower() throws {
        for (mode, expected) in [(CrashMode.keepUnsynced, 1), (.loseUnsynced, 0)] {
            let disk = SimulatedDisk(seed: 1)
            let opened = try Fixture.open(disk)
            try opened.writer.append(record)
            try opened.writer.flush()
            disk.crash(mode)
            #expect(try Fixture.open(disk).log.allRecords().count == expected)
        }
    }

    @Test func commitSyncsWhatWasOnlyFlushed() throws {
        let opened = try Fixture.open(SimulatedDisk(seed: 1))
        try opened.writer.append(record)
        try opened.writer.flush()
        try opened.writer.commit()
        #expect(opened.log.durableLSN == 1)
        let before = opened.log.statistics
        try opened.writer.flush()
        try opened.writer.commit()
        try opened.writer.sync()
        #expect(opened.log.statistics == before)
    }

    @Test func flushAndSyncAreOneCommit() throws {
        let (first, second) = (try Fixture.open(SimulatedDisk(seed: 1)), try Fixture.open(SimulatedDisk(seed: 1)))
        for _ in 0..<5 {
            try first.writer.append(record)
            try first.writer.commit()
            try second.writer.append(record)
            try second.writer.flush()
            try second.writer.sync()
        }
        #expect(first.log.statistics == second.log.statistics)
    }

    @Test func listenersHearOfEachRiseOnce() throws {
        for (level, afterFlush, afterSync) in [(AcknowledgementLevel.disk, 0, 1), (.os, 1, 2), (.memory, 1, 2)] {
            let opened = try Fixture.open(SimulatedDisk(seed: 1), Fixture.configuration(level: level))
            let calls = Mutex(0)
            let subscription = opened.log.onCommit { calls.withLock { $0 += 1 } }
            try opened.writer.append(record)
            try opened.writer.flush()
            #expect(calls.withLock { $0 } == afterFlush)
            try opened.writer.sync()
            #expect(calls.withLock { $0 } == afterSync)
            subscription.cancel()
        }
    }

    @Test func aFailedFlushPoisonsTheWriter() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        disk.fail(.write, code: SystemErrorCode.inputOutput)
        try opened.writer.append(record)
        #expect(#expect(throws: LogError.self) { try opened.writer.flush() }?.exitCode == 70)
        #expect(#expect(throws: LogError.self) { try opened.writer.sync() }?.exitCode == 70)
        #expect(opened.log.writtenLSN == 0 && opened.log.hasEnded)
    }
}
