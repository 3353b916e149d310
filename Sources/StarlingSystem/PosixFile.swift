import CStarling
import Glibc
import Synchronization

/// A file of `PosixDisk`.
final class PosixFile: DiskFile {
    let path: String
    private let descriptor: Atomic<Int32>

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = Atomic(descriptor)
    }

    deinit { close() }

    private var handle: Int32 { descriptor.load(ordering: .relaxed) }

    private func failure(_ operation: String, _ code: Int32 = errno) -> DiskError {
        DiskError(operation: operation, path: path, code: code)
    }

    func size() throws(DiskError) -> UInt64 {
        var status = stat()
        if fstat(handle, &status) != 0 { throw failure("fstat") }
        return UInt64(status.st_size)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DiskError) -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let got = pread(handle, base + done, buffer.count - done, off_t(offset) + off_t(done))
            if got == 0 { break }
            if got < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw failure("pread")
            }
            done += got
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(DiskError) {
        guard let base = bytes.baseAddress else { return }
        var done = 0
        // A short write goes on at its own offset, so a repeated call can never double bytes.
        while done < bytes.count {
            let put = pwrite(handle, base + done, bytes.count - done, off_t(offset) + off_t(done))
            if put < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw failure("pwrite")
            }
            if put == 0 { throw failure("pwrite", EIO) }
            done += put
        }
    }

    func preallocate(_ size: UInt64) throws(DiskError) {
        let code = starling_fallocate(handle, Int64(size))
        if code == EOPNOTSUPP { return try truncateUp(size) }
        if code != 0 { throw failure("fallocate", code) }
    }

    private func truncateUp(_ size: UInt64) throws(DiskError) {
        if try self.size() < size { try truncate(size) }
    }

    func truncate(_ size: UInt64) throws(DiskError) {
        while ftruncate(handle, off_t(size)) != 0 {
            if errno != EINTR { throw failure("ftruncate") }
        }
    }

    func sync() throws(DiskError) {
        // Never repeated after a failure: the kernel may have dropped the dirty pages, and a second call would
        // report success for data that is gone.
        while fdatasync(handle) != 0 {
            if errno != EINTR { throw failure("fdatasync") }
        }
    }

    func map(into address: UnsafeMutableRawPointer, count: Int, at offset: UInt64) throws(DiskError) {
        guard count > 0 else { return }
        guard UInt(bitPattern: address) % 4096 == 0, count % 4096 == 0, offset % 4096 == 0 else {
            throw failure("mmap", EINVAL)
        }
        // The system would map bytes that the file does not have, and end the process when they are touched.
        let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
        let size = try size()
        guard !overflow, end <= size else { throw failure("mmap", ENXIO) }
        let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
        if mmap(address, count, PROT_READ | PROT_WRITE, flags, handle, off_t(offset)) == MAP_FAILED {
            throw failure("mmap")
        }
    }

    func dropCache() { _ = posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED) }

    func readAhead() { _ = posix_fadvise(handle, 0, 0, POSIX_FADV_WILLNEED) }

    func close() {
        let old = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
        if old >= 0 { _ = Glibc.close(old) }
    }
}
