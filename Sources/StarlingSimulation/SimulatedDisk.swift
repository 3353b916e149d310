import StarlingSystem
import Synchronization

/// A disk in memory that behaves as badly as a disk may, by a seed: what was not synced can vanish or tear when it
/// crashes, calls can be made to fail, space can run out, and bits can rot. Equal seeds and equal calls give equal disks.
///
/// Any thread may use it; each call holds one mutex.
public final class SimulatedDisk: Disk {
    let state: Mutex<SimulatedDiskState>

    /// An empty disk. With a `capacity` in bytes, growing past it fails with `ENOSPC`.
    public init(seed: UInt64, capacity: UInt64? = nil) {
        state = Mutex(SimulatedDiskState(seed: seed, capacity: capacity))
    }

    /// A disk with the same files, all durable, and nothing else of `other`: no handles, locks or faults. With another
    /// `mode`, with what a loss of power would leave of them.
    public init(copying other: SimulatedDisk, seed: UInt64, after mode: CrashMode = .keepUnsynced) {
        var copy = other.state.withLock { $0 }
        copy.random = SeededRandom(seed: seed)
        copy.crash(mode)
        copy.changes = 0
        state = Mutex(copy)
    }

    /// Creates a directory and its missing parents; each is durable once its own parent is synced.
    public func createDirectory(_ path: String) throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            try state.begin(.createDirectory, path)
            var made = ""
            for part in SimulatedNames.normal(path).split(separator: "/") {
                made += made.isEmpty ? String(part) : "/" + part
                switch state.names.node(made) {
                case .directory?: continue
                case .file?: throw state.failure(.createDirectory, made, SystemErrorCode.exists)
                case nil: state.names.add(made, .directory)
                }
            }
        }
    }

    /// Names in a directory, in ascending order.
    public func list(_ path: String) throws(DiskError) -> [String] {
        try state.withLock { state throws(DiskError) -> [String] in
            try state.begin(.list, path)
            let directory = SimulatedNames.normal(path)
            guard state.names.isDirectory(directory) else { throw state.failure(.list, path, SystemErrorCode.notFound) }
            return state.names.list(directory)
        }
    }

    /// Whether there is a file or directory. False for everything while the power is off.
    public func exists(_ path: String) -> Bool {
        state.withLock { $0.isPowered && $0.names.node(SimulatedNames.normal(path)) != nil }
    }

    /// Opens or creates a file. The handle is void after the next crash.
    public func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let (inode, era) = try state.withLock { state throws(DiskError) -> (Int, Int) in
            try state.begin(.open, path)
            let name = SimulatedNames.normal(path)
            if mode == .create || mode == .createPrivate {
                guard state.names.isDirectory(SimulatedNames.parent(of: name)) else {
                    throw state.failure(.open, path, SystemErrorCode.notFound)
                }
                guard state.names.node(name) == nil else { throw state.failure(.open, path, SystemErrorCode.exists) }
                let inode = state.nextInode
                state.nextInode += 1
                state.inodes[inode] = SimulatedInode()
                state.names.add(name, .file(inode))
                return (inode, state.era)
            }
            guard case .file(let inode)? = state.names.node(name) else {
                throw state.failure(.open, path, SystemErrorCode.notFound)
            }
            return (inode, state.era)
        }
        return SimulatedFile(disk: self, path: path, inode: inode, era: era, isWritable: mode != .read)
    }

    /// Renames a file. After a crash both names may be as before, until the directories are synced.
    public func rename(_ source: String, to destination: String) throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            try state.begin(.rename, source)
            let (from, to) = (SimulatedNames.normal(source), SimulatedNames.normal(destination))
            guard case .file? = state.names.node(from), state.names.isDirectory(SimulatedNames.parent(of: to)) else {
                throw state.failure(.rename, source, SystemErrorCode.notFound)
            }
            state.names.move(from, to: to)
        }
    }

    /// Removes a file. After a crash it may be there again, until the directory is synced.
    public func remove(_ path: String) throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            try state.begin(.remove, path)
            let name = SimulatedNames.normal(path)
            guard case .file? = state.names.node(name) else {
                throw state.failure(.remove, path, SystemErrorCode.notFound)
            }
            state.names.remove(name)
        }
    }

    /// Makes the names in a directory durable. The files themselves are synced by their handles.
    public func syncDirectory(_ path: String) throws(DiskError) {
        try state.withLock { state throws(DiskError) in
            try state.begin(.syncDirectory, path)
            let name = SimulatedNames.normal(path)
            guard state.names.isDirectory(name) else {
                throw state.failure(.syncDirectory, path, SystemErrorCode.notFound)
            }
            if !state.ignoresSyncs { state.names.sync(name) }
        }
    }

    /// Takes a lock, which the end of the handle or a crash releases.
    public func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let name = SimulatedNames.normal(path)
        let era = try state.withLock { state throws(DiskError) -> Int in
            try state.begin(.lock, path)
            guard state.names.isDirectory(SimulatedNames.parent(of: name)) else {
                throw state.failure(.lock, path, SystemErrorCode.notFound)
            }
            guard state.locks.insert(name).inserted else {
                throw state.failure(.lock, path, SystemErrorCode.wouldBlock)
            }
            if state.names.node(name) == nil {
                state.inodes[state.nextInode] = SimulatedInode()
                state.names.add(name, .file(state.nextInode))
                state.nextInode += 1
            }
            return state.era
        }
        return SimulatedLock(disk: self, name: name, era: era)
    }
}

/// A lock of a `SimulatedDisk`.
final class SimulatedLock: DiskLock {
    private let disk: SimulatedDisk
    private let name: String
    private let era: Int

    init(disk: SimulatedDisk, name: String, era: Int) {
        self.disk = disk
        self.name = name
        self.era = era
    }

    deinit {
        disk.state.withLock { state in
            if state.era == era { state.locks.remove(name) }
        }
    }
}
