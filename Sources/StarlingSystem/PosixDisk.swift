import CStarling
import Glibc

/// The machine's own file system, by plain system calls (`pwrite`, `pread`, `fdatasync`), so that a fault can be
/// injected between the process and the kernel.
public final class PosixDisk: Disk {
    /// Creates a disk. It holds no state.
    public init() {}

    /// Like `mkdir -p`, with mode 0750.
    public func createDirectory(_ path: String) throws(DiskError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? String(part) : "/" + part
            if mkdir(made, 0o750) != 0, errno != EEXIST { throw DiskError(operation: "mkdir", path: made, code: errno) }
        }
    }

    /// The names in byte order.
    public func list(_ path: String) throws(DiskError) -> [String] {
        guard let directory = opendir(path) else { throw DiskError(operation: "opendir", path: path, code: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// By `access`.
    public func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Never follows a symbolic link; new files have mode 0640, or 0600.
    public func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile {
        let flags: Int32 =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .create, .createPrivate: O_RDWR | O_CREAT | O_EXCL
            }
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode == .createPrivate ? 0o600 : 0o640)
        guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
        return PosixFile(path: path, descriptor: descriptor)
    }

    /// By `rename`.
    public func rename(_ source: String, to destination: String) throws(DiskError) {
        if Glibc.rename(source, destination) != 0 { throw DiskError(operation: "rename", path: source, code: errno) }
    }

    /// By `unlink`.
    public func remove(_ path: String) throws(DiskError) {
        if unlink(path) != 0 { throw DiskError(operation: "unlink", path: path, code: errno) }
    }

    /// By `fsync` of the directory.
    public func syncDirectory(_ path: String) throws(DiskError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
        defer { _ = Glibc.close(descriptor) }
        if fsync(descriptor) != 0 { throw DiskError(operation: "fsync", path: path, code: errno) }
    }

    /// By `flock`, tried five times within 200 ms.
    public func lock(_ path: String) throws(DiskError) -> any DiskLock {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw DiskError(operation: "open", path: path, code: errno) }
        // A dead process may keep its lock for a moment while the kernel tidies up: five tries of 50 ms.
        for attempt in 0..<5 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return PosixLock(descriptor: descriptor) }
            let code = errno
            guard code == EWOULDBLOCK || code == EINTR, attempt < 4 else {
                _ = Glibc.close(descriptor)
                throw DiskError(operation: "flock", path: path, code: code)
            }
            usleep(50_000)
        }
        preconditionFailure("the last attempt returns or throws")
    }
}

final class PosixLock: DiskLock {
    let descriptor: Int32
    init(descriptor: Int32) { self.descriptor = descriptor }
    deinit { _ = Glibc.close(descriptor) }
}
