import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Erasing bodies from a log that is open: what is to go is gone from the disk, and everything else is as it was.
@Suite struct LogEraserTests {
    private static func isEven(_ record: LogRecord) -> Bool { record.lsn % 2 == 0 }

    /// Erases from every sealed segment; the bodies that went.
    @discardableResult
    private static func eraseEven(_ log: Log, upTo last: UInt64) throws -> Int {
        var lsn = log.firstLSN
        var bodies = 0
        while lsn <= last {
            guard case .erased(let count, let end) = try log.eraseBodies(inSegmentHolding: lsn, where: isEven) else {
                break
            }
            bodies += count
            lsn = end + 1
        }
        return bodies
    }

    /// Records as they are after an erasure of the even ones below `end`.
    private static func expected(_ records: [TestRecord], below end: UInt64) -> [TestRecord] {
        records.enumerated().map { place, record in
            var record = record
            let lsn = UInt64(place + 1)
            if lsn % 2 == 0, lsn < end { record.body = nil }
            return record
        }
    }

    @Test(arguments: 1...20) func onlyTheBodiesGo(seed: UInt64) throws {
        let disk = SimulatedDisk(seed: seed)
        let opened = try Fixture.open(
            disk, Fixture.configuration(segmentBytes: [400, 3_000][Int(seed % 2)], batchBytes: 300))
        let records = TestRecord.many(200, seed: seed)
        try opened.writer.commit(groups: groups(records, most: 9, seed: seed))
        let chain = opened.writer.chain
        let active = opened.log.source.catalog.allSegments.last?.base ?? 1
        let bodies = try Self.eraseEven(opened.log, upTo: 200)
        let expected = Self.expected(records, below: active)
        #expect(bodies == zip(records, expected).count { $0.body != nil && $1.body == nil })
        #expect(try opened.log.allRecords() == expected)
        for lsn in 1...200 as ClosedRange<UInt64> {
            #expect(TestRecord(try opened.log.readRecord(lsn: lsn)) == expected[Int(lsn) - 1])
        }
        // A second time there is nothing left to do, and nothing is written.
        let files = Fixture.snapshot(disk)
        #expect(try Self.eraseEven(opened.log, upTo: 200) == 0)
        #expect(Fixture.snapshot(disk) == files)
        try opened.writer.commit(groups: [TestRecord.many(5, seed: seed + 1)])
        try opened.writer.close(clean: true)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).outcome == .intact)
        let again = try Fixture.open(disk, Fixture.configuration(segmentBytes: 400))
        #expect(Array(try again.log.allRecords().prefix(200)) == expected)
        var hashes: [UInt64: Hash128] = [:]
        try again.log.forEachRecord(from: 1, upTo: 200) { view in
            hashes[view.lsn] = view.bodyHash
            if view.lsn == 200 { #expect(view.chain == chain) }
        }
        for (place, record) in records.enumerated() {
            let hash = record.body.map { $0.withUnsafeBytes { RecordChain.bodyHash($0) } } ?? .zero
            #expect(hashes[UInt64(place + 1)] == hash)
        }
    }

    @Test func erasedWordsAreInNoFile() throws {
        let disk = SimulatedDisk(seed: 3)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 600))
        let secret = Array("never to be read again".utf8)
        for number in 0..<40 as Range<UInt64> {
            try opened.writer.append(TestRecord(key: number, value: [1], body: number % 2 == 1 ? secret : [2]))
            try opened.writer.commit()
        }
        try Self.eraseEven(opened.log, upTo: 40)
        for path in Fixture.segments(disk).dropLast() {
            let contents = try #require(disk.contents(path))
            #expect(contents.firstRange(of: secret) == nil, "\(path)")
        }
        #expect(disk.files.allSatisfy { !$0.hasSuffix(LogFiles.temporarySuffix) || $0.hasSuffix(LogFiles.spare) })
    }

    /// Readers in the middle of a segment see neither damage nor a hole when it is written anew under their hands.
    @Test func readersGoOnOverAnErasure() throws {
        let disk = SimulatedDisk(seed: 4)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 2_000, batchBytes: 200))
        let records = TestRecord.many(300, seed: 9)
        try opened.writer.commit(groups: groups(records, most: 3, seed: 9))
        let scrubber = LogScrubber(log: opened.log, verifiesRecords: true)
        var seen: UInt64 = 0
        try opened.log.forEachRecord(from: 1) { view in
            seen += 1
            #expect(view.lsn == seen)
            if seen % 7 == 0 { _ = try opened.log.eraseBodies(inSegmentHolding: view.lsn, where: Self.isEven) }
            if seen % 5 == 0 {
                switch scrubber.step(maximumBytes: 300) {
                case .damaged(let damage): Issue.record("\(damage)")
                case .unreadable(let error): Issue.record("\(error)")
                case .progress, .indexRebuilt, .finished: break
                }
            }
        }
        #expect(seen == 300)
    }

    @Test func whatIsNotSealedOrNotThereIsLeftAlone() throws {
        let disk = SimulatedDisk(seed: 5)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 500))
        try opened.writer.commit(groups: groups(TestRecord.many(60, seed: 2), most: 4, seed: 2))
        let log = opened.log
        #expect(try log.eraseBodies(inSegmentHolding: 60, where: Self.isEven) == .notSealed)
        #expect(try log.eraseBodies(inSegmentHolding: 9_999, where: Self.isEven) == .notSealed)
        let removed = try log.removeSegments(RetentionPolicy(bytes: 1), keepingFrom: 61, now: 0)
        #expect(removed.removedSegments > 0)
        #expect(try log.eraseBodies(inSegmentHolding: 1, where: Self.isEven) == .removed)
    }

    @Test func aDamagedSegmentIsNotTouched() throws {
        let disk = SimulatedDisk(seed: 6)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 500))
        try opened.writer.commit(groups: groups(TestRecord.many(60, seed: 2), most: 4, seed: 2))
        let path = Fixture.segmentPath(1)
        let whole = try #require(disk.contents(path))
        for place in stride(from: 0, to: whole.count, by: 7) {
            var damaged = whole
            damaged[place] ^= 0x10
            disk.replace(path, with: damaged)
            #expect(throws: LogError.self, "byte \(place)") {
                _ = try opened.log.eraseBodies(inSegmentHolding: 1, where: Self.isEven)
            }
            #expect(disk.contents(path) == damaged)
        }
    }

    @Test func aFullOrBrokenDiskCostsOnlyTheErasure() throws {
        let disk = SimulatedDisk(seed: 7)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 500))
        let records = TestRecord.many(60, seed: 2)
        try opened.writer.commit(groups: groups(records, most: 4, seed: 2))
        for (operation, code) in [
            (DiskOperation.write, SystemErrorCode.noSpace), (.sync, SystemErrorCode.inputOutput),
            (.rename, SystemErrorCode.inputOutput), (.open, SystemErrorCode.inputOutput),
        ] {
            disk.fail(operation, code: code)
            #expect(throws: LogError.self) { _ = try opened.log.eraseBodies(inSegmentHolding: 1, where: Self.isEven) }
            disk.clearFaults()
            #expect(try opened.log.allRecords() == records)
        }
        #expect(try Self.eraseEven(opened.log, upTo: 60) > 0)
    }

    /// The power goes at each change that an erasure makes: the log is whole, with the bodies or without them.
    @Test(arguments: [CrashMode.loseUnsynced, .keepUnsynced, .randomSectors], 0..<30)
    func aPowerCutLeavesTheOldOrTheNewSegment(mode: CrashMode, changes: Int) throws {
        let disk = SimulatedDisk(seed: UInt64(changes) + 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 500))
        let records = TestRecord.many(60, seed: 2)
        try opened.writer.commit(groups: groups(records, most: 4, seed: 2))
        disk.failPower(afterChanges: changes)
        _ = try? Self.eraseEven(opened.log, upTo: 60)
        disk.crash(mode)
        let report = LogVerifier.verify(directory: "data", disk: disk, deep: true)
        #expect(report.exitCode == 0, "\(report)")
        let again = try Fixture.open(disk, Fixture.configuration(segmentBytes: 500))
        let found = try again.log.allRecords()
        #expect(found.count == 60)
        for (place, pair) in zip(records, found).enumerated() {
            let (record, kept) = pair
            var erased = record
            if place % 2 == 1 { erased.body = nil }
            #expect(kept == record || kept == erased)
        }
        #expect(disk.files.allSatisfy { !$0.hasSuffix(".seg" + LogFiles.temporarySuffix) })
        try Self.eraseEven(again.log, upTo: 60)
        #expect(LogVerifier.verify(directory: "data", disk: disk, deep: true).exitCode == 0)
    }
}
