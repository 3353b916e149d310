import StarlingSystem

/// Two slots of 4 KiB that say, late and without a sync, how far the log was known to be durable.
///
/// It is a lower bound and nothing more, so it costs no flush: a slot reaches the disk when the kernel likes. The slots
/// take turns, so that a torn write spoils one and leaves the other. Owned by the writer's thread.
///
/// Slot, little endian: magic `STWM` u32, version u32 = 1, log id u64, generation u64, durable lsn u64, CRC-32C u32 of the
/// 32 bytes before it.
final class WatermarkFile {
    /// What the slots of a file say together.
    struct Content: Equatable {
        var logID: UInt64
        var generation: UInt64
        var durableLSN: UInt64
    }

    private static let slotBytes: UInt64 = 4096
    private static let magic: UInt32 = 0x4d57_5453
    private static let usedBytes = 36

    private let file: any DiskFile
    private let logID: UInt64
    private var generation: UInt64
    private(set) var durableLSN: UInt64

    /// Opens the file in `directory` for writing, or makes it. It goes on after `previous`.
    init(directory: String, disk: any Disk, logID: UInt64, previous: Content?) throws(DiskError) {
        let path = directory + "/" + LogFiles.watermark
        file = try disk.open(path, disk.exists(path) ? .readWrite : .create)
        try file.preallocate(2 * Self.slotBytes)
        self.logID = logID
        generation = previous?.generation ?? 0
        durableLSN = previous?.durableLSN ?? 0
    }

    /// Writes the slot whose turn it is. Does nothing when `lsn` is no news.
    func write(durableLSN lsn: UInt64) throws(DiskError) {
        if lsn <= durableLSN { return }
        generation += 1
        durableLSN = lsn
        try withUnsafeTemporaryAllocation(byteCount: Self.usedBytes, alignment: 8) { slot throws(DiskError) in
            guard let start = slot.baseAddress else { return }
            var fields = FieldWriter(start)
            fields.littleEndian(Self.magic)
            fields.littleEndian(UInt32(1))
            fields.littleEndian(logID)
            fields.littleEndian(generation)
            fields.littleEndian(lsn)
            fields.littleEndian(CRC32C.checksum(UnsafeRawBufferPointer(start: start, count: Self.usedBytes - 4)))
            try file.write(UnsafeRawBufferPointer(slot), at: generation % 2 * Self.slotBytes)
        }
    }

    func sync() throws(DiskError) { try file.sync() }

    func close() { file.close() }

    /// What the file says. Nil when it is missing, empty or torn: then it says nothing.
    static func read(directory: String, disk: any Disk) throws(LogError) -> Content? {
        let path = directory + "/" + LogFiles.watermark
        guard disk.exists(path) else { return nil }
        var best: Content?
        do {
            let file = try disk.open(path, .read)
            defer { file.close() }
            for slot in 0..<UInt64(2) {
                guard let content = try slotContent(of: file, at: slot * slotBytes) else { continue }
                if content.version != 1 { throw LogError.unknownFormat(path: path, version: content.version) }
                if best.map({ $0.generation < content.value.generation }) ?? true { best = content.value }
            }
        } catch let error as DiskError {
            throw .readFailed(error)
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("the calls above throw nothing else")
        }
        return best
    }

    private static func slotContent(
        of file: any DiskFile, at offset: UInt64
    ) throws(DiskError) -> (version: Int, value: Content)? {
        try withUnsafeTemporaryAllocation(byteCount: usedBytes, alignment: 8) {
            slot throws(DiskError) -> (version: Int, value: Content)? in
            guard try file.read(into: slot, at: offset) == usedBytes else { return nil }
            let bytes = UnsafeRawBufferPointer(slot)
            func load<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Value.Type) -> Value {
                Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
            }
            let covered = UnsafeRawBufferPointer(rebasing: bytes[..<(usedBytes - 4)])
            guard load(0, UInt32.self) == magic, load(32, UInt32.self) == CRC32C.checksum(covered) else { return nil }
            let content = Content(
                logID: load(8, UInt64.self), generation: load(16, UInt64.self), durableLSN: load(24, UInt64.self))
            guard content.durableLSN <= LogLimits.highestLSN, content.generation <= .max / 2 else { return nil }
            return (Int(load(4, UInt32.self)), content)
        }
    }
}
