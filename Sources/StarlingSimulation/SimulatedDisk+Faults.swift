import StarlingSystem
import Synchronization

extension SimulatedDisk {
    /// Cuts the power and turns it on again. What was not synced fares as `mode` says, every handle and lock is void, and
    /// planned faults are forgotten.
    public func crash(_ mode: CrashMode) { state.withLock { $0.crash(mode) } }

    /// Ends the process that uses the disk, while the machine goes on: every handle and lock is void, planned faults are
    /// forgotten, the power is on, and files are as the process left them, synced or not.
    public func endProcess() { state.withLock { $0.endProcess() } }

    /// Makes one call of `operation` fail with `code`: the next one, or the one after `callsBefore` more. A failed sync
    /// gives up on what it should have written: a later sync succeeds, and the data is not there after a crash.
    public func fail(_ operation: DiskOperation, afterCalls callsBefore: Int = 0, code: Int32) {
        state.withLock {
            $0.faults.append(SimulatedDiskState.Fault(operation: operation, callsBefore: callsBefore, code: code))
        }
    }

    /// Forgets faults that have not happened yet.
    public func clearFaults() { state.withLock { $0.faults = [] } }

    /// Lets `changes` more calls succeed that can change what a crash leaves; from then on every call fails with `EIO`,
    /// until `crash` or `endProcess`. With `tearing`, a write that is the first to fail leaves a beginning of itself, of
    /// random length.
    public func failPower(afterChanges changes: Int, tearing: Bool = false) {
        state.withLock {
            $0.powerFailure = $0.changes + changes + 1
            $0.tearsLastWrite = tearing
        }
    }

    /// Takes back `failPower` while the power is still on.
    public func disarmPower() { state.withLock { $0.powerFailure = nil } }

    /// With true, every sync from now on reports success and makes nothing durable: the worst disk there is. For proving
    /// that a test notices.
    public func setSyncsIgnored(_ ignored: Bool) { state.withLock { $0.ignoresSyncs = ignored } }

    /// How many planned faults of an operation have happened since the disk was made.
    public func faultCount(of operation: DiskOperation) -> Int {
        state.withLock { $0.faultCounts[operation.number] }
    }

    /// How many calls failed because the disk was full, since the disk was made.
    public var fullCount: Int { state.withLock { $0.fullCount } }

    /// How many calls failed by plan or for want of space, since the disk was made.
    public var disturbances: Int { state.withLock { $0.faultCounts.reduce($0.fullCount, +) } }

    /// Whether the power is on.
    public var isPowered: Bool { state.withLock { $0.isPowered } }

    /// How many calls so far could change what a crash leaves.
    public var changeCount: Int { state.withLock { $0.changes } }

    /// Sets how many bytes fit in all; nil for no limit.
    public func setCapacity(_ capacity: UInt64?) { state.withLock { $0.capacity = capacity } }

    /// Bytes that all files take.
    public var usedBytes: UInt64 { state.withLock { $0.usedBytes } }

    /// The paths of all files, in ascending order, without a leading `/`.
    public var files: [String] { state.withLock { $0.names.files.map { $0.path } } }

    /// What a program would read from the file now. Nil when there is none.
    public func contents(_ path: String) -> [UInt8]? {
        state.withLock { state in
            guard case .file(let inode)? = state.names.node(SimulatedNames.normal(path)) else { return nil }
            return state.inodes[inode]?.current
        }
    }

    /// Flips one bit of a byte of the stored file. Returns false when there is no such byte.
    @discardableResult
    public func corrupt(_ path: String, byte: Int, bit: Int) -> Bool {
        damage(path) { content in
            guard content.indices.contains(byte) else { return false }
            content[byte] ^= 1 << UInt8(bit & 7)
            return true
        }
    }

    /// Cuts the stored file to `size` bytes, or extends it by zeros. Returns false when there is no such file.
    @discardableResult
    public func truncate(_ path: String, to size: Int) -> Bool {
        damage(path) { content in
            if size < content.count { content.removeLast(content.count - size) }
            content.append(contentsOf: repeatElement(0, count: max(0, size - content.count)))
            return true
        }
    }

    /// Takes a directory and everything in it away, durably, as an operator would while the power is on. Nothing counts as a
    /// call, and no fault strikes.
    public func discard(_ directory: String) {
        state.withLock { $0.names.discard(SimulatedNames.normal(directory)) }
    }

    /// Replaces the stored file, durably. Makes it, and its directories, when missing.
    public func replace(_ path: String, with bytes: [UInt8]) {
        state.withLock { state in
            let name = SimulatedNames.normal(path)
            var made = ""
            for part in SimulatedNames.parent(of: name).split(separator: "/") {
                let parent = made
                made += made.isEmpty ? String(part) : "/" + part
                if state.names.node(made) == nil { state.names.add(made, .directory) }
                state.names.sync(parent)
            }
            if state.names.node(name) == nil {
                state.inodes[state.nextInode] = SimulatedInode()
                state.names.add(name, .file(state.nextInode))
                state.nextInode += 1
            }
            state.names.sync(made)
        }
        damage(path) { content in
            content = bytes
            return true
        }
    }

    @discardableResult
    private func damage(_ path: String, _ change: (inout [UInt8]) -> Bool) -> Bool {
        state.withLock { state in
            guard case .file(let inode)? = state.names.node(SimulatedNames.normal(path)) else { return false }
            var done = false
            state.inodes[inode]?.damage { done = change(&$0) || done }
            return done
        }
    }
}
