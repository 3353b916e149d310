import StarlingSystem
import Synchronization

/// Makes the next segment while the log is still far from it, and writes zeros into all of it. A commit into blocks that were
/// written before only has to carry the data to the disk; into blocks that were only reserved it has to change the file
/// system's books as well. A commit of 64 KiB took 0.30 ms into reserved blocks and 0.13 ms into written ones, one of 256 KiB 1.27 ms
/// and 0.22 ms, also while the zeros of another file were written at 100 MB/s.
///
/// When it fails, or does not finish in time, the writer makes its next segment by itself, as it does without this.
public final class SegmentPreparer: Sendable {
    private enum State {
        /// Nothing to do before the writer asks again.
        case resting
        /// A file of so many zeros is wanted.
        case wanted(bytes: UInt64)
        /// The file is whole, and safe on the disk.
        case ready(bytes: UInt64)
    }

    private struct Unfinished {
        var file: any DiskFile
        var bytes: UInt64
        var written: UInt64
    }

    private let directory: String
    private let disk: any Disk
    private let state = Mutex(State.resting)
    /// The file that is being filled; used by `step` alone.
    private let unfinished = Mutex<Unfinished?>(nil)

    init(directory: String, disk: any Disk) {
        self.directory = directory
        self.disk = disk
    }

    private var path: String { directory + "/" + LogFiles.prepared }

    /// Zeros that a call writes.
    private static let writeBytes = 64 << 10
    /// Zeros that a step writes at most.
    private static let pieceBytes: UInt64 = 2 << 20

    /// Writes and syncs a piece. Returns whether there was one to write. One thread at a time, which may wait for the disk.
    public func step() -> Bool {
        guard case .wanted(let bytes) = state.withLock({ $0 }) else { return false }
        do {
            let isWhole = try unfinished.withLock { unfinished throws(DiskError) in
                try writePiece(of: bytes, &unfinished)
            }
            if isWhole { state.withLock { $0 = .ready(bytes: bytes) } }
        } catch {
            // A full disk, mostly: what was taken is given back, and the log goes on without.
            giveUp()
        }
        return true
    }

    private func writePiece(of bytes: UInt64, _ unfinished: inout Unfinished?) throws(DiskError) -> Bool {
        if unfinished == nil { unfinished = try begin(bytes) }
        guard var work = unfinished else { return false }
        let count = Int(min(Self.pieceBytes, work.bytes - work.written))
        // The same few pages again and again: they stay in the cache.
        let zeros = [UInt8](repeating: 0, count: min(count, Self.writeBytes))
        let end = work.written + UInt64(count)
        while work.written < end {
            let length = Int(min(UInt64(zeros.count), end - work.written))
            let result = zeros.withUnsafeBytes { zeros in
                Result { () throws(DiskError) in
                    try work.file.write(UnsafeRawBufferPointer(rebasing: zeros[..<length]), at: work.written)
                }
            }
            try result.get()
            work.written += UInt64(length)
        }
        try work.file.sync()
        unfinished = work
        guard work.written == work.bytes else { return false }
        work.file.close()
        unfinished = nil
        return true
    }

    private func begin(_ bytes: UInt64) throws(DiskError) -> Unfinished {
        if disk.exists(path) { try disk.remove(path) }
        let file = try disk.open(path, .create)
        do {
            // First of all, so that it lies in one piece, or fails before anything is written.
            try file.preallocate(bytes)
        } catch {
            file.close()
            throw error
        }
        return Unfinished(file: file, bytes: bytes, written: 0)
    }

    private func giveUp() {
        unfinished.withLock { unfinished in
            unfinished?.file.close()
            unfinished = nil
        }
        if disk.exists(path) { try? disk.remove(path) }
        state.withLock { $0 = .resting }
    }

    /// Asks for the next segment, unless it is being made. The writer's thread.
    func want(bytes: UInt64) {
        state.withLock { if case .resting = $0 { $0 = .wanted(bytes: bytes) } }
    }

    /// Gives the file the name `destination`, when it is ready and has at least `bytes`. Returns its size, or nil. The writer's
    /// thread.
    func take(atLeast bytes: UInt64, as destination: String) throws(DiskError) -> UInt64? {
        guard case .ready(let size) = state.withLock({ $0 }), size >= bytes else { return nil }
        try disk.rename(path, to: destination)
        state.withLock { $0 = .resting }
        return size
    }
}
