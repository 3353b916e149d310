import StarlingSimulation
import StarlingSystem
import Testing

/// The disk that the other tests rely on has to lose what a disk may lose, and nothing else.
@Suite struct SimulatedDiskTests {
    private func write(_ file: any DiskFile, _ bytes: [UInt8], at offset: UInt64 = 0) throws(DiskError) {
        let result = bytes.withUnsafeBytes { buffer in
            Result<Void, DiskError> { () throws(DiskError) in try file.write(buffer, at: offset) }
        }
        try result.get()
    }

    private func durableFile(_ disk: SimulatedDisk, _ bytes: [UInt8]) throws -> any DiskFile {
        try disk.createDirectory("d")
        try disk.syncDirectory(".")
        let file = try disk.open("d/f", .create)
        try write(file, bytes)
        try file.sync()
        try disk.syncDirectory("d")
        return file
    }

    @Test func syncedBytesSurviveEveryMode() throws {
        for mode in CrashMode.allCases {
            for seed in 0..<20 as Range<UInt64> {
                let disk = SimulatedDisk(seed: seed)
                let bytes = (0..<1_500).map { UInt8(truncatingIfNeeded: $0) }
                let file = try durableFile(disk, bytes)
                try write(file, Array(repeating: 0xee, count: 1_000), at: 1_500)
                disk.crash(mode)
                #expect(disk.contents("d/f").map { Array($0.prefix(1_500)) } == bytes)
            }
        }
    }

    @Test func unsyncedBytesAreLostKeptOrTorn() throws {
        var outcomes: Set<[UInt8]> = []
        for seed in 0..<40 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed)
            let file = try durableFile(disk, Array(repeating: 1, count: 1_024))
            try write(file, Array(repeating: 2, count: 1_024))
            disk.crash(.randomSectors)
            let content = try #require(disk.contents("d/f"))
            #expect(content.count == 1_024)
            outcomes.insert([content[0], content[512]])
        }
        for pair: [UInt8] in [[1, 1], [1, 2], [2, 1], [2, 2]] { #expect(outcomes.contains(pair)) }
        let lost = SimulatedDisk(seed: 1)
        let file = try durableFile(lost, [1, 2, 3])
        try write(file, [9], at: 1)
        try file.truncate(2)
        lost.crash(.loseUnsynced)
        #expect(lost.contents("d/f") == [1, 2, 3])
    }

    @Test func namesNeedTheirDirectorySynced() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try durableFile(disk, [1])
        file.close()
        let fresh = try disk.open("d/fresh", .create)
        try write(fresh, [5])
        try fresh.sync()
        try disk.rename("d/f", to: "d/g")
        disk.crash(.loseUnsynced)
        #expect(disk.files == ["d/f"])
        try disk.rename("d/f", to: "d/g")
        try disk.syncDirectory("d")
        try disk.remove("d/g")
        disk.crash(.loseUnsynced)
        #expect(disk.files == ["d/g"])
        #expect(disk.contents("d/g") == [1])
    }

    @Test func aNameCannotOutliveItsDirectory() throws {
        let disk = SimulatedDisk(seed: 1)
        try disk.createDirectory("a/b")
        _ = try disk.open("a/b/f", .create)
        try disk.syncDirectory("a/b")
        disk.crash(.loseUnsynced)
        #expect(disk.files == [])
        #expect(!disk.exists("a"))
    }

    @Test func crashesVoidHandlesAndLocks() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try durableFile(disk, [1])
        let lock = try disk.lock("d/lock")
        #expect(throws: DiskError(operation: "lock", path: "d/lock", code: SystemErrorCode.wouldBlock)) {
            try disk.lock("d/lock")
        }
        disk.crash(.keepUnsynced)
        #expect(throws: DiskError.self) { try write(file, [2]) }
        #expect(throws: DiskError.self) { try file.sync() }
        _ = try disk.lock("d/lock")
        withExtendedLifetime(lock) {}
    }

    @Test func aFailedSyncGivesUpTheData() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try durableFile(disk, [1])
        try write(file, [2])
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        #expect(throws: DiskError.self) { try file.sync() }
        try file.sync()
        disk.crash(.loseUnsynced)
        #expect(disk.contents("d/f") == [1])
    }

    @Test func faultsHitTheCountedCall() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try durableFile(disk, [1])
        disk.fail(.write, afterCalls: 2, code: SystemErrorCode.inputOutput)
        try write(file, [2])
        try write(file, [3])
        #expect(throws: DiskError.self) { try write(file, [4]) }
        try write(file, [5])
        #expect(disk.contents("d/f") == [5])
    }

    @Test func powerFailsAfterTheGivenChanges() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try durableFile(disk, [1])
        disk.failPower(afterChanges: 2)
        try write(file, [2])
        try file.sync()
        #expect(throws: DiskError.self) { try write(file, [3]) }
        #expect(throws: DiskError.self) { try disk.list("d") }
        disk.crash(.loseUnsynced)
        #expect(disk.contents("d/f") == [2])
        #expect(try disk.list("d") == ["f"])
    }

    @Test func aFullDiskTakesWhatFits() throws {
        let disk = SimulatedDisk(seed: 1, capacity: 4)
        try disk.createDirectory("d")
        let file = try disk.open("d/f", .create)
        let full = DiskError(operation: "write", path: "d/f", code: SystemErrorCode.noSpace)
        #expect(throws: full) { try write(file, [1, 2, 3, 4, 5, 6]) }
        #expect(disk.contents("d/f") == [1, 2, 3, 4])
        try write(file, [9], at: 3)
        #expect(throws: DiskError.self) { try file.preallocate(5) }
        disk.setCapacity(8)
        try file.preallocate(8)
        #expect(disk.contents("d/f") == [1, 2, 3, 9, 0, 0, 0, 0])
    }

    @Test func equalSeedsGiveEqualDisks() throws {
        func run(_ seed: UInt64) throws -> [UInt8]? {
            let disk = SimulatedDisk(seed: seed)
            let file = try durableFile(disk, Array(repeating: 1, count: 4_000))
            try write(file, Array(repeating: 2, count: 9_000), at: 100)
            disk.crash(.randomSectors)
            return disk.contents("d/f")
        }
        #expect(try run(5) == run(5))
        #expect(try run(5) != run(6))
    }
}
