import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingTopics

/// The power fails at every change of the disk in turn.
@Suite struct TopicCrashTests {
    @Test(arguments: [CrashMode.loseUnsynced, .keepUnsynced, .randomSectors])
    func theCatalogueAndTheLogsAgree(after mode: CrashMode) throws {
        var changes = 0
        var isDone = false
        while !isDone {
            let fixture = TopicsFixture(seed: UInt64(changes) + 1)
            fixture.disk.failPower(afterChanges: changes, tearing: mode == .randomSectors)
            var created: [String] = []
            var stored = 0
            do {
                try fixture.open()
                for name in ["a", "b"] {
                    try fixture.create(name, partitions: 2)
                    created.append(name)
                    try fixture.produce(name, [NewTopicRecord("1"), NewTopicRecord("2")], partition: 1)
                    stored += 1
                }
                try fixture.close()
                isDone = true
            } catch {}
            fixture.disk.disarmPower()
            fixture.crash(mode)
            try fixture.open()
            let names = try fixture.current.all.map(\.name.text)
            #expect(names.starts(with: created), "lost a topic at change \(changes)")
            for name in ["a", "b"] {
                // As the client would repeat it.
                try fixture.create(name, partitions: 2)
                #expect(try fixture.contents(name, 0).isEmpty)
            }
            for name in created.prefix(stored) { #expect(try fixture.contents(name, 1).map(\.text) == ["1", "2"]) }
            try fixture.produce("b", [NewTopicRecord("3")], partition: 0)
            try fixture.close()
            try fixture.open()
            #expect(try fixture.contents("b", 0).map(\.text) == ["3"])
            changes += mode == .keepUnsynced ? 3 : 1
        }
        #expect(changes > 50)
    }

    @Test func aLogThatIsGoneIsReportedAndNotMadeAnew() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 2)
        try fixture.produce("t", [NewTopicRecord("v")], partition: 1)
        try fixture.close()
        fixture.disk.discard("data/topics/1/1/log")
        #expect(throws: TopicError.missingPartition(path: "data/topics/1/1")) { try fixture.open() }
    }

    @Test func oneDamagedCopyOfTheCatalogueCostsNothing() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("t", partitions: 2)
        try fixture.close()
        let path = "data/topics/catalogue"
        let whole = try #require(fixture.disk.contents(path))
        for byte in whole.indices {
            #expect(fixture.disk.corrupt(path, byte: byte, bit: byte % 8))
            try fixture.open()
            #expect(try fixture.current.all.count == 1, "byte \(byte)")
            try fixture.close()
            fixture.disk.replace(path, with: whole)
        }
        _ = fixture.disk.corrupt(path, byte: 20, bit: 1)
        _ = fixture.disk.corrupt(path, byte: whole.count - 6, bit: 1)
        #expect(throws: TopicError.damagedFile(path: path)) { try fixture.open() }
    }

    @Test func aLostOrDamagedCheckpointCostsOnlyTime() throws {
        for damage in [0, 1] {
            let fixture = TopicsFixture()
            try fixture.open()
            try fixture.create("t", partitions: 1)
            let producer = ProducerSequence(producer: 3, first: 0)
            try fixture.produce("t", [NewTopicRecord("v")], partition: 0, producer: producer)
            try fixture.close()
            let path = "data/topics/1/0/checkpoint"
            let whole = try #require(fixture.disk.contents(path))
            if damage == 0 {
                try fixture.disk.remove(path)
            } else {
                fixture.disk.replace(path, with: whole.map { $0 ^ 0x55 })
            }
            try fixture.open()
            #expect(try fixture.produce("t", [NewTopicRecord("v")], partition: 0, producer: producer).storedBefore == 1)
        }
    }

    @Test func recordsWithoutACatalogueAreNotTakenForNothing() throws {
        let fixture = TopicsFixture()
        try fixture.open()
        try fixture.create("empty", partitions: 1)
        try fixture.create("t", partitions: 2)
        try fixture.produce("t", [NewTopicRecord("v")], partition: 1)
        try fixture.close()
        try fixture.disk.remove("data/topics/catalogue")
        let error = TopicError.missingCatalogue(path: "data/topics/catalogue", records: "data/topics/2/1")
        #expect(throws: error) { try fixture.open() }
        let found = TopicsVerification.verify(directory: "data", disk: fixture.disk, deep: false)
        #expect(found.refusal == error && error.exitCode == 66)
    }

    @Test func aDiskThatFailsWhileItIsOpenedIsNotTakenForAnEmptyOne() throws {
        var changes = 0
        while true {
            let fixture = TopicsFixture()
            try fixture.open()
            try fixture.create("t", partitions: 2)
            try fixture.produce("t", [NewTopicRecord("v")], partition: 1)
            try fixture.close(clean: false)
            fixture.disk.failPower(afterChanges: changes)
            do {
                try fixture.open()
                break
            } catch let error as TopicError {
                #expect(![65, 66, 78].contains(error.exitCode), "\(error)")
            }
            changes += 1
        }
        for operation in [DiskOperation.list, .open, .read] {
            for call in 0..<20 {
                let fixture = TopicsFixture()
                try fixture.open()
                try fixture.create("t", partitions: 2)
                try fixture.close()
                fixture.disk.fail(operation, afterCalls: call, code: SystemErrorCode.inputOutput)
                do {
                    try fixture.open()
                    #expect(try fixture.current.all.map(\.name.text) == ["t"])
                } catch let error as TopicError {
                    #expect(![65, 66, 78].contains(error.exitCode), "\(error)")
                }
            }
        }
        #expect(changes > 3)
    }

    @Test func aCreationThatMayHaveHappenedSaysSo() throws {
        var failures = 0
        var uncertain: [Int] = []
        for call in 0..<60 {
            let fixture = TopicsFixture()
            try fixture.open()
            try fixture.create("first", partitions: 1)
            fixture.disk.fail(.syncDirectory, afterCalls: call, code: SystemErrorCode.inputOutput)
            do {
                try fixture.create("t", partitions: 1)
                continue
            } catch let error as TopicError {
                failures += 1
                if case .unknownOutcome = error { uncertain.append(failures) }
            }
            // Nothing is served of it, and the next one takes its place.
            #expect(throws: TopicError.self) { try fixture.partition("t") }
            try fixture.create("u", partitions: 2)
            for number in 0..<2 { try fixture.produce("u", [NewTopicRecord("v")], partition: number) }
            try fixture.close()
            #expect(try fixture.open().all.map(\.name.text) == ["first", "u"])
            for number in 0..<2 { #expect(try fixture.contents("u", number).map(\.text) == ["v"]) }
        }
        // Only behind the rename of the catalogue, the last step, it may have happened.
        #expect(failures > 2 && uncertain == [failures])
    }

    @Test(arguments: [CrashMode.loseUnsynced, .keepUnsynced])
    func theLastRecordStaysWhateverRetentionWants(after mode: CrashMode) throws {
        var changes = 0
        var isDone = false
        while !isDone {
            let fixture = TopicsFixture(seed: UInt64(changes) + 1)
            try fixture.open()
            try fixture.create("t", partitions: 1, retention: RetentionPolicy(bytes: nil, milliseconds: 1_000))
            var random = SeededRandom(seed: 3)
            let records = (0..<30).map { _ in
                NewTopicRecord(value: (0..<400).map { _ in UInt8(truncatingIfNeeded: random.next()) })
            }
            fixture.disk.failPower(afterChanges: changes)
            do {
                for record in records { try fixture.produce("t", [record]) }
                isDone = true
            } catch {}
            fixture.disk.disarmPower()
            fixture.crash(mode)
            try fixture.open()
            // A clean end leaves a checkpoint behind the last record, so that no start needs it.
            try fixture.close()
            try fixture.open()
            fixture.time.advance(milliseconds: 100_000_000)
            _ = try fixture.current.step()
            let partition = try fixture.partition("t")
            if partition.highWatermark > 0 {
                #expect(try fixture.contents("t").last?.offset == partition.highWatermark - 1, "change \(changes)")
                #expect(try partition.lastRecord()?.offset == partition.highWatermark - 1, "change \(changes)")
            }
            changes += 1
        }
        #expect(changes > 30)
    }
}
