import StarlingSimulation
import StarlingSystem
import Testing

/// What the simulation asks of the simulated disk beyond the log's own tests.
@Suite struct SimulatedFaultTests {
    private func file(_ disk: SimulatedDisk, bytes: [UInt8]) throws -> any DiskFile {
        let file = try disk.open("/f", .create)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        return file
    }

    private func write(_ byte: UInt8, count: Int, to file: any DiskFile) throws {
        let bytes = [UInt8](repeating: byte, count: count)
        try bytes.withUnsafeBytes { try file.write($0, at: 0) }
    }

    @Test func theEndOfAProcessKeepsWhatWasNotSyncedUntilThePowerGoes() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try file(disk, bytes: [1, 1])
        try file.sync()
        try disk.syncDirectory("/")
        try write(2, count: 2, to: file)
        disk.endProcess()
        #expect(disk.contents("/f") == [2, 2])
        #expect(throws: DiskError.self) { try file.sync() }
        disk.crash(.loseUnsynced)
        #expect(disk.contents("/f") == [1, 1])
    }

    @Test func theEndOfAProcessReleasesItsLocksAndTurnsTheCallsOnAgain() throws {
        let disk = SimulatedDisk(seed: 1)
        let lock = try disk.lock("/lock")
        disk.failPower(afterChanges: 0)
        #expect(throws: DiskError.self) { try disk.createDirectory("/d") }
        disk.endProcess()
        try disk.createDirectory("/d")
        #expect(throws: Never.self) { try disk.lock("/lock") }
        withExtendedLifetime(lock) {}
    }

    @Test func aTornWriteLeavesABeginning() throws {
        var lengths: Set<Int> = []
        for seed: UInt64 in 1...40 {
            let disk = SimulatedDisk(seed: seed)
            let file = try file(disk, bytes: [UInt8](repeating: 1, count: 8))
            disk.failPower(afterChanges: 0, tearing: true)
            #expect(throws: DiskError.self) { try write(2, count: 8, to: file) }
            disk.endProcess()
            let content = try #require(disk.contents("/f"))
            let torn = content.prefix { $0 == 2 }.count
            #expect(content.dropFirst(torn).allSatisfy { $0 == 1 })
            #expect(content.count == 8)
            lengths.insert(torn)
        }
        #expect(lengths.count > 4)
    }

    @Test func ignoredSyncsReportSuccessAndDoNothing() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setSyncsIgnored(true)
        let file = try file(disk, bytes: [1])
        try file.sync()
        try disk.syncDirectory("/")
        disk.crash(.loseUnsynced)
        #expect(disk.contents("/f") == nil)
    }

    @Test func droppingTheCacheShowsWhatAFailedSyncHasLost() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try file(disk, bytes: [1])
        try file.sync()
        try write(2, count: 1, to: file)
        disk.fail(.sync, code: SystemErrorCode.inputOutput)
        #expect(throws: DiskError.self) { try file.sync() }
        try file.sync()
        #expect(disk.contents("/f") == [2])
        file.dropCache()
        #expect(disk.contents("/f") == [1])
        #expect(disk.faultCount(of: .sync) == 1)
    }

    @Test func syncsWithoutPowerGiveNothingUp() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try file(disk, bytes: [1])
        disk.failPower(afterChanges: 0)
        #expect(throws: DiskError.self) { try file.sync() }
        disk.endProcess()
        let again = try disk.open("/f", .readWrite)
        try again.sync()
        try disk.syncDirectory("/")
        disk.crash(.loseUnsynced)
        #expect(disk.contents("/f") == [1])
    }

    @Test func aCopyHoldsWhatALossOfPowerWouldLeave() throws {
        let disk = SimulatedDisk(seed: 1)
        let file = try file(disk, bytes: [1])
        try file.sync()
        try disk.syncDirectory("/")
        try write(2, count: 1, to: file)
        #expect(SimulatedDisk(copying: disk, seed: 1).contents("/f") == [2])
        #expect(SimulatedDisk(copying: disk, seed: 1, after: .loseUnsynced).contents("/f") == [1])
        #expect(disk.contents("/f") == [2])
    }

    @Test func whatIsDiscardedNeverComesBackAndCostsNoCall() throws {
        let disk = SimulatedDisk(seed: 1)
        for directory in ["/d", "/d/e", "/dd"] { try disk.createDirectory(directory) }
        disk.replace("/d/e/f", with: [1])
        disk.replace("/dd/f", with: [1])
        let calls = disk.changeCount
        disk.failPower(afterChanges: 0)
        disk.discard("/d")
        #expect(disk.changeCount == calls && disk.isPowered)
        disk.crash(.keepUnsynced)
        #expect(!disk.exists("/d") && !disk.exists("/d/e"))
        #expect(disk.files == ["dd/f"])
    }

    @Test func namesAreListedHoweverTheDirectoryIsSpelt() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.replace("data/log/1", with: [])
        disk.replace("data/log.old/2", with: [])
        for path in ["data", "/data", "data/", "./data", "//data/./"] {
            #expect(try disk.list(path) == ["log", "log.old"], "\(path)")
            #expect(disk.exists(path + "/log/1"), "\(path)")
        }
        #expect(try disk.list("/") == ["data"])
        #expect(try disk.list(".") == ["data"])
    }

    @Test func aFullDiskIsCounted() throws {
        let disk = SimulatedDisk(seed: 1, capacity: 4)
        #expect(throws: DiskError.self) { _ = try self.file(disk, bytes: [1, 2, 3, 4, 5]) }
        #expect(disk.fullCount == 1)
        #expect(disk.disturbances == 1)
    }
}
