import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

@Suite struct VerifierTests {
    private let records = TestRecord.many(30, seed: 14)

    private func disk(clean: Bool = true) throws -> SimulatedDisk {
        try Fixture.smallLog(groups: groups(records, most: 4, seed: 15), segmentBytes: 900, clean: clean)
    }

    @Test func intactLogIsDescribed() throws {
        let disk = try disk()
        let before = Fixture.snapshot(disk)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
        #expect(report.outcome == .intact)
        #expect(report.exitCode == 0)
        #expect(report.logID == Fixture.logID)
        #expect(report.endsClean)
        #expect(report.intactRange == 1...30)
        #expect(report.durableWatermark == 30)
        #expect(report.segments.map(\.records).reduce(0, +) == 30)
        #expect(report.segments.map { "data/log/" + $0.name } == Fixture.segments(disk))
        var next: UInt64 = 1
        for segment in report.segments {
            let range = try #require(segment.lsnRange)
            #expect(range.lowerBound == next)
            next = range.upperBound + 1
            #expect(segment.firstDamage == nil)
        }
        #expect(Fixture.snapshot(disk) == before)
    }

    @Test func tornTailIsNoDamage() throws {
        let disk = try disk(clean: false)
        let last = try #require(Fixture.segments(disk).last)
        let end = try #require(disk.contents(last)?.lastIndex { $0 != 0 })
        disk.corrupt(last, byte: end, bit: 1)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
        guard case .tornTail(let segment, _, let length) = report.outcome else {
            Issue.record("expected a torn tail, got \(report.outcome)")
            return
        }
        #expect(last.hasSuffix(segment))
        #expect(length > 88)
        #expect(report.exitCode == 0)
        #expect(!report.endsClean)
    }

    @Test func everyDamagedSegmentIsNamed() throws {
        let disk = try disk()
        let segments = Fixture.segments(disk)
        disk.corrupt(segments[0], byte: 200, bit: 0)
        disk.corrupt(segments[2], byte: 10, bit: 0)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: false)
        #expect(report.exitCode == 65)
        #expect(report.segments.map { $0.firstDamage != nil }.prefix(3) == [true, false, true])
        guard case .refused(.damaged(let damage)) = report.outcome else {
            Issue.record("expected damage, got \(report.outcome)")
            return
        }
        #expect(segments[0].hasSuffix(damage.segment))
        #expect(damage.durableWatermark == 30)
    }

    @Test func onlyDeepVerificationOpensBatches() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        try opened.writer.append(TestRecord(timestamp: 9, value: [1]))
        try opened.writer.close(clean: true)
        let file = try #require(disk.contents(Fixture.segmentPath(1)))
        let other = HandMade.record(offset: 0, key: 7, value: [2])
        let batch = HandMade.batch(base: 1, count: 1, timestamp: 9, records: other)
        disk.replace(Fixture.segmentPath(1), with: HandMade.replacingBody(file, at: 88, by: batch))
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: false).exitCode == 0)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).exitCode == 65)
    }

    @Test func missingDirectoryCannotBeRead() {
        #expect(LogVerifier.verify(directory: "nowhere", disk: SimulatedDisk(seed: 1), deep: false).exitCode == 74)
    }
}
