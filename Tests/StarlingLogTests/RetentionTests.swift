import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingLog

/// Segments removed from the front on purpose.
@Suite struct RetentionTests {
    private static let configuration = Fixture.configuration(segmentBytes: 600)
    private let records = (0..<80).map { index in
        TestRecord(timestamp: UInt64(index) * 1_000, key: 3, value: Array(repeating: UInt8(index), count: index % 30))
    }

    private func log() throws -> (disk: SimulatedDisk, opened: OpenedLog) {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Self.configuration)
        try opened.writer.commit(groups: groups(records, most: 3, seed: 72))
        try #require(Fixture.segments(disk).count > 8)
        return (disk, opened)
    }

    private func bases(_ disk: SimulatedDisk) -> [UInt64] {
        Fixture.segments(disk).compactMap { LogFiles.base(ofSegment: String($0.suffix(20))) }
    }

    @Test func removalNeverPassesWhatIsKept() throws {
        for keep in 1...81 {
            let (disk, opened) = try log()
            let before = bases(disk)
            let outcome = try opened.log.removeSegments(
                RetentionPolicy(bytes: 0), keepingFrom: UInt64(keep), now: 0)
            let first = try #require(before.last { $0 <= UInt64(keep) })
            #expect(outcome.firstLSN == first && opened.log.firstLSN == first)
            #expect(bases(disk) == before.filter { $0 >= first })
            #expect(outcome.removedSegments == before.count { $0 < first })
            #expect(try opened.log.allRecords() == Array(records[(Int(first) - 1)...]))
            let again = try Fixture.open(SimulatedDisk(copying: disk, seed: 1), Self.configuration)
            #expect(again.log.firstLSN == first)
            #expect(try again.log.allRecords() == Array(records[(Int(first) - 1)...]))
            let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
            #expect(report.exitCode == 0 && report.start == (first == 1 ? nil : first))
        }
    }

    @Test func theActiveSegmentStays() throws {
        let (disk, opened) = try log()
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: .max, now: .max)
        #expect(bases(disk).count == 1)
        try opened.writer.commit(groups: [[records[0]]])
        #expect(opened.log.writtenLSN == 81)
    }

    @Test func sizeAndAgeDecide() throws {
        let (disk, opened) = try log()
        let total = opened.log.dataBytes
        let nothing = try opened.log.removeSegments(RetentionPolicy(bytes: total), keepingFrom: .max, now: 0)
        #expect(nothing.removedSegments == 0 && !disk.exists("data/log/start"))
        #expect(try opened.log.removeSegments(RetentionPolicy(), keepingFrom: .max, now: .max).removedSegments == 0)
        try opened.log.removeSegments(RetentionPolicy(bytes: total - 1), keepingFrom: .max, now: 0)
        #expect(opened.log.firstLSN == bases(disk)[0] && opened.log.firstLSN > 1)
        #expect(opened.log.dataBytes <= total - 1)
        // Records are a second apart: only those of the last ten seconds, and what shares a segment with them, stay.
        try opened.log.removeSegments(RetentionPolicy(milliseconds: 10_000), keepingFrom: .max, now: 79_000)
        let first = opened.log.firstLSN
        let next = try #require(bases(disk).dropFirst().first)
        #expect(first <= 70 && next > 70)
    }

    @Test func readsBelowTheBeginningAreNotFound() throws {
        let (_, opened) = try log()
        _ = try opened.log.readRecord(lsn: 1)
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 50, now: 0)
        let first = opened.log.firstLSN
        for lsn in [1, first - 1] {
            let expected = LogError.notFound(lsn: lsn, first: first, last: 80)
            #expect(throws: expected) { try opened.log.readRecord(lsn: lsn) }
            #expect(throws: expected) { try opened.log.forEachRecord(from: lsn) { _ in } }
            #expect(throws: expected) { try opened.log.makeTail(startingAt: lsn) }
        }
        #expect(TestRecord(try opened.log.readRecord(lsn: first)) == records[Int(first) - 1])
    }

    @Test func anOvertakenTailIsTold() throws {
        let (_, opened) = try log()
        let tail = try opened.log.makeTail(startingAt: 1)
        try tail.read(maximumBytes: 1) { _ in }
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: .max, now: 0)
        let first = opened.log.firstLSN
        var last: UInt64 = 0
        let error = #expect(throws: LogError.self) {
            while try tail.read(maximumBytes: 1, { last = $0.lsn }) > 0 {}
        }
        #expect(error == .overtaken(lsn: last + 1, first: first))
        #expect(last < first)
        #expect(error?.exitCode == 64)
    }

    @Test func aToolThatIsOvertakenIsTold() throws {
        let (disk, opened) = try log()
        let reader = try LogReader(directory: "data", disk: disk)
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: .max, now: 0)
        let first = opened.log.firstLSN
        #expect(throws: LogError.overtaken(lsn: 1, first: first)) { try reader.forEachRecord(from: 1) { _ in } }
    }

    /// Power fails at every change of a removal.
    @Test(arguments: CrashMode.allCases) func everyInstantOfARemoval(mode: CrashMode) throws {
        let (made, opened) = try log()
        try opened.writer.close(clean: true)
        var changes = 0
        while true {
            let disk = SimulatedDisk(copying: made, seed: UInt64(changes))
            let opened = try Fixture.open(disk, Self.configuration)
            disk.failPower(afterChanges: changes)
            _ = try? opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 60, now: 0)
            let isDone = disk.isPowered
            disk.crash(mode)
            let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
            #expect(report.exitCode == 0, "after \(changes) changes: \(report.outcome)")
            let again = try Fixture.open(disk, Self.configuration)
            let first = again.log.firstLSN
            #expect(first == 1 || first == 60 || bases(made).contains(first) && first <= 60)
            #expect(try again.log.allRecords() == Array(records[(Int(first) - 1)...]), "after \(changes) changes")
            #expect(bases(disk)[0] == first)
            #expect(disk.files.count { $0.hasSuffix(".index") } == bases(disk).count - 1)
            if isDone { break }
            changes += 1
        }
        #expect(changes > 20)
    }

    @Test func aRemovalThatFailsGoesOnWithTheNextCall() throws {
        for operation in [DiskOperation.open, .write, .sync, .rename, .syncDirectory, .remove] {
            let (disk, opened) = try log()
            disk.fail(operation, code: SystemErrorCode.inputOutput)
            let error = #expect(throws: LogError.self) {
                try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: .max, now: 0)
            }
            guard case .retentionFailed? = error else {
                Issue.record("\(operation): \(String(describing: error))")
                continue
            }
            try opened.writer.commit(groups: [[records[0]]])
            try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: .max, now: 0)
            #expect(bases(disk) == [opened.log.firstLSN])
        }
    }

    @Test func aBeginningThatIsGoneIsRefused() throws {
        let (disk, opened) = try log()
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 40, now: 0)
        try opened.writer.close(clean: true)
        let segments = Fixture.segments(disk)
        let cases: [(String, (SimulatedDisk) throws -> Void)] = [
            ("first segment", { try $0.remove(segments[0]) }),
            ("start file", { try $0.remove("data/log/start") }),
            ("all segments", { for path in segments { try $0.remove(path) } }),
            (
                "all but the start file",
                { for path in segments + ["data/log/watermark"] { try $0.remove(path) } }
            ),
            ("empty start file", { $0.replace("data/log/start", with: []) }),
        ]
        for (name, damage) in cases {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            try damage(copy)
            let before = Fixture.snapshot(copy)
            let error = #expect(throws: LogError.self) { try Fixture.open(copy, Self.configuration) }
            #expect(error?.exitCode == 66, "\(name): \(String(describing: error))")
            #expect(LogVerifier.verify(directory: "data", disk: copy, deep: false).exitCode == 66)
            #expect(Fixture.snapshot(copy) == before)
        }
    }

    @Test func everyFlippedByteOfTheStartFileChangesNothing() throws {
        let (disk, opened) = try log()
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 40, now: 0)
        let first = Int(opened.log.firstLSN)
        try opened.writer.close(clean: true)
        let size = try #require(disk.contents("data/log/start")).count
        for byte in Array(0..<100) + Array(4_096..<size) {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            copy.corrupt("data/log/start", byte: byte, bit: byte % 8)
            #expect(try Fixture.open(copy, Self.configuration).log.allRecords() == Array(records[(first - 1)...]))
        }
    }

    @Test func aPointMustNotLieBeforeTheBeginning() throws {
        let (disk, opened) = try log()
        var chains: [UInt64] = []
        try opened.log.forEachRecord(from: 1) { chains.append($0.chain) }
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 40, now: 0)
        let first = Int(opened.log.firstLSN)
        try opened.writer.close(clean: true)
        for lsn in 1...80 {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            var wanted = LogExpectation()
            wanted.point = LogPoint(lsn: UInt64(lsn), chain: chains[lsn - 1])
            if lsn < first - 1 {
                let error = #expect(throws: LogError.self) {
                    try Fixture.open(copy, Self.configuration, expectation: wanted)
                }
                #expect(error?.exitCode == 66)
            } else {
                let again = try Fixture.open(copy, Self.configuration, expectation: wanted)
                #expect(try again.log.allRecords() == Array(records[(first - 1)...]))
                wanted.point?.chain ^= 1
                let other = SimulatedDisk(copying: disk, seed: 1)
                #expect(throws: LogError.self) { try Fixture.open(other, Self.configuration, expectation: wanted) }
            }
        }
    }

    /// A writer, a remover and a follower at once: the follower sees every record in order, or is told.
    @Test func removalRunsBesideWriterAndReaders() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 2_000, batchBytes: 300))
        let records = TestRecord.many(2_000, seed: 73)
        let log = opened.log
        let position = Atomic<UInt64>(1)
        let failures = Mutex<[String]>([])
        let remover = SystemThread(name: "remover") {
            while !log.hasEnded {
                let kept = position.load(ordering: .acquiring)
                do {
                    try log.removeSegments(RetentionPolicy(bytes: 5_000), keepingFrom: kept, now: 0)
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
                if log.firstLSN > kept { failures.withLock { $0.append("passed \(kept)") } }
            }
        }
        let tail = try log.makeTail(startingAt: 1)
        let follower = SystemThread(name: "follower") {
            var next: UInt64 = 1
            while next <= UInt64(records.count) {
                _ = tail.wait(milliseconds: 100)
                do {
                    try tail.read(maximumBytes: 2_000) { view in
                        if view.lsn != next || TestRecord(view.copy()) != records[Int(next) - 1] {
                            failures.withLock { $0.append("record \(next)") }
                        }
                        next += 1
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                    return
                }
                position.store(next, ordering: .releasing)
                if log.hasEnded, tail.lag == 0 { return }
            }
        }
        for group in groups(records, most: 20, seed: 74) { try opened.writer.commit(groups: [group]) }
        follower.join()
        try opened.writer.close(clean: true)
        remover.join()
        #expect(failures.withLock { $0 } == [])
        try log.removeSegments(RetentionPolicy(bytes: 5_000), keepingFrom: .max, now: 0)
        #expect(log.firstLSN > 1)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).exitCode == 0)
    }
}
