import StarlingMemory
import StarlingSimulation
import StarlingSystem

@testable import StarlingSnapshots

/// The page files of one owner, made from an input. Whole pages would make inputs of many kilobytes, of which nearly all
/// is opaque to the parsers, so an input only says what is to be in them:
///
///     input  := flags, regions u8, size u16 each, files u8, file each
///     file   := kind, rows u8, row each, patches u8, patch each, declared pages i8
///     row    := region, page, reserved, fill, length        that many pages, numbered upwards, full of `fill`
///     patch  := offset u16, value u8        bytes of header, table or footer, changed before the checksums are made
struct PagesRecipe {
    static let logID: UInt64 = 5

    struct Row {
        var region: UInt16
        var page: UInt32
        var reserved: UInt16
        var fill: UInt8
        var count: Int
    }

    struct File {
        var summary: PageFileSummary
        var rows: [Row]
    }

    /// Bytes of each region.
    let regions: [Int]
    let files: [File]
    let disk = SimulatedDisk(seed: 1)
    /// Whether every page has the checksum of its bytes.
    let hasTrueChecksums: Bool
    /// Whether bytes of a table were changed.
    private(set) var isPatched = false

    init(_ input: UnsafeRawBufferPointer) {
        var reader = InputReader(input)
        let flags = reader.byte()
        hasTrueChecksums = flags & 1 == 0
        let isSealed = flags & 2 == 0
        let regionCount = reader.byte() % 4
        regions = (0..<regionCount).map { _ in Int(reader.word(UInt16.self)) * 5 }
        var files: [File] = []
        let fileCount = 1 + reader.byte() % 3
        for number in 0..<fileCount {
            let kind: PageFileKind = reader.byte() & 1 == 0 ? .image : .changes
            let rowCount = reader.byte() % 8
            let rows = (0..<rowCount).map { _ in Self.row(&reader) }
            let identity = PageFileIdentity(logID: Self.logID, lsn: UInt64(number) + 1, owner: 0)
            var table = Self.table(rows)
            if !hasTrueChecksums, table.count > 8 { table[8] ^= flags }
            let content = Self.file(identity, kind, rows, table, &reader, isSealed: isSealed)
            isPatched = isPatched || content.isTablePatched
            disk.replace("snapshots/" + identity.fileName, with: content.bytes)
            let pages = table.count / PageFileFormat.entryBytes + Int(Int8(bitPattern: reader.byte()) / 64)
            let summary = PageFileSummary(
                name: identity.fileName, kind: kind, pageCount: pages,
                byteCount: pages < 0 ? 0 : PageFileFormat.fileBytes(pageCount: pages),
                tableChecksum: content.tableChecksum)
            files.append(File(summary: summary, rows: rows))
        }
        self.files = files
    }

    /// What the page is full of after all files. Nil when it is in none, or when tables were patched.
    func fill(region: Int, page: Int) -> UInt8? {
        if isPatched { return nil }
        for file in files.reversed() {
            for row in file.rows.reversed() where Int(row.region) == region {
                if (0..<row.count).contains(where: { row.page &+ UInt32($0) == UInt32(page) }) { return row.fill }
            }
        }
        return nil
    }

    private static func row(_ reader: inout InputReader) -> Row {
        let region = reader.byte()
        let page = reader.byte()
        let reserved = reader.byte()
        return Row(
            region: region < 250 ? UInt16(region) : .max - UInt16(255 - region),
            page: page < 250 ? UInt32(page) : .max - UInt32(255 - page), reserved: reserved == 0xff ? 1 : 0,
            fill: reader.byte(), count: Self.count(reader.byte()))
    }

    /// Few pages as a rule; now and then about as many as a row needs to be mapped.
    private static func count(_ byte: UInt8) -> Int { byte < 240 ? 1 + Int(byte % 4) : Int(byte) - 180 }

    /// One entry for each page: 12 bytes.
    private static func table(_ rows: [Row]) -> [UInt8] {
        rows.flatMap { row -> [UInt8] in
            let checksum = page(of: row).withUnsafeBytes { CRC32C.checksum($0) }
            return (0..<row.count).flatMap { index in
                littleEndian(row.region) + littleEndian(row.reserved) + littleEndian(row.page &+ UInt32(index))
                    + littleEndian(checksum)
            }
        }
    }

    private static func page(of row: Row) -> [UInt8] {
        [UInt8](repeating: row.fill, count: SnapshotLimits.pageBytes)
    }

    private static func file(
        _ identity: PageFileIdentity, _ kind: PageFileKind, _ rows: [Row], _ entries: [UInt8],
        _ reader: inout InputReader, isSealed: Bool
    ) -> (bytes: [UInt8], tableChecksum: UInt32, isTablePatched: Bool) {
        let count = entries.count / PageFileFormat.entryBytes
        var header = PageFileFormat.encodeHeader(identity, kind)
        var table = entries + [UInt8](repeating: 0, count: PageFileFormat.paddingBytes(pageCount: count))
        let pages = rows.flatMap { row in (0..<row.count).flatMap { _ in page(of: row) } }
        var footerPatches: [(Int, UInt8)] = []
        for _ in 0..<(reader.byte() % 6) {
            let offset = Int(reader.word(UInt16.self))
            let value = reader.byte()
            switch offset % 3 {
            case 0: header[offset / 3 % 40] ^= value
            case 1: if !table.isEmpty { table[offset / 3 % table.count] ^= value }
            default: footerPatches.append((offset / 3 % 56, value))
            }
        }
        let checksum = table.withUnsafeBytes { CRC32C.checksum($0) }
        var footer = PageFileFormat.encodeFooter(
            identity, kind,
            PageFileFormat.Footer(
                pageCount: UInt64(count), tableOffset: PageFileFormat.offset(ofPlace: count), tableChecksum: checksum))
        for (offset, value) in footerPatches { footer[offset] ^= value }
        if isSealed {
            seal(&header)
            seal(&footer)
        }
        return (header + pages + table + footer, checksum, table.prefix(entries.count) != entries[...])
    }

    private static func seal(_ page: inout [UInt8]) {
        page.withUnsafeMutableBytes { $0.store($0.checksum(0..<($0.count - 4)), at: $0.count - 4) }
    }
}
