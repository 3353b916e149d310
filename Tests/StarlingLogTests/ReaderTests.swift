import StarlingSimulation
import StarlingSystem
import Synchronization
import Testing

@testable import StarlingLog

@Suite struct ReaderTests {
    private func log(
        _ count: Int, segmentBytes: UInt64 = 3_000, batchBytes: Int = 300
    ) throws -> (disk: SimulatedDisk, opened: OpenedLog, records: [TestRecord]) {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: segmentBytes, batchBytes: batchBytes))
        let records = TestRecord.many(count, seed: 21)
        try opened.writer.commit(groups: groups(records, most: 9, seed: 22))
        return (disk, opened, records)
    }

    @Test func anyRangeComesInOrder() throws {
        let (_, opened, records) = try log(120)
        for first in stride(from: 1, through: 121, by: 7) {
            for last in [0, first, first + 1, first + 30, 120, 500] {
                var seen: [UInt64] = []
                var found: [TestRecord] = []
                try opened.log.forEachRecord(from: UInt64(first), upTo: UInt64(last)) {
                    seen.append($0.lsn)
                    found.append(TestRecord($0.copy()))
                }
                let end = min(last, 120)
                let expected = first <= end ? Array(first...end) : []
                #expect(seen == expected.map { UInt64($0) })
                #expect(found == expected.map { records[$0 - 1] })
            }
        }
    }

    @Test func rangesOutsideTheLogAreRefused() throws {
        let (_, opened, _) = try log(10)
        for first: UInt64 in [0, 12, .max] {
            #expect(throws: LogError.notFound(lsn: first, first: 1, last: 10)) {
                try opened.log.forEachRecord(from: first) { _ in }
            }
        }
        for lsn: UInt64 in [0, 11, .max] {
            #expect(throws: LogError.notFound(lsn: lsn, first: 1, last: 10)) { try opened.log.readRecord(lsn: lsn) }
        }
        #expect(throws: LogError.notFound(lsn: 12, first: 1, last: 10)) { try opened.log.makeTail(startingAt: 12) }
    }

    @Test func randomReadsFindTheirRecords() throws {
        let (_, opened, records) = try log(200)
        var random = SeededRandom(seed: 9)
        for _ in 0..<100 {
            let lsns = (0..<(random.next() % 30)).map { _ in random.next() % 200 + 1 }.sorted()
            let found = try opened.log.readRecords(lsns: lsns)
            #expect(found.map(\.lsn) == lsns)
            #expect(found.map { TestRecord($0) } == lsns.map { records[Int($0) - 1] })
        }
    }

    @Test func moreSegmentsThanAreKeptOpen() throws {
        let (disk, opened, records) = try log(300, segmentBytes: 256, batchBytes: 1)
        try #require(Fixture.segments(disk).count > 100)
        #expect(try opened.log.allRecords() == records)
        var random = SeededRandom(seed: 10)
        for _ in 0..<300 {
            let lsn = random.next() % 300 + 1
            #expect(TestRecord(try opened.log.readRecord(lsn: lsn)) == records[Int(lsn) - 1])
        }
    }

    @Test func errorsOfTheClosurePassThrough() throws {
        struct Stop: Error {}
        let (_, opened, _) = try log(20)
        var seen = 0
        #expect(throws: Stop.self) {
            try opened.log.forEachRecord(from: 1) { _ in
                seen += 1
                if seen == 5 { throw Stop() }
            }
        }
        #expect(seen == 5)
    }

    @Test func tailHandsOutEachRecordOnceWithinItsBudget() throws {
        let (_, opened, records) = try log(100)
        let tail = try opened.log.makeTail(startingAt: 5)
        var random = SeededRandom(seed: 3)
        var found: [TestRecord] = []
        while tail.lag > 0 {
            let budget = Int(random.next() % 200)
            var bytes = 0
            let count = try tail.read(maximumBytes: budget) { view in
                bytes += view.value.count + (view.body?.count ?? 0)
                found.append(TestRecord(view.copy()))
            }
            #expect(count >= 1)
            #expect(count == 1 || bytes <= budget)
        }
        #expect(found == Array(records[4...]))
        #expect(try tail.read(maximumBytes: 100) { _ in } == 0)
        #expect(tail.nextLSN == 101)
    }

    @Test func tailChainsEqualTheWriters() throws {
        let (_, opened, _) = try log(60)
        let tail = try opened.log.makeTail(startingAt: 37)
        var last: UInt64 = 0
        while try tail.read(maximumBytes: 50, { last = $0.chain }) > 0 {}
        #expect(last == opened.writer.chain)
    }

    @Test func tailRepeatsARecordWhoseClosureThrew() throws {
        struct Stop: Error {}
        let (_, opened, _) = try log(20)
        let tail = try opened.log.makeTail(startingAt: 1)
        var seen: [UInt64] = []
        var isFirst = true
        while tail.lag > 0 {
            _ = try? tail.read(maximumBytes: 1_000) { view in
                defer { isFirst.toggle() }
                if isFirst { throw Stop() }
                seen.append(view.lsn)
            }
        }
        #expect(seen == Array(1...20))
    }

    @Test func tailStopsAtWhatIsAcknowledged() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk)
        let tail = try opened.log.makeTail(startingAt: 1)
        try opened.writer.append(TestRecord(value: [1]))
        #expect(try tail.read(maximumBytes: 100) { _ in } == 0)
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        #expect(throws: LogError.self) { try opened.writer.commit() }
        #expect(opened.log.writtenLSN == 1)
        #expect(try tail.read(maximumBytes: 100) { _ in } == 0)
        // The log has ended, so waiting does not sleep.
        #expect(!tail.wait(milliseconds: 60_000))
    }

    @Test func subscriptionsEndWhenTheyAreDropped() throws {
        let opened = try Fixture.open(SimulatedDisk(seed: 1))
        let calls = Mutex(0)
        var subscription: CommitSubscription? = opened.log.onCommit { calls.withLock { $0 += 1 } }
        try opened.writer.commit(groups: [[TestRecord(value: [1])], [TestRecord(value: [2])]])
        #expect(calls.withLock { $0 } == 2)
        subscription = nil
        try opened.writer.commit(groups: [[TestRecord(value: [3])]])
        #expect(calls.withLock { $0 } == 2)
        #expect(subscription == nil)
    }

    /// A writer, two followers and two random readers at once.
    @Test func everybodyReadsWhileOneWrites() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 9_000, batchBytes: 1_000))
        let records = TestRecord.many(1_500, seed: 30)
        let failures = Mutex<[String]>([])
        let log = opened.log
        var threads: [SystemThread] = []
        for follower in 0..<2 {
            let tail = try log.makeTail(startingAt: 1)
            threads.append(
                SystemThread(name: "follower") {
                    var found: [TestRecord] = []
                    while found.count < records.count {
                        _ = tail.wait(milliseconds: 1_000)
                        _ = try? tail.read(maximumBytes: 500) { found.append(TestRecord($0.copy())) }
                        if log.hasEnded, tail.lag == 0 { break }
                    }
                    if found != records { failures.withLock { $0.append("follower \(follower): \(found.count)") } }
                })
        }
        for reader in 0..<2 {
            threads.append(
                SystemThread(name: "reader") {
                    var random = SeededRandom(seed: UInt64(reader))
                    while !log.hasEnded {
                        let last = log.writtenLSN
                        if last == 0 { continue }
                        let lsns = [random.next() % last + 1, last].sorted()
                        do {
                            let found = try log.readRecords(lsns: lsns)
                            if found.map({ TestRecord($0) }) != lsns.map({ records[Int($0) - 1] }) {
                                failures.withLock { $0.append("reader \(reader): other records at \(lsns)") }
                            }
                        } catch {
                            failures.withLock { $0.append("reader \(reader): \(error)") }
                        }
                    }
                })
        }
        try opened.writer.commit(groups: groups(records, most: 20, seed: 31))
        try opened.writer.close(clean: true)
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(Fixture.segments(disk).count > 3)
    }

    @Test func toolsReadBesideTheWriterWithoutALock() throws {
        let (disk, opened, records) = try log(50)
        let reader = try LogReader(directory: "data", disk: disk)
        #expect(reader.refusal == nil)
        #expect(reader.logID == Fixture.logID)
        #expect(reader.firstLSN == 1 && reader.lastLSN == 50)
        try opened.writer.commit(groups: [[TestRecord(value: [1])]])
        var found: [TestRecord] = []
        try reader.forEachRecord(from: 1) { found.append(TestRecord($0.copy())) }
        #expect(found == records)
        #expect(TestRecord(try #require(try reader.readRecords(lsns: [50]).first)) == records[49])
        #expect(throws: LogError.notFound(lsn: 51, first: 1, last: 50)) { try reader.readRecords(lsns: [51]) }
    }

    @Test func toolsReadUpToTheDamage() throws {
        let (disk, opened, records) = try log(120)
        try opened.writer.close(clean: true)
        let segments = Fixture.segments(disk)
        disk.corrupt(segments[1], byte: 100, bit: 0)
        let base = try #require(LogFiles.base(ofSegment: String(segments[1].suffix(20))))
        let reader = try LogReader(directory: "data", disk: disk)
        #expect(reader.refusal?.exitCode == 65)
        #expect(reader.lastLSN == base - 1)
        var count = 0
        try reader.forEachRecord(from: 1) { _ in count += 1 }
        #expect(count == Int(base) - 1)
        #expect(count < records.count)
    }

    @Test func rotUnderARunningLogIsFoundByReading() throws {
        let (disk, opened, _) = try log(40, segmentBytes: 64 << 10)
        disk.corrupt(Fixture.segmentPath(1), byte: 88 + 100, bit: 5)
        let error = #expect(throws: LogError.self) { try opened.log.readRecord(lsn: 1) }
        #expect(error?.exitCode == 65)
        #expect(throws: LogError.self) { try opened.log.forEachRecord(from: 1) { _ in } }
        #expect(throws: Never.self) { try opened.log.readRecord(lsn: 40) }
    }
}
