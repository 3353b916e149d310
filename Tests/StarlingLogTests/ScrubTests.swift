import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Cold segments read again.
@Suite struct ScrubTests {
    private let records = TestRecord.many(60, seed: 91)

    private func log() throws -> (disk: SimulatedDisk, log: Log, writer: LogWriter) {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 900))
        try opened.writer.commit(groups: groups(records, most: 3, seed: 92))
        try #require(Fixture.segments(disk).count > 4)
        return (disk, opened.log, opened.writer)
    }

    /// Everything that one round gives besides progress.
    private func round(_ scrubber: LogScrubber, maximumBytes: Int = 1_000) -> [ScrubStep] {
        var findings: [ScrubStep] = []
        for _ in 0..<10_000 {
            let step = scrubber.step(maximumBytes: maximumBytes)
            if step == .finished { return findings }
            if case .progress = step { continue }
            findings.append(step)
        }
        Issue.record("the round does not end")
        return findings
    }

    @Test func aWholeLogIsReadToTheEndInPieces() throws {
        let (disk, log, _) = try log()
        let sealed = Fixture.segments(disk).dropLast().reduce(0) { $0 + (disk.contents($1)?.count ?? 0) }
        let scrubber = LogScrubber(log: log, verifiesRecords: true)
        for _ in 0..<2 {
            var total = 0
            while case .progress(let bytes) = scrubber.step(maximumBytes: 100) {
                #expect(bytes < 100 + 400)
                total += bytes
            }
            #expect(total == sealed)
        }
    }

    @Test func everyFlippedByteIsFoundWhereItIs() throws {
        let (disk, log, _) = try log()
        for path in Fixture.segments(disk).dropLast() {
            let size = try #require(disk.contents(path)).count
            for byte in stride(from: 0, to: size, by: 3) {
                disk.corrupt(path, byte: byte, bit: byte % 8)
                let findings = round(LogScrubber(log: log))
                disk.corrupt(path, byte: byte, bit: byte % 8)
                guard findings.count == 1, case .damaged(let damage) = findings[0] else {
                    Issue.record("\(path) byte \(byte): \(findings)")
                    continue
                }
                #expect(path.hasSuffix(damage.segment))
                #expect(damage.byteRange.contains(UInt64(byte)))
            }
        }
        #expect(round(LogScrubber(log: log)) == [])
    }

    @Test func aSegmentThatWasReplacedIsFound() throws {
        let (disk, log, _) = try log()
        let other = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(other, Fixture.configuration(segmentBytes: 900))
        var changed = records
        changed[0].key ^= 1
        try opened.writer.commit(groups: groups(changed, most: 3, seed: 92))
        let path = Fixture.segments(disk)[1]
        disk.replace(path, with: try #require(other.contents(path)))
        let findings = round(LogScrubber(log: log))
        guard findings.count == 1, case .damaged(let damage) = findings[0] else {
            Issue.record("\(findings)")
            return
        }
        #expect(path.hasSuffix(damage.segment))
    }

    @Test func aSegmentThatEndsEarlierIsFound() throws {
        let (disk, log, _) = try log()
        let placed = try envelopes(disk)
        for path in Fixture.segments(disk).dropLast() {
            let last = try #require(placed.last { $0.path == path })
            let copy = try #require(disk.contents(path))
            disk.truncate(path, to: last.range.lowerBound)
            let findings = round(LogScrubber(log: log))
            disk.replace(path, with: copy)
            guard findings.count == 1, case .damaged(let damage) = findings[0] else {
                Issue.record("\(path): \(findings)")
                continue
            }
            #expect(damage.lsnRange == (last.lsns.isEmpty ? nil : last.header.baseLSN...(last.header.nextLSN - 1)))
        }
    }

    @Test func aWrongIndexIsMadeAgain() throws {
        let (disk, log, _) = try log()
        let path = "data/log/0000000000000001.index"
        let content = try #require(disk.contents(path))
        disk.corrupt(path, byte: content.count - 1, bit: 0)
        let scrubber = LogScrubber(log: log)
        #expect(round(scrubber) == [.indexRebuilt("0000000000000001.index")])
        #expect(disk.contents(path) == content)
        #expect(round(scrubber) == [])
    }

    @Test func whatCannotBeReadIsToldAndPassedOver() throws {
        let (disk, log, _) = try log()
        let scrubber = LogScrubber(log: log)
        disk.fail(.read, code: SystemErrorCode.inputOutput)
        let findings = round(scrubber)
        guard findings.count == 1, case .unreadable(let error) = findings[0] else {
            Issue.record("\(findings)")
            return
        }
        #expect(error.path == Fixture.segments(disk)[0])
        #expect(round(scrubber) == [])
    }

    @Test func removedSegmentsAreNoDamage() throws {
        let (_, log, writer) = try log()
        let scrubber = LogScrubber(log: log)
        for step in 0..<200 {
            let found = scrubber.step(maximumBytes: 50)
            if step % 7 == 0 { try writer.commit(groups: [Array(records.prefix(3))]) }
            if step % 5 == 0 {
                try log.removeSegments(
                    RetentionPolicy(bytes: 0), keepingFrom: log.firstLSN + UInt64(step % 9), now: 0)
            }
            switch found {
            case .progress, .finished: continue
            default: Issue.record("\(found)")
            }
        }
        #expect(log.firstLSN > 20)
    }
}
