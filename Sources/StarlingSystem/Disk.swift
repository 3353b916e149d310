/// The disk as Starling sees it. The engine and the log reach storage only through these two protocols, so that a test
/// can hand them a disk that loses, tears or refuses writes.
///
/// Paths are absolute or relative to the working directory, with `/` between parts. All calls block. Every method may
/// be called from any thread; one file is written by one thread at a time.
public protocol Disk: AnyObject, Sendable {
    /// Creates `path` and its missing parents. Does nothing when it exists.
    func createDirectory(_ path: String) throws(DiskError)
    /// Names (not paths) of the entries of `path`, in ascending order.
    func list(_ path: String) throws(DiskError) -> [String]
    /// Whether there is a file or directory at `path`.
    func exists(_ path: String) -> Bool
    /// Opens a regular file. Symbolic links are refused.
    func open(_ path: String, _ mode: DiskOpenMode) throws(DiskError) -> any DiskFile
    /// Renames a file, replacing what is at `destination`. Durable after `syncDirectory` of the parent.
    func rename(_ source: String, to destination: String) throws(DiskError)
    /// Removes a file. Durable after `syncDirectory` of the parent.
    func remove(_ path: String) throws(DiskError)
    /// Makes created, renamed and removed names in `path` durable (fsync of the directory).
    func syncDirectory(_ path: String) throws(DiskError)
    /// Takes the exclusive lock at `path`, creating the file. The kernel releases it when the process ends.
    /// Throws `DiskError` with `EWOULDBLOCK` when another process holds it.
    func lock(_ path: String) throws(DiskError) -> any DiskLock
}

/// How a file is opened.
public enum DiskOpenMode: Sendable {
    /// For reading; it must exist.
    case read
    /// For reading and writing; it must exist.
    case readWrite
    /// For reading and writing; it must not exist yet.
    case create
    /// As `create`, for secrets: only the owner can read it.
    case createPrivate
}

/// An open file. Closed by `close()`, or when the last reference goes.
public protocol DiskFile: AnyObject, Sendable {
    /// The path that it was opened with.
    var path: String { get }
    /// Its size in bytes.
    func size() throws(DiskError) -> UInt64
    /// Fills `buffer` from byte `offset`; returns how many bytes were read: fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int
    /// Writes all of `bytes` at byte `offset`. Not durable before `sync`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError)
    /// Reserves blocks up to `size` bytes and extends the file with zeros to that size. Never shrinks it.
    func preallocate(_ size: UInt64) throws(DiskError)
    /// Cuts or extends the file to `size` bytes.
    func truncate(_ size: UInt64) throws(DiskError)
    /// Makes the file's data durable (fdatasync). After a failure nothing is known about what reached the disk.
    func sync() throws(DiskError)
    /// Maps `count` bytes from byte `offset` privately over memory at `address` that the caller has reserved: readable
    /// and writable, copied when written, never written through. What lay there is replaced. Costs no read before a page
    /// is touched.
    ///
    /// `address`, `offset` and `count` are multiples of 4096; else it throws `EINVAL`. Bytes behind the end of the file
    /// throw `ENXIO`. The file must not change or shrink while it is mapped: a page that is gone ends the process with
    /// SIGBUS when it is touched. The mapping outlives `close()`.
    func map(into address: UnsafeMutableRawPointer, count: Int, at offset: UInt64) throws(DiskError)
    /// Tells the system that the file's clean pages need not stay in memory, so that the next read comes from the
    /// device. A hint: nothing fails.
    func dropCache()
    /// Asks the system to begin to read the whole file into memory. A hint: nothing fails.
    func readAhead()
    /// Closes the descriptor. Later calls fail.
    func close()
}

/// A held lock; released when the last reference goes.
public protocol DiskLock: AnyObject, Sendable {}

/// A failed call to the disk: what was tried, on which file, and the system's error number.
public struct DiskError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call that failed, for example `pwrite`.
    public let operation: String
    /// The file or directory.
    public let path: String
    /// The `errno` that the system gave.
    public let code: Int32

    /// Creates an error.
    public init(operation: String, path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// Whether the disk, or the quota, is full.
    public var isOutOfSpace: Bool { code == SystemErrorCode.noSpace || code == SystemErrorCode.quotaExceeded }

    /// One line for people: call, file, and the system's text.
    public var description: String { "\(operation) \(path): \(SystemErrorCode.text(code))" }
}
