import StarlingSystem

/// Says that a log begins later than with record 1 on purpose, because retention removed what came before.
///
/// It is durable before the first segment is removed, so a log that begins later than it says has lost something. The
/// same 52 bytes stand at 0 and at 4096, so that rot in one place costs nothing.
///
/// Little endian: magic `STST` u32, version u32 = 1, log id u64, first lsn u64, sequence of the first envelope u64,
/// chain before the first record u64, reserved u64 = 0, CRC-32C u32 of the 48 bytes before it.
struct StartFile: Equatable, Sendable {
    var logID: UInt64
    /// First record that was kept.
    var firstLSN: UInt64
    /// Of the first envelope that was kept.
    var sequence: UInt64
    /// The chain before that record.
    var chain: UInt64

    private static let magic: UInt32 = 0x5453_5453
    private static let usedBytes = 52
    private static let copyOffset: UInt64 = 4096

    /// What the first envelope of the log must say.
    var position: LogPosition { LogPosition(logID: logID, sequence: sequence, lsn: firstLSN, chain: chain) }

    /// What a directory holds of it.
    enum Finding: Equatable {
        case none
        /// There is a file, but neither copy is whole.
        case unreadable
        case start(StartFile)

        var value: StartFile? { if case .start(let start) = self { start } else { nil } }
    }

    /// Puts the file in place, durably: written beside, synced, renamed, directory synced.
    func install(directory: String, disk: any Disk) throws(DiskError) {
        let final = directory + "/" + LogFiles.start
        let temporary = final + LogFiles.temporarySuffix
        if disk.exists(temporary) { try disk.remove(temporary) }
        let file = try disk.open(temporary, .create)
        defer { file.close() }
        try withUnsafeTemporaryAllocation(byteCount: Self.usedBytes, alignment: 8) { bytes throws(DiskError) in
            guard let pointer = bytes.baseAddress else { return }
            encode(to: pointer)
            try file.write(UnsafeRawBufferPointer(bytes), at: 0)
            try file.write(UnsafeRawBufferPointer(bytes), at: Self.copyOffset)
        }
        try file.sync()
        try disk.rename(temporary, to: final)
        try disk.syncDirectory(directory)
    }

    private func encode(to pointer: UnsafeMutableRawPointer) {
        var fields = FieldWriter(pointer)
        fields.littleEndian(Self.magic)
        fields.littleEndian(UInt32(1))
        for value in [logID, firstLSN, sequence, chain, 0] { fields.littleEndian(value) }
        fields.littleEndian(CRC32C.checksum(UnsafeRawBufferPointer(start: pointer, count: Self.usedBytes - 4)))
    }

    /// What the file says.
    /// - Throws: `readFailed`, and `unknownFormat` for a whole copy of another version.
    static func read(directory: String, disk: any Disk) throws(LogError) -> Finding {
        let path = directory + "/" + LogFiles.start
        guard disk.exists(path) else { return .none }
        var found: [StartFile] = []
        do {
            let file = try disk.open(path, .read)
            defer { file.close() }
            for offset in [0, copyOffset] {
                guard let (version, start) = try copy(in: file, at: offset) else { continue }
                guard version == 1 else { throw LogError.unknownFormat(path: path, version: version) }
                if let start { found.append(start) }
            }
        } catch let error as DiskError {
            throw .readFailed(error)
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
        guard let first = found.first, found.allSatisfy({ $0 == first }) else { return .unreadable }
        return .start(first)
    }

    private static func copy(
        in file: any DiskFile, at offset: UInt64
    ) throws(DiskError) -> (version: Int, start: StartFile?)? {
        try withUnsafeTemporaryAllocation(byteCount: usedBytes, alignment: 8) {
            bytes throws(DiskError) -> (version: Int, start: StartFile?)? in
            guard try file.read(into: bytes, at: offset) == usedBytes else { return nil }
            let bytes = UnsafeRawBufferPointer(bytes)
            func half(_ offset: Int) -> UInt32 {
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            }
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(usedBytes - 4)])
            guard half(0) == magic, half(usedBytes - 4) == CRC32C.checksum(covered) else { return nil }
            let start = StartFile(logID: word(8), firstLSN: word(16), sequence: word(24), chain: word(32))
            let isPossible =
                start.logID != 0 && start.firstLSN > 0 && start.firstLSN <= LogLimits.highestLSN && start.sequence > 0
                && start.sequence <= .max / 2
            return (Int(half(4)), isPossible ? start : nil)
        }
    }
}
