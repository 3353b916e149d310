import StarlingLog
import StarlingSimulation
import StarlingSystem
import Testing

@testable import StarlingEngine

@Suite struct OpeningTests {
    private func open(_ disk: SimulatedDisk, _ change: (inout EngineConfiguration) -> Void = { _ in }) throws -> Engine
    {
        var configuration = EngineFixture.smallConfiguration()
        change(&configuration)
        let time = SimulatedTime(wallMilliseconds: 1_700_000_000_000)
        return try Engine.open(
            directory: "/data", configuration: configuration,
            environment: EngineEnvironment(disk: disk, time: time, seed: 1), execution: .manual)
    }

    /// Why the engine does not open: the case of the error.
    private func problem(_ disk: SimulatedDisk, _ change: (inout EngineConfiguration) -> Void = { _ in }) -> String {
        do {
            try open(disk, change).close()
            return "none"
        } catch EngineOpenError.configuration { return "configuration" } catch EngineOpenError.unreadableFact(
            let lsn, _)
        {
            return "fact \(lsn)"
        } catch EngineOpenError.log(.locked) { return "locked" } catch { return "\(error)" }
    }

    @Test(
        arguments: [
            { $0.workers = 0 }, { $0.workers = 65 }, { $0.timelineCap = 0 }, { $0.celebrityThreshold = 0 },
            { $0.celebrityHysteresisPercent = 101 }, { $0.writeQueueLimit = 0 }, { $0.maximumPosts = 0 },
            { $0.maximumUsers = 1 << 32 }, { $0.maximumIdempotencyKeys = -1 }, { $0.log.maximumRecordBytes = 100_000 },
        ] as [@Sendable (inout EngineConfiguration) -> Void])
    func settingOutOfRangeIsRefused(change: @Sendable (inout EngineConfiguration) -> Void) {
        let disk = SimulatedDisk(seed: 1)
        #expect(problem(disk, change) == "configuration")
        #expect(disk.files.isEmpty)
    }

    @Test func directoryIsLockedWhileAnEngineIsOpen() throws {
        let disk = SimulatedDisk(seed: 1)
        let engine = try open(disk)
        #expect(problem(disk) == "locked")
        try engine.close()
        #expect(problem(disk) == "none")
    }

    @Test func limitBelowWhatTheLogHoldsIsAProblemOfTheConfiguration() throws {
        let disk = SimulatedDisk(seed: 1)
        let fixture = try EngineFixture(disk: disk)
        for author in UInt64(1)...5 { _ = try fixture.post(author) }
        try fixture.engine.close()
        #expect(problem(disk) { $0.maximumUsers = 4 } == "configuration")
        #expect(problem(disk) { $0.maximumPosts = 4 } == "configuration")
        #expect(
            problem(disk) {
                $0.maximumUsers = 5
                $0.maximumPosts = 5
            } == "none")
    }

    // MARK: Records that no engine wrote

    /// A log with one record.
    private func disk(record: [UInt8]) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1)
        var configuration = EngineFixture.smallConfiguration().log
        configuration.maximumRecordBytes = 4 << 20
        let writer = try Log.open(directory: "/data", disk: disk, configuration: configuration, newLogID: 7).writer
        try writer.reserve(bytes: LogWriter.reservation(valueBytes: record.count))
        _ = try record.withUnsafeBytes { try writer.append(timestamp: 1, key: 1, value: $0) }
        try writer.close(clean: true)
        return disk
    }

    /// A protobuf field with a length.
    private func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var header = [number << 3 | 2]
        var length = bytes.count
        while length >= 0x80 {
            header.append(UInt8(length & 0x7f | 0x80))
            length >>= 7
        }
        return header + [UInt8(length)] + bytes
    }

    private func numbers(_ values: some Sequence<UInt64>) -> [UInt8] {
        values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    }

    @Test func bytesThatAreNoFactAreRefused() throws {
        #expect(problem(try disk(record: [0xff, 0xff, 0xff])) == "fact 1")
    }

    @Test(arguments: [[], [0xf8, 0x01, 0x05]] as [[UInt8]])
    func factOfAnotherVersionIsRefused(record: [UInt8]) throws {
        #expect(problem(try disk(record: record)) == "fact 1")
    }

    @Test func deletionOfAPostThatIsNotThereIsRefused() throws {
        #expect(problem(try disk(record: field(5, [0x09] + numbers([77])))) == "fact 1")
    }

    @Test func edgeListsOfDifferentLengthsAreRefused() throws {
        let record = field(3, field(1, numbers([1, 2])) + field(2, numbers([3])))
        #expect(problem(try disk(record: record)) == "fact 1")
    }

    /// More edges than the ring has slots: waiting for room would never end.
    @Test func recordThatTheRingCannotHoldIsRefused() throws {
        let users = field(1, numbers(1...50_000))
        let targets = field(2, numbers(2...50_001))
        #expect(problem(try disk(record: field(3, users + targets))) == "fact 1")
    }
}
