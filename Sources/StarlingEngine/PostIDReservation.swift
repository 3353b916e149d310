import StarlingLog
import StarlingSystem

/// Says, ahead of time and durably, up to which millisecond post ids may have been given away.
///
/// The log alone does not know: an id that was answered at level `memory` or `os` can go with a power cut, and if the clock
/// was set back meanwhile, the next start would give it to another post. So before such an id is answered, a time that is
/// not before the id's own is on the disk, and a start mints only behind it. Ids that are answered at level `disk` are in the
/// log by then and need none of this.
///
/// The file `post-ids` in the data directory: the same 28 bytes at 0 and at 4096, written and synced one after the other, so
/// that a torn write or rot in one of them costs nothing. Little endian: magic `STID` u32, version u32 = 1, log id u64,
/// milliseconds since 1970 u64, CRC-32C u32 of the 24 bytes before it.
///
/// Owned by the writer's thread.
final class PostIDReservation {
    /// Ids of posts up to this millisecond (since 1970) may have been given away.
    private(set) var milliseconds: UInt64
    /// Whether there was a file of which no copy could be read.
    let wasDamaged: Bool
    private let file: any DiskFile
    private let logID: UInt64

    /// How far ahead of the last id a reservation goes: two syncs in so many milliseconds of posts, and ids at most so far
    /// ahead of the clock after a crash.
    static let stepMilliseconds: UInt64 = 2_000

    private static let name = "post-ids"
    private static let magic: UInt32 = 0x4449_5453
    private static let usedBytes = 28
    private static let copyOffsets: [UInt64] = [0, 4096]
    private static let fileBytes: UInt64 = 8192
    /// What ids have bits for, and one more.
    private static let highestMilliseconds = PostIDMint.epoch + (1 << 42) - 1

    private enum Finding {
        case nothing
        case damaged
        case reserved(UInt64)
    }

    /// Opens the file of the data directory `directory`, or makes it. A missing file, or one of another log, says nothing:
    /// then the log's end is all there is to go by.
    ///
    /// A damaged one is no reason to refuse the start, because no data depends on it. What it said was at most a step ahead of
    /// the clock of its time, so the reservation begins anew a step ahead of `wallMilliseconds`: too low only if the clock was
    /// set back as well.
    init(directory: String, disk: any Disk, logID: UInt64, wallMilliseconds: UInt64) throws(LogError) {
        let path = directory + "/" + Self.name
        let finding = try Self.read(path, disk: disk, logID: logID)
        self.logID = logID
        do {
            switch finding {
            case .reserved(let milliseconds):
                self.milliseconds = milliseconds
                wasDamaged = false
                file = try disk.open(path, .readWrite)
                // What was read may be in the kernel's memory alone, when the last sync failed.
                try Self.writeCopies(milliseconds, logID: logID, to: file)
            case .nothing:
                milliseconds = PostIDMint.epoch
                wasDamaged = false
                file = try Self.make(path, in: directory, disk, logID: logID, milliseconds: milliseconds)
            case .damaged:
                milliseconds = min(wallMilliseconds, PostIDMint.largestMilliseconds) + Self.stepMilliseconds
                wasDamaged = true
                file = try Self.make(path, in: directory, disk, logID: logID, milliseconds: milliseconds)
            }
        } catch {
            throw .cannotCreate(error)
        }
    }

    /// Makes sure that ids up to `last` may be given away. Two syncs when that is news, which it is once in a step at most.
    /// After a failure nothing may be given away: the call is not to be repeated.
    func cover(_ last: UInt64) throws(DiskError) {
        if last <= milliseconds { return }
        let reserved = min(last + Self.stepMilliseconds, Self.highestMilliseconds)
        try Self.writeCopies(reserved, logID: logID, to: file)
        milliseconds = reserved
    }

    func close() { file.close() }

    /// A new file in the place of what is there: complete before it gets its name.
    private static func make(
        _ path: String, in directory: String, _ disk: any Disk, logID: UInt64, milliseconds: UInt64
    ) throws(DiskError) -> any DiskFile {
        let temporary = path + ".tmp"
        if disk.exists(temporary) { try disk.remove(temporary) }
        let file = try disk.open(temporary, .create)
        try file.preallocate(fileBytes)
        for offset in copyOffsets { try write(milliseconds, logID: logID, to: file, at: offset) }
        try file.sync()
        file.close()
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
        return try disk.open(path, .readWrite)
    }

    private static func writeCopies(_ milliseconds: UInt64, logID: UInt64, to file: any DiskFile) throws(DiskError) {
        for offset in copyOffsets {
            try write(milliseconds, logID: logID, to: file, at: offset)
            try file.sync()
        }
    }

    private static func write(
        _ milliseconds: UInt64, logID: UInt64, to file: any DiskFile, at offset: UInt64
    ) throws(DiskError) {
        try withUnsafeTemporaryAllocation(byteCount: usedBytes, alignment: 8) { bytes throws(DiskError) in
            bytes.storeBytes(of: magic.littleEndian, toByteOffset: 0, as: UInt32.self)
            bytes.storeBytes(of: UInt32(1).littleEndian, toByteOffset: 4, as: UInt32.self)
            bytes.storeBytes(of: logID.littleEndian, toByteOffset: 8, as: UInt64.self)
            bytes.storeBytes(of: milliseconds.littleEndian, toByteOffset: 16, as: UInt64.self)
            let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<24]))
            bytes.storeBytes(of: checksum.littleEndian, toByteOffset: 24, as: UInt32.self)
            try file.write(UnsafeRawBufferPointer(bytes), at: offset)
        }
    }

    private static func read(_ path: String, disk: any Disk, logID: UInt64) throws(LogError) -> Finding {
        guard disk.exists(path) else { return .nothing }
        var finding = Finding.damaged
        do {
            let file = try disk.open(path, .read)
            defer { file.close() }
            for offset in copyOffsets {
                guard let copy = try copy(in: file, at: offset) else { continue }
                guard copy.version == 1 else { throw LogError.unknownFormat(path: path, version: copy.version) }
                guard copy.logID == logID else { return .nothing }
                // The higher one, when the power went between the two.
                if case .reserved(let other) = finding, other >= copy.milliseconds { continue }
                finding = .reserved(copy.milliseconds)
            }
        } catch let error as DiskError {
            throw .readFailed(error)
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
        return finding
    }

    private static func copy(
        in file: any DiskFile, at offset: UInt64
    ) throws(DiskError) -> (version: Int, logID: UInt64, milliseconds: UInt64)? {
        try withUnsafeTemporaryAllocation(byteCount: usedBytes, alignment: 8) {
            bytes throws(DiskError) -> (version: Int, logID: UInt64, milliseconds: UInt64)? in
            guard try file.read(into: bytes, at: offset) == usedBytes else { return nil }
            let copy = UnsafeRawBufferPointer(bytes)
            func half(_ offset: Int) -> UInt32 {
                UInt32(littleEndian: copy.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: copy.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            guard half(0) == magic, half(24) == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: copy[..<24])) else {
                return nil
            }
            let milliseconds = word(16)
            guard milliseconds >= PostIDMint.epoch, milliseconds <= highestMilliseconds else { return nil }
            return (Int(half(4)), word(8), milliseconds)
        }
    }
}
