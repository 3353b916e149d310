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
}
