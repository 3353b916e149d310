import StarlingMemory
import StarlingSystem

/// The bytes of a page file; `docs/snapshot-format.md` has the tables.
///
///     file := header data* entry* zero* footer        header and footer have 4096 bytes, like each data page
enum PageFileFormat {
    static let version: UInt32 = 1
    static let entryBytes = 12
    private static let headerMagic: UInt32 = 0x4750_5453  // STPG
    private static let footerMagic: UInt32 = 0x4650_5453  // STPF
    /// Header and footer end with the checksum of everything before it.
    private static let checksumOffset = SnapshotLimits.pageBytes - 4

    /// What the footer adds to what the header says.
    struct Footer: Equatable {
        var pageCount: UInt64
        var tableOffset: UInt64
        var tableChecksum: UInt32
    }

    /// Where the page at `place` begins.
    static func offset(ofPlace place: Int) -> UInt64 { UInt64(1 + place) * UInt64(SnapshotLimits.pageBytes) }

    /// Zeros between the table and the footer.
    static func paddingBytes(pageCount: Int) -> Int {
        let rest = pageCount * entryBytes % SnapshotLimits.pageBytes
        return rest == 0 ? 0 : SnapshotLimits.pageBytes - rest
    }

    /// Size of a file with `pageCount` pages, at most `SnapshotLimits.filePages`.
    static func fileBytes(pageCount: Int) -> UInt64 {
        offset(ofPlace: pageCount) + UInt64(pageCount * entryBytes + paddingBytes(pageCount: pageCount))
            + UInt64(SnapshotLimits.pageBytes)
    }

    static func encodeHeader(_ identity: PageFileIdentity, _ kind: PageFileKind) -> [UInt8] {
        encode(headerMagic, identity, kind, nil)
    }

    static func encodeFooter(_ identity: PageFileIdentity, _ kind: PageFileKind, _ footer: Footer) -> [UInt8] {
        encode(footerMagic, identity, kind, footer)
    }

    private static func encode(
        _ magic: UInt32, _ identity: PageFileIdentity, _ kind: PageFileKind, _ footer: Footer?
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SnapshotLimits.pageBytes)
        bytes.withUnsafeMutableBytes { bytes in
            func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
                bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
            }
            store(magic, at: 0)
            store(version, at: 4)
            store(identity.logID, at: 8)
            store(identity.lsn, at: 16)
            store(UInt16(identity.owner), at: 24)
            store(kind.code, at: 26)
            store(UInt32(SnapshotLimits.pageBytes), at: 28)
            if let footer {
                store(footer.pageCount, at: 32)
                store(footer.tableOffset, at: 40)
                store(footer.tableChecksum, at: 48)
            }
            let covered = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<checksumOffset])
            store(CRC32C.checksum(covered), at: checksumOffset)
        }
        return bytes
    }

    /// Checks the header of `file`.
    static func checkHeader(
        _ bytes: UnsafeRawBufferPointer, _ identity: PageFileIdentity, _ kind: PageFileKind, file: String
    ) throws(SnapshotError) {
        try check(bytes, headerMagic, identity, kind, PageFilePlace(file: file, place: "header"))
    }

    /// Checks the footer of `file`, and returns what it says.
    static func parseFooter(
        _ bytes: UnsafeRawBufferPointer, _ identity: PageFileIdentity, _ kind: PageFileKind, file: String
    ) throws(SnapshotError) -> Footer {
        try check(bytes, footerMagic, identity, kind, PageFilePlace(file: file, place: "footer"))
        return Footer(
            pageCount: load(bytes, 32, UInt64.self), tableOffset: load(bytes, 40, UInt64.self),
            tableChecksum: load(bytes, 48, UInt32.self))
    }

    private static func check(
        _ bytes: UnsafeRawBufferPointer, _ magic: UInt32, _ identity: PageFileIdentity, _ kind: PageFileKind,
        _ place: PageFilePlace
    ) throws(SnapshotError) {
        guard bytes.count == SnapshotLimits.pageBytes else { throw place.damaged("it is cut off") }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<checksumOffset])
        guard load(bytes, 0, UInt32.self) == magic else { throw place.damaged("wrong magic number") }
        guard load(bytes, checksumOffset, UInt32.self) == CRC32C.checksum(covered) else {
            throw place.damaged("the checksum does not match")
        }
        let found = load(bytes, 4, UInt32.self)
        guard found == version else { throw .unknownFormat(file: place.file, version: UInt64(found)) }
        let logID = load(bytes, 8, UInt64.self)
        guard logID == identity.logID else {
            throw .foreign(file: place.file, found: logID, expected: identity.logID)
        }
        guard load(bytes, 16, UInt64.self) == identity.lsn, Int(load(bytes, 24, UInt16.self)) == identity.owner else {
            throw place.damaged("it belongs to another lsn or owner than the file's name says")
        }
        guard load(bytes, 26, UInt16.self) == kind.code else {
            throw place.damaged("it is not of the kind that the manifest says")
        }
        guard load(bytes, 28, UInt32.self) == UInt32(SnapshotLimits.pageBytes) else {
            throw place.damaged("pages are not \(SnapshotLimits.pageBytes) bytes long")
        }
    }

    private static func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _: Value.Type
    ) -> Value {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

/// One line of a page table, as it lies in the file: 12 bytes, little endian.
struct PageEntry: BitwiseCopyable {
    private var storedRegion: UInt16
    private var storedReserved: UInt16
    private var storedPage: UInt32
    private var storedChecksum: UInt32

    init(_ id: PageID, checksum: UInt32) {
        storedRegion = id.region.littleEndian
        storedReserved = 0
        storedPage = id.page.littleEndian
        storedChecksum = checksum.littleEndian
    }

    var region: Int { Int(UInt16(littleEndian: storedRegion)) }
    var reserved: UInt16 { storedReserved }
    var page: Int { Int(UInt32(littleEndian: storedPage)) }
    var checksum: UInt32 { UInt32(littleEndian: storedChecksum) }
}

/// A place in a page file, to say what is wrong there.
struct PageFilePlace {
    let file: String
    let place: String

    func damaged(_ reason: String) -> SnapshotError { .damaged(file: file, place: place, reason: reason) }
}
