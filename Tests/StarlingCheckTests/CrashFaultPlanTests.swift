import StarlingSimulation
import StarlingSystem
import Testing

/// The text of a fault plan, and what a disk with one does. What kills is tested with whole processes.
@Suite struct CrashFaultPlanTests {
    @Test(arguments: [
        "kill-before:sync:17", "kill-middle:write:1", "kill-after:any:3", "eio:rename:2-9", "enospc:preallocate:4",
        "sync=noop", "eio:write:3,enospc:create:1-2,sync=noop",
    ])
    func textIsReadAndWrittenAlike(text: String) throws {
        let plan = try #require(FaultPlan(text))
        #expect(plan.description == text)
        #expect(FaultPlan(plan.description) == plan)
    }

    @Test(arguments: [
        "", ",", "kill", "kill-before:sync", "kill-before:sync:0", "kill-before:sync:x", "kill-before:read:1",
        "die:sync:1", "eio:sync:5-4", "eio:sync:1-2-3", "eio:sync:-1", "sync=no", "eio:sync:1:2",
        "eio:sync:18446744073709551616",
    ])
    func otherTextIsRefused(text: String) { #expect(FaultPlan(text) == nil) }

    @Test func callsOfAKindAreCountedForThemselves() throws {
        let (disk, file) = try disk("eio:write:2")
        try write(1, to: file)
        try file.sync()
        try disk.syncDirectory("/")
        let error = #expect(throws: DiskError.self) { try write(2, to: file) }
        #expect(error?.code == 5 && error?.path == "/file")
        try write(3, to: file)
        #expect(try bytes(of: file) == [3], "the failed write has done nothing")
    }

    @Test func anyCountsAllCallsThatChangeTheDisk() throws {
        // The first is the making of the file.
        let (disk, file) = try disk("enospc:any:3-4")
        try write(1, to: file)
        _ = try file.size()
        #expect(disk.exists("/file"))
        #expect(throws: DiskError.self) { try file.truncate(0) }
        #expect(throws: DiskError.self) { try disk.remove("/file") }
        #expect(try bytes(of: file) == [1])
        try disk.remove("/file")
        #expect(!disk.exists("/file"))
    }

    @Test func everyKindOfCallCanFail() throws {
        let calls: [(FaultPlan.Call, (any Disk, any DiskFile) throws -> Void)] = [
            (.write, { try write(1, to: $1) }), (.sync, { try $1.sync() }),
            (.rename, { disk, _ in try disk.rename("/file", to: "/other") }),
            (.remove, { disk, _ in try disk.remove("/file") }),
            (.syncDirectory, { disk, _ in try disk.syncDirectory("/") }),
            (.preallocate, { try $1.preallocate(9) }), (.truncate, { try $1.truncate(9) }),
            (.create, { disk, _ in _ = try disk.open("/new", .create) }),
        ]
        #expect(Set(calls.map(\.0)) == Set(FaultPlan.Call.allCases))
        for (call, run) in calls {
            // The first `create` makes the file.
            let (disk, file) = try disk("enospc:\(call.rawValue):\(call == .create ? 2 : 1)")
            let error = #expect(throws: DiskError.self, "\(call)") { try run(disk, file) }
            #expect(error?.isOutOfSpace == true && error?.operation.contains(call.rawValue) == true)
            try run(disk, file)
        }
    }

    @Test(arguments: [true, false]) func ignoredSyncsKeepNothing(ignores: Bool) throws {
        let simulated = SimulatedDisk(seed: 1)
        let disk = FaultInjectingDisk(simulated, plan: FaultPlan(ignoresSyncs: ignores))
        let file = try disk.open("/file", .create)
        try write(1, to: file)
        try file.sync()
        try disk.syncDirectory("/")
        simulated.crash(.loseUnsynced)
        #expect(simulated.exists("/file") == !ignores)
    }

    private func disk(_ plan: String) throws -> (any Disk, any DiskFile) {
        let disk = FaultInjectingDisk(SimulatedDisk(seed: 1), plan: try #require(FaultPlan(plan)))
        return (disk, try disk.open("/file", .create))
    }
}

private func write(_ byte: UInt8, to file: any DiskFile) throws {
    try [byte].withUnsafeBytes { try file.write($0, at: 0) }
}

private func bytes(of file: any DiskFile) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return Array(bytes.prefix(count))
}
