import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// The next segment, made before it is needed.
@Suite struct SegmentPreparerTests {
    private static let path = "data/log/" + LogFiles.prepared
    private static let configuration = Fixture.configuration(segmentBytes: 600)
    private let records = (0..<60).map { TestRecord(value: Array(repeating: UInt8($0), count: 20)) }

    private func open(_ disk: SimulatedDisk) throws -> OpenedLog { try Fixture.open(disk, Self.configuration) }

    @Test func nothingIsMadeForALogThatIsFarFromIt() throws {
        let disk = SimulatedDisk(seed: 1)
        let writer = try open(disk).writer
        #expect(!writer.preparer.step())
        #expect(!disk.files.contains(Self.path))
    }

    @Test func segmentOfZerosIsTakenAtTheRoll() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk)
        try opened.writer.commit(groups: [Array(records[..<3])])
        while opened.writer.preparer.step() {}
        #expect(disk.contents(Self.path) == Array(repeating: 0, count: 600))
        #expect(!opened.writer.preparer.step(), "one is enough")
        try opened.writer.commit(groups: records[3...].map { [$0] })
        #expect(Fixture.segments(disk).count > 2)
        #expect(!disk.files.contains(Self.path))
        #expect(opened.writer.preparer.step(), "and now the next one")
        disk.crash(.loseUnsynced)
        let again = try open(disk)
        #expect(try again.log.allRecords() == records)
        #expect(!disk.files.contains(Self.path), "what was not finished is removed")
    }

    /// A disk that refuses leaves no file, and the log goes on without.
    @Test(arguments: [DiskOperation.open, .preallocate, .write, .sync]) func failureIsHarmless(
        operation: DiskOperation
    ) throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try open(disk)
        try opened.writer.commit(groups: [Array(records[..<3])])
        disk.fail(operation, code: SystemErrorCode.noSpace)
        #expect(opened.writer.preparer.step())
        #expect(!disk.files.contains(Self.path) && !opened.writer.preparer.step())
        try opened.writer.commit(groups: records[3...].map { [$0] })
        try opened.writer.close(clean: true)
        #expect(try open(disk).log.allRecords() == records)
    }

    /// Whatever moment the power goes, the log is whole.
    @Test(arguments: 0..<40) func crashAtAnyMoment(changes: Int) throws {
        let disk = SimulatedDisk(seed: UInt64(changes))
        let opened = try open(disk)
        disk.failPower(afterChanges: changes)
        var committed = 0
        do {
            for record in records {
                try opened.writer.append(record)
                try opened.writer.commit()
                committed += 1
                _ = opened.writer.preparer.step()
            }
        } catch {}
        disk.crash(.randomSectors)
        let found = try open(disk).log.allRecords()
        #expect(found.count >= committed && found == Array(records[..<found.count]))
    }
}
