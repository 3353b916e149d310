import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingLog

/// Salvage keeps exactly what is valid, at its place, and says what is missing.
@Suite struct SalvageTests {
    private let records = TestRecord.many(14, seed: 81, maximumBytes: 20)

    private func disk(clean: Bool = true) throws -> SimulatedDisk {
        let disk = try Fixture.smallLog(groups: groups(records, most: 3, seed: 82), segmentBytes: 420, clean: clean)
        try #require(Fixture.segments(disk).count >= 3)
        return disk
    }

    private func chains(_ disk: SimulatedDisk) throws -> [UInt64: UInt64] {
        var chains: [UInt64: UInt64] = [:]
        try LogReader(directory: "data", disk: disk).forEachRecord(from: 1) { chains[$0.lsn] = $0.chain }
        return chains
    }

    /// Compares a salvage with what must come out when the records `lost` were destroyed, and those behind `end` leave no
    /// trace.
    private func check(
        _ disk: SimulatedDisk, lost: Set<UInt64>, end: UInt64, chains: [UInt64: UInt64],
        _ place: @autoclosure () -> String
    ) throws {
        let before = Fixture.snapshot(disk)
        let salvaged = try Salvaged(disk)
        for (path, content) in before { #expect(disk.contents(path) == content, "\(place()): the source was changed") }
        #expect(salvaged.report.lastLSN == end, "\(place())")
        #expect(Set(salvaged.report.missing.flatMap { Array($0) }) == lost, "\(place()): \(salvaged.report)")
        #expect(salvaged.report.exitCode == (lost.isEmpty ? 0 : 65))
        #expect(salvaged.report.keptRecords == end - UInt64(lost.count))
        for lsn in 1..<(end + 1) {
            let expected = lost.contains(lsn) ? nil : records[Int(lsn) - 1]
            #expect(salvaged.records[lsn] == .some(expected), "\(place()): lsn \(lsn)")
            if !lost.contains(lsn) { #expect(salvaged.chains[lsn] == chains[lsn], "\(place()): chain at \(lsn)") }
        }
    }

    @Test(arguments: [true, false]) func anIntactLogIsCopiedWhole(clean: Bool) throws {
        let disk = try disk(clean: clean)
        try check(disk, lost: [], end: 14, chains: try chains(disk), "clean \(clean)")
    }

    @Test(arguments: [true, false]) func everyFlippedByteCostsItsEnvelope(clean: Bool) throws {
        let disk = try disk(clean: clean)
        let chains = try chains(disk)
        let placed = try envelopes(disk)
        let lastBatch = try #require(placed.last { $0.header.recordCount > 0 })
        for envelope in placed {
            for byte in stride(from: envelope.range.lowerBound, to: envelope.range.upperBound, by: clean ? 1 : 5) {
                let copy = SimulatedDisk(copying: disk, seed: 1)
                copy.corrupt(envelope.path, byte: byte, bit: byte % 8)
                // After an unclean end nothing vouches for the last batch: it is torn, and so not missing.
                let isTorn = !clean && envelope.range == lastBatch.range && envelope.path == lastBatch.path
                try check(
                    copy, lost: isTorn ? [] : Set(envelope.lsns), end: isTorn ? lastBatch.header.baseLSN - 1 : 14,
                    chains: chains, "\(envelope.path) byte \(byte)")
            }
        }
    }

    @Test func everyTruncationCostsWhatWasCutOff() throws {
        let disk = try disk()
        let chains = try chains(disk)
        let placed = try envelopes(disk)
        for path in Fixture.segments(disk) {
            for size in stride(from: 0, to: try #require(disk.contents(path)).count, by: 4) {
                let copy = SimulatedDisk(copying: disk, seed: 1)
                copy.truncate(path, to: size)
                let lost = placed.filter { $0.path == path && $0.range.upperBound > size }.flatMap(\.lsns)
                try check(copy, lost: Set(lost), end: 14, chains: chains, "\(path) cut to \(size)")
            }
        }
    }

    @Test func missingSegmentsCostTheirRecords() throws {
        let disk = try disk()
        let chains = try chains(disk)
        let placed = try envelopes(disk)
        let segments = Fixture.segments(disk)
        for mask in 1..<(1 << segments.count) - 1 {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            let gone = segments.indices.filter { mask & (1 << $0) != 0 }.map { segments[$0] }
            for path in gone { try copy.remove(path) }
            let lost = placed.filter { gone.contains($0.path) }.flatMap(\.lsns)
            try check(copy, lost: Set(lost), end: 14, chains: chains, "without \(gone)")
        }
    }

    @Test(arguments: 0..<60) func damageInManyPlacesCostsExactlyThose(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let disk = try disk()
        let chains = try chains(disk)
        let placed = try envelopes(disk)
        var lost: Set<UInt64> = []
        for envelope in placed where random.next() % 3 == 0 {
            lost.formUnion(envelope.lsns)
            let first = Int(random.next() % UInt64(envelope.range.count))
            let count = min(Int(random.next() % 60) + 1, envelope.range.count - first)
            for byte in 0..<count {
                disk.corrupt(envelope.path, byte: envelope.range.lowerBound + first + byte, bit: Int(random.next() % 8))
            }
        }
        if lost.count == records.count {
            #expect(throws: Never.self) { try Salvaged(disk) }
        } else {
            try check(disk, lost: lost, end: 14, chains: chains, "seed \(seed)")
        }
    }

    @Test func bytesThatWerePutInBetweenCostNothing() throws {
        let disk = try disk()
        let chains = try chains(disk)
        let path = Fixture.segmentPath(1)
        var content = try #require(disk.contents(path))
        let second = try #require(try envelopes(disk).filter { $0.path == path }.dropFirst().first)
        content.insert(contentsOf: Array("STRL garbage".utf8), at: second.range.lowerBound)
        disk.replace(path, with: content)
        try check(disk, lost: [], end: 14, chains: chains, "inserted bytes")
    }

    @Test func aSegmentOfAnotherLogIsPassedOver() throws {
        let disk = try disk()
        let chains = try chains(disk)
        let placed = try envelopes(disk)
        let other = SimulatedDisk(seed: 1)
        let opened = try Log.open(
            directory: "data", disk: other, configuration: Fixture.configuration(segmentBytes: 420), newLogID: 99)
        try opened.writer.commit(groups: groups(records, most: 3, seed: 82))
        for path in Fixture.segments(disk).dropLast() {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            copy.replace(path, with: try #require(other.contents(path)))
            let lost = placed.filter { $0.path == path }.flatMap(\.lsns)
            try check(copy, lost: Set(lost), end: 14, chains: chains, "\(path) of another log")
        }
    }

    /// A post's text that looks like an envelope of this log, in a batch whose checksum fails.
    @Test func textInADamagedBatchIsNotTakenForAnEnvelope() throws {
        let forged = HandMade.batch(
            base: 5, count: 1, timestamp: 9, records: HandMade.record(offset: 0, key: 7, value: [66]))
        var header = [UInt8](repeating: 0, count: EnvelopeHeader.size)
        let checksum = forged.withUnsafeBytes { CRC32C.checksum($0) }
        let hash = [UInt8(66)].withUnsafeBytes { RecordChain.recordHash(key: 7, value: $0, bodyHash: .zero) }
        header.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            EnvelopeHeader(
                bodyLength: UInt32(forged.count), recordCount: 1, logID: Fixture.logID, incarnation: 1, segmentBase: 1,
                sequence: 90, baseLSN: 5, durableUpTo: 0, previousChain: 1, chain: RecordChain.advance(1, by: hash),
                bodyChecksum: checksum
            ).write(to: start)
        }
        let disk = try Fixture.smallLog(
            groups: [[records[0]], [records[3]], [records[1]], [records[2]]], segmentBytes: 64 << 10, clean: true)
        let batch = try #require(try envelopes(disk).first { $0.lsns.contains(2) })
        let text = HandMade.record(offset: 0, key: 7, value: header + forged)
        let body = HandMade.batch(base: 2, count: 1, timestamp: 9, records: text)
        let content = try #require(disk.contents(batch.path))
        disk.replace(
            batch.path, with: HandMade.replacingBody(content, at: batch.range.lowerBound, by: body))
        disk.corrupt(batch.path, byte: batch.range.lowerBound + 100, bit: 0)
        let salvaged = try Salvaged(disk)
        #expect(salvaged.report.missing == [2...2])
        #expect(salvaged.records[4] == .some(records[2]))
    }

    @Test func aRemovedBeginningIsNotMissing() throws {
        let disk = SimulatedDisk(seed: 1)
        let opened = try Fixture.open(disk, Fixture.configuration(segmentBytes: 420))
        try opened.writer.commit(groups: groups(records, most: 3, seed: 82))
        try opened.log.removeSegments(RetentionPolicy(bytes: 0), keepingFrom: 7, now: 0)
        let first = opened.log.firstLSN
        try #require(first > 1)
        try opened.writer.close(clean: true)
        let copy = SimulatedDisk(copying: disk, seed: 1)
        let salvaged = try Salvaged(copy)
        #expect(salvaged.report.missing.isEmpty && salvaged.report.firstLSN == first)
        #expect(salvaged.records.count == 15 - Int(first))
        // Without its first segment it still begins there.
        try disk.remove(Fixture.segments(disk)[0])
        let second = try Salvaged(disk)
        #expect(second.report.firstLSN == first && second.report.missing.first?.lowerBound == first)
    }

    @Test func salvagingTwiceLosesNothingMore() throws {
        let disk = try disk()
        disk.corrupt(Fixture.segments(disk)[1], byte: 100, bit: 0)
        let first = try LogSalvage.run(directory: "data", out: "out", disk: disk, segmentBytes: 400)
        let second = try LogSalvage.run(directory: "out", out: "again", disk: disk, segmentBytes: 400)
        #expect(first.missingRecords > 0)
        #expect(second.missing.isEmpty && second.exitCode == 0)
        #expect(second.lostBefore == first.missingRecords && second.keptRecords == first.keptRecords)
        #expect(second.lastLSN == first.lastLSN)
    }

    @Test func numbersThatCannotBeDoNotFillTheDisk() throws {
        let disk = try disk()
        let far = EnvelopeHeader(
            flags: EnvelopeHeader.syncMarker, logID: Fixture.logID, incarnation: 1, segmentBase: 1 << 60, sequence: 900,
            baseLSN: 1 << 60, durableUpTo: 1 << 59, previousChain: 1, chain: 1)
        var bytes = [UInt8](repeating: 0, count: EnvelopeHeader.size)
        bytes.withUnsafeMutableBytes { if let start = $0.baseAddress { far.write(to: start) } }
        disk.replace(Fixture.segmentPath(1 << 60), with: bytes)
        let salvaged = try Salvaged(disk)
        #expect(salvaged.report.missing.isEmpty && salvaged.report.lastLSN == 14)
        #expect(salvaged.report.skipped.map { "data/log/" + $0.segment } == [Fixture.segmentPath(1 << 60)])
    }

    @Test func aLogWithoutRecordsIsCopied() throws {
        let disk = SimulatedDisk(seed: 1)
        try Fixture.open(disk).writer.close(clean: true)
        let report = try LogSalvage.run(directory: "data", out: "out", disk: disk)
        #expect(report.keptRecords == 0 && report.lastLSN == 0 && report.exitCode == 0)
        #expect(try Fixture.open(disk, directory: "out").log.id == Fixture.logID)
    }

    @Test func nothingIsWrittenWhereSomethingIs() throws {
        let disk = try disk()
        disk.replace("out/notes.txt", with: [1])
        let before = disk.files
        for target in ["out", "data"] {
            let error = #expect(throws: LogError.targetNotEmpty(path: target)) {
                try LogSalvage.run(directory: "data", out: target, disk: disk)
            }
            #expect(error?.exitCode == 73)
        }
        #expect(disk.files == before)
    }

    @Test func aLogWithoutOneEnvelopeCannotBeSalvaged() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.replace(Fixture.segmentPath(1), with: Array("STRL and nothing of use".utf8))
        let error = #expect(throws: LogError.self) { try LogSalvage.run(directory: "data", out: "out", disk: disk) }
        #expect(error?.exitCode == 65)
        #expect(!disk.exists("out"))
    }

