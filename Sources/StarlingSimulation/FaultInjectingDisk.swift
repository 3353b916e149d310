import Glibc
import StarlingSystem
import Synchronization

/// Another disk, with faults between it and its user: the process is killed at the k-th call of a kind, calls fail, or syncs
/// do nothing. For tests of whole processes, on the file systems that they will run on.
///
/// Any thread may use it. Costs one mutex a call that changes the disk; reads are not touched.
public final class FaultInjectingDisk: Disk {
    private let disk: any Disk
    private let gate: FaultGate

    /// Puts `plan` in front of `disk`.
    public init(_ disk: any Disk, plan: FaultPlan) {
        self.disk = disk
        gate = FaultGate(plan: plan)
    }

    /// Not counted.
    public func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }

    /// Not counted.
    public func list(_ path: String) throws(DiskError) -> [String] { try disk.list(path) }

    /// Not counted.
    public func exists(_ path: String) -> Bool { disk.exists(path) }

    /// Counted as `create` in those modes only.
    public func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        guard mode == .create || mode == .createPrivate else {
            return FaultInjectingFile(try disk.open(path, mode), gate)
        }
        return try gate.pass(.create, path) { () throws(DiskError) in
            FaultInjectingFile(try disk.open(path, mode), gate)
        }
    }

    /// Counted as `rename`.
    public func rename(_ source: String, to destination: String) throws(DiskError) {
        try gate.pass(.rename, source) { () throws(DiskError) in try disk.rename(source, to: destination) }
    }

    /// Counted as `remove`.
    public func remove(_ path: String) throws(DiskError) {
        try gate.pass(.remove, path) { () throws(DiskError) in try disk.remove(path) }
    }

    /// Counted as `syncDirectory`.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try gate.pass(.syncDirectory, path) { () throws(DiskError) in
            if !gate.ignoresSyncs { try disk.syncDirectory(path) }
        }
    }

    /// Not counted.
    public func lock(_ path: String) throws(DiskError) -> any DiskLock { try disk.lock(path) }
}

/// Counts calls and decides about each.
final class FaultGate: Sendable {
    private let plan: FaultPlan
    private let counts = Mutex(Counts())

    private struct Counts {
        var total: UInt64 = 0
        var each: [FaultPlan.Call: UInt64] = [:]
    }

    init(plan: FaultPlan) { self.plan = plan }

    var ignoresSyncs: Bool { plan.ignoresSyncs }

    /// Makes a call, or lets it fail, or does not survive it. `half` makes half of it.
    func pass<Result>(
        _ call: FaultPlan.Call, _ path: String, half: () throws(DiskError) -> Void = {},
        _ body: () throws(DiskError) -> Result
    ) throws(DiskError) -> Result {
        let action = next(call)
        switch action {
        case .killBefore: Self.die()
        case .killMiddle:
            try half()
            Self.die()
        case .inputOutputError: throw DiskError(operation: "injected \(call.rawValue)", path: path, code: EIO)
        case .noSpace: throw DiskError(operation: "injected \(call.rawValue)", path: path, code: ENOSPC)
        case .killAfter, nil: break
        }
        let result = try body()
        if action == .killAfter { Self.die() }
        return result
    }

    private func next(_ call: FaultPlan.Call) -> FaultPlan.Action? {
        counts.withLock { counts in
            counts.total += 1
            counts.each[call, default: 0] += 1
            let (total, own) = (counts.total, counts.each[call] ?? 0)
            let fault = plan.faults.first { fault in
                switch fault.call {
                case nil: fault.counts.contains(total)
                case call: fault.counts.contains(own)
                case .some: false
                }
            }
            return fault?.action
        }
    }

    /// By a signal, as the system or an operator would: nothing is run, nothing flushed.
    private static func die() -> Never {
        kill(getpid(), SIGKILL)
        fatalError("a process does not survive SIGKILL")
    }
}

/// A file of a `FaultInjectingDisk`.
final class FaultInjectingFile: DiskFile {
    private let file: any DiskFile
    private let gate: FaultGate

    init(_ file: any DiskFile, _ gate: FaultGate) {
        self.file = file
        self.gate = gate
    }

    var path: String { file.path }

    func size() throws(DiskError) -> UInt64 { try file.size() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        try file.read(into: buffer, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        let half: () throws(DiskError) -> Void = { [file] () throws(DiskError) in
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
        }
        try gate.pass(.write, path, half: half) { () throws(DiskError) in try file.write(bytes, at: offset) }
    }

    func preallocate(_ size: UInt64) throws(DiskError) {
        try gate.pass(.preallocate, path) { () throws(DiskError) in try file.preallocate(size) }
    }

    func truncate(_ size: UInt64) throws(DiskError) {
        try gate.pass(.truncate, path) { () throws(DiskError) in try file.truncate(size) }
    }

    func sync() throws(DiskError) {
        try gate.pass(.sync, path) { () throws(DiskError) in if !gate.ignoresSyncs { try file.sync() } }
    }

    func map(into address: UnsafeMutableRawPointer, count: Int, at offset: UInt64) throws(DiskError) {
        try file.map(into: address, count: count, at: offset)
    }

    func dropCache() { file.dropCache() }

    func readAhead() { file.readAhead() }

    func close() { file.close() }
}
