import Glibc
import StarlingSystem
import Synchronization

/// A file of a `SimulatedDisk`. Fails with `EIO` after it was closed and after the disk has crashed, and when it is
/// written through a handle for reading.
final class SimulatedFile: DiskFile {
    let path: String
    private let disk: SimulatedDisk
    private let inode: Int
    private let era: Int
    private let isWritable: Bool
    private let isOpen = Atomic<Bool>(true)

    init(disk: SimulatedDisk, path: String, inode: Int, era: Int, isWritable: Bool) {
        self.disk = disk
        self.path = path
        self.inode = inode
        self.era = era
        self.isWritable = isWritable
    }

    private func check(
        _ operation: DiskOperation, _ state: inout SimulatedDiskState, writing: Bool = true
    ) throws(DiskError) {
        guard isOpen.load(ordering: .acquiring), state.era == era, isWritable || !writing, state.inodes[inode] != nil
        else { throw state.failure(operation, path, SystemErrorCode.inputOutput) }
        do {
            try state.begin(operation, path)
        } catch {
            // Without power nobody has tried to sync.
            if operation == .sync, state.isPowered { state.inodes[inode]?.abandonSync() }
            throw error
        }
    }

    func size() throws(DiskError) -> UInt64 {
        try disk.state.withLock { state throws(DiskError) -> UInt64 in
            guard isOpen.load(ordering: .acquiring), state.era == era, state.isPowered, let file = state.inodes[inode]
            else { throw state.failure(.read, path, SystemErrorCode.inputOutput) }
            return UInt64(file.current.count)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        try disk.state.withLock { state throws(DiskError) -> Int in
            try check(.read, &state, writing: false)
            guard let content = state.inodes[inode]?.current, offset < UInt64(content.count) else { return 0 }
            let start = Int(offset)
            let count = min(buffer.count, content.count - start)
            content.withUnsafeBytes { source in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<(start + count)]))
            }
            return count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        try disk.state.withLock { state throws(DiskError) in
            let wasPowered = state.isPowered
            do throws(DiskError) {
                try check(.write, &state)
            } catch {
                if wasPowered, !state.isPowered, state.tearsLastWrite { tear(bytes, at: offset, &state) }
                throw error
            }
            let size = state.inodes[inode]?.current.count ?? 0
            let end = Int(offset) + bytes.count
            let room = state.room(for: max(0, end - size))
            // A full disk takes what still fits, as the system call does.
            let fits = min(bytes.count, max(0, size + room - Int(offset)))
            state.inodes[inode]?.write(UnsafeRawBufferPointer(rebasing: bytes[..<fits]), at: Int(offset))
            if fits < bytes.count { throw state.failure(.write, path, SystemErrorCode.noSpace) }
        }
    }

    func preallocate(_ size: UInt64) throws(DiskError) {
        try disk.state.withLock { state throws(DiskError) in
            try check(.preallocate, &state)
            let growth = Int(size) - (state.inodes[inode]?.current.count ?? 0)
            if growth <= 0 { return }
            if state.room(for: growth) < growth { throw state.failure(.preallocate, path, SystemErrorCode.noSpace) }
            state.inodes[inode]?.resize(to: Int(size))
        }
    }

    func truncate(_ size: UInt64) throws(DiskError) {
        try disk.state.withLock { state throws(DiskError) in
            try check(.truncate, &state)
            state.inodes[inode]?.resize(to: Int(size))
        }
    }

    func sync() throws(DiskError) {
        try disk.state.withLock { state throws(DiskError) in
            try check(.sync, &state)
            if !state.ignoresSyncs { state.inodes[inode]?.sync() }
        }
    }

    /// What a write leaves that the end of the process cut short: a beginning.
    private func tear(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ state: inout SimulatedDiskState) {
        let length = Int(state.random.next() % UInt64(bytes.count + 1))
        let size = state.inodes[inode]?.current.count ?? 0
        // A file that was preallocated: what lies behind it would need room that nobody has asked for.
        let fits = min(length, max(0, size - Int(offset)))
        state.inodes[inode]?.write(UnsafeRawBufferPointer(rebasing: bytes[..<fits]), at: Int(offset))
    }

    /// A plain copy: what a private mapping of a file that does not change looks like.
    func map(into address: UnsafeMutableRawPointer, count: Int, at offset: UInt64) throws(DiskError) {
        try disk.state.withLock { state throws(DiskError) in
            guard count > 0 else { return }
            try check(.read, &state, writing: false)
            guard UInt(bitPattern: address) % 4096 == 0, count % 4096 == 0, offset % 4096 == 0 else {
                throw state.failure(.read, path, EINVAL)
            }
            let content = state.inodes[inode]?.current ?? []
            let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
            guard !overflow, end <= UInt64(content.count) else { throw state.failure(.read, path, ENXIO) }
            content.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(start: address, count: count)
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<Int(end)]))
            }
        }
    }

    /// Where a sync has failed, reads show what the platters hold from now on.
    func dropCache() {
        disk.state.withLock { state in
            guard isOpen.load(ordering: .acquiring), state.era == era, state.isPowered else { return }
            state.inodes[inode]?.dropCache()
        }
    }

    func readAhead() {}

    func close() { isOpen.store(false, ordering: .releasing) }
}