    @Test func whatTheDiskCannotReadIsPassedOver() throws {
        let disk = try disk()
        for calls in 0..<20 {
            let copy = SimulatedDisk(copying: disk, seed: 1)
            for call in [calls, calls] { copy.fail(.read, afterCalls: call, code: SystemErrorCode.inputOutput) }
            guard let report = try? LogSalvage.run(directory: "data", out: "out", disk: copy) else { continue }
            #expect(report.keptRecords + report.missingRecords == 14)
            copy.clearFaults()
            #expect(LogVerifier.verify(directory: "out", disk: copy, deep: true).exitCode == 0)
        }
    }

    /// Power fails at every change: what is there then is refused, or it is the whole copy.
    @Test(arguments: CrashMode.allCases) func everyInstantOfASalvage(mode: CrashMode) throws {
        let made = try disk()
        made.corrupt(Fixture.segments(made)[1], byte: 100, bit: 0)
        var changes = 0
        var opens = 0
        while true {
            let disk = SimulatedDisk(copying: made, seed: UInt64(changes))
            disk.failPower(afterChanges: changes)
            _ = try? LogSalvage.run(directory: "data", out: "out", disk: disk, segmentBytes: 400)
            let isDone = disk.isPowered
            disk.crash(mode)
            let hasBegun = disk.files.contains { $0.hasPrefix("out/log/0") }
            if let opened = try? Fixture.open(disk, directory: "out") {
                #expect(opened.log.writtenLSN == (hasBegun ? 14 : 0), "after \(changes) changes")
                opens += 1
            }
            if isDone { break }
            changes += 1
        }
        #expect(changes > 20 && opens > 0 && opens < changes)
    }
}
