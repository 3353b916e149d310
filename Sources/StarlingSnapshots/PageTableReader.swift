import StarlingMemory
import StarlingSystem

/// Reads and checks everything of a page file but the pages.
struct PageTableReader {
    let file: any DiskFile
    /// What the manifest says, free of contradictions.
    let summary: PageFileSummary
    let identity: PageFileIdentity

    /// `regionPages` as in `PageFileReader`.
    func read(regionPages: [Int]) throws(SnapshotError) -> [PageEntry] {
        try checkSize()
        try read(SnapshotLimits.pageBytes, at: 0, "header") { bytes throws(SnapshotError) in
            try PageFileFormat.checkHeader(bytes, identity, summary.kind, file: summary.name)
        }
        let entries = try readEntries()
        for (index, entry) in entries.enumerated() where entry.region >= regionPages.count || entry.reserved != 0 {
            throw place("page table entry \(index)").damaged(
                "there is no region \(entry.region), or reserved bits are set")
        }
        switch summary.kind {
        case .image: try checkImage(entries)
        case .changes: try checkChanges(entries, regionPages)
        }
        return entries
    }

    private func place(_ place: String) -> PageFilePlace { PageFilePlace(file: summary.name, place: place) }

    private func checkSize() throws(SnapshotError) {
        let size: UInt64
        do {
            size = try file.size()
        } catch {
            throw .disk(error)
        }
        guard size == summary.byteCount else {
            throw place("its end").damaged("the file has \(size) bytes, the manifest says \(summary.byteCount)")
        }
    }

    private func readEntries() throws(SnapshotError) -> [PageEntry] {
        let tableOffset = PageFileFormat.offset(ofPlace: summary.pageCount)
        let tableBytes = summary.pageCount * PageFileFormat.entryBytes
        var entries = [PageEntry](
            repeating: PageEntry(PageID(region: 0, page: 0), checksum: 0), count: summary.pageCount)
        let checksum = try entries.withUnsafeMutableBufferPointer { table throws(SnapshotError) -> UInt32 in
            let bytes = UnsafeMutableRawBufferPointer(table)
            try read(into: bytes, at: tableOffset, "page table")
            return CRC32C.checksum(UnsafeRawBufferPointer(bytes))
        }
        let padding = PageFileFormat.paddingBytes(pageCount: summary.pageCount)
        let restOffset = tableOffset + UInt64(tableBytes)
        try read(padding + SnapshotLimits.pageBytes, at: restOffset, "footer") { rest throws(SnapshotError) in
            let footer = try PageFileFormat.parseFooter(
                UnsafeRawBufferPointer(rebasing: rest[padding...]), identity, summary.kind, file: summary.name)
            let expected = PageFileFormat.Footer(
                pageCount: UInt64(summary.pageCount), tableOffset: tableOffset, tableChecksum: summary.tableChecksum)
            guard footer == expected else { throw place("footer").damaged("it is not the file of the manifest") }
            let padded = UnsafeRawBufferPointer(rebasing: rest[..<padding])
            guard CRC32C.checksum(padded, continuing: checksum) == summary.tableChecksum else {
                throw place("page table").damaged("the checksum does not match")
            }
        }
        return entries
    }

    /// The pages of an image are those of region 0 from 0 on, then those of region 1, without a gap.
    private func checkImage(_ entries: [PageEntry]) throws(SnapshotError) {
        var region = 0
        var page = 0
        for (index, entry) in entries.enumerated() {
            if entry.region > region {
                region = entry.region
                page = 0
            }
            guard entry.region == region, entry.page == page else {
                throw place("page table entry \(index)").damaged(
                    "region \(entry.region) page \(entry.page) is out of order in an image")
            }
            page += 1
        }
    }

    /// No page comes twice. Those that the regions have no more are not looked at: nobody uses them.
    private func checkChanges(_ entries: [PageEntry], _ regionPages: [Int]) throws(SnapshotError) {
        guard var seen = PageSet(regionPages: regionPages) else {
            throw .invalidRequest("too many pages or regions for one owner")
        }
        for (index, entry) in entries.enumerated() {
            guard let number = seen.place(region: entry.region, page: entry.page) else { continue }
            guard seen.insert(number) else {
                throw place("page table entry \(index)").damaged(
                    "region \(entry.region) page \(entry.page) comes twice")
            }
        }
    }

    private func read(
        _ count: Int, at offset: UInt64, _ name: String,
        _ body: (UnsafeRawBufferPointer) throws(SnapshotError) -> Void
    ) throws(SnapshotError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 8)
        defer { buffer.deallocate() }
        try read(into: buffer, at: offset, name)
        try body(UnsafeRawBufferPointer(buffer))
    }

    private func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, _ name: String
    ) throws(SnapshotError) {
        let got: Int
        do {
            got = try file.read(into: buffer, at: offset)
        } catch {
            throw .disk(error)
        }
        guard got == buffer.count else { throw place(name).damaged("it is cut off") }
    }
}
