import StarlingMemory
import StarlingSystem

/// Writes one page file. It has the suffix `.tmp` until `finish` has synced it.
///
/// One thread uses it. After an error it takes nothing more; call `abandon`.
public final class PageFileWriter {
    private let disk: any Disk
    private let file: any DiskFile
    private let directory: String
    private let identity: PageFileIdentity
    private let kind: PageFileKind
    private let syncBytes: Int
    private var pages: PageSet
    private var entries: [PageEntry]
    private var unsyncedBytes = 0
    private var isUsable = true

    private var temporaryPath: String { directory + "/" + identity.fileName + SnapshotFiles.unfinishedSuffix }

    /// Creates `<lsn>-<owner>.pages.tmp` in `directory`, in the place of one that an earlier attempt has left.
    ///
    /// Refuses when there is a manifest of that lsn, which may name the file that this one would replace. With
    /// `syncBytes` the file is synced each time so many bytes were written, so that the last sync, and the log's syncs in
    /// between, find little to wait for. An image takes its whole space at once.
    public init(
        directory: String, disk: any Disk, identity: PageFileIdentity, layout: PageFileLayout,
        syncBytes: Int = 16 << 20
    ) throws(SnapshotError) {
        guard let name = SnapshotFiles.identity(ofPages: identity.fileName), name.owner == identity.owner,
            identity.logID != 0
        else {
            throw .invalidRequest(
                "log id \(identity.logID), lsn \(identity.lsn) or owner \(identity.owner) is out of range")
        }
        guard let pages = PageSet(regionPages: layout.regionPages) else {
            throw .invalidRequest("too many pages or regions for one file")
        }
        guard !disk.exists(directory + "/" + SnapshotFiles.manifest(lsn: identity.lsn)) else {
            throw .alreadyInstalled(lsn: identity.lsn)
        }
        self.disk = disk
        self.directory = directory
        self.identity = identity
        self.syncBytes = max(syncBytes, SnapshotLimits.pageBytes)
        self.pages = pages
        kind = layout.kind
        let path = directory + "/" + identity.fileName + SnapshotFiles.unfinishedSuffix
        do {
            if disk.exists(path) { try disk.remove(path) }
            file = try disk.open(path, .create)
        } catch {
            throw .disk(error)
        }
        switch layout {
        case .image:
            entries = [PageEntry](repeating: PageEntry(PageID(region: 0, page: 0), checksum: 0), count: pages.capacity)
        case .changes:
            entries = []
        }
        do {
            if kind == .image { try file.preallocate(PageFileFormat.fileBytes(pageCount: pages.capacity)) }
            try put(PageFileFormat.encodeHeader(identity, kind), at: 0)
        } catch {
            abandon()
            throw .disk(error)
        }
    }

    /// Pages that were taken so far.
    public var pageCount: Int { pages.count }

    /// Writes `ids.count` pages that lie one behind the other in `bytes`. Pages whose places in the file follow each
    /// other go out in one `pwrite`.
    ///
    /// Throws `invalidRequest` for a page that was written before or that its region does not have. Cost: the system
    /// call, and the checksum, about 0.5 us a page.
    public func write(pages bytes: UnsafeRawBufferPointer, ids: UnsafeBufferPointer<PageID>) throws(SnapshotError) {
        guard isUsable else { throw .invalidRequest("\(identity.fileName) is closed after \(pages.count) pages") }
        // What was only begun cannot be told from what was done, so an error is the end.
        isUsable = false
        guard bytes.count == ids.count * SnapshotLimits.pageBytes else {
            throw .invalidRequest("\(ids.count) pages, but \(bytes.count) bytes")
        }
        var runStart = 0
        var runPlace = 0
        for index in ids.indices {
            let place = try note(ids[index], page(index, of: bytes))
            if place != runPlace + (index - runStart), index > runStart {
                try writeRun(bytes, runStart..<index, at: runPlace)
                runStart = index
            }
            if index == runStart { runPlace = place }
        }
        try writeRun(bytes, runStart..<ids.count, at: runPlace)
        isUsable = true
    }

    /// Enters a page into the table, and returns its place in the file.
    private func note(_ id: PageID, _ bytes: UnsafeRawBufferPointer) throws(SnapshotError) -> Int {
        guard let place = pages.place(region: Int(id.region), page: Int(id.page)) else {
            throw .invalidRequest("region \(id.region) has no page \(id.page)")
        }
        guard pages.insert(place) else { throw .invalidRequest("region \(id.region) page \(id.page) comes twice") }
        let entry = PageEntry(id, checksum: CRC32C.checksum(bytes))
        switch kind {
        case .image:
            entries[place] = entry
            return place
        case .changes:
            entries.append(entry)
            return entries.count - 1
        }
    }

    private func page(_ index: Int, of bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let start = index * SnapshotLimits.pageBytes
        return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + SnapshotLimits.pageBytes)])
    }

    private func writeRun(
        _ bytes: UnsafeRawBufferPointer, _ run: Range<Int>, at place: Int
    ) throws(SnapshotError) {
        if run.isEmpty { return }
        let range = (run.lowerBound * SnapshotLimits.pageBytes)..<(run.upperBound * SnapshotLimits.pageBytes)
        do {
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[range]), at: PageFileFormat.offset(ofPlace: place))
            unsyncedBytes += range.count
            if unsyncedBytes >= syncBytes {
                try file.sync()
                unsyncedBytes = 0
            }
        } catch {
            throw .disk(error)
        }
    }

    /// Writes table and footer, syncs the file, and gives it its final name. The name is durable once the directory is
    /// synced, which `SnapshotStore.install` does for all files of a snapshot.
    ///
    /// Throws `invalidRequest` when a page of an image is missing. The file is closed in any case.
    public func finish() throws(SnapshotError) -> PageFileSummary {
        guard isUsable else { throw .invalidRequest("\(identity.fileName) is closed after \(pages.count) pages") }
        isUsable = false
        defer { file.close() }
        if kind == .image, let missing = pages.firstMissing {
            throw .invalidRequest("\(identity.fileName) lacks the page at place \(missing) of its image")
        }
        do {
            let checksum = try writeTable()
            let tableOffset = PageFileFormat.offset(ofPlace: entries.count)
            let footer = PageFileFormat.Footer(
                pageCount: UInt64(entries.count), tableOffset: tableOffset, tableChecksum: checksum)
            let byteCount = PageFileFormat.fileBytes(pageCount: entries.count)
            try put(
                PageFileFormat.encodeFooter(identity, kind, footer), at: byteCount - UInt64(SnapshotLimits.pageBytes))
            try file.sync()
            try disk.rename(temporaryPath, to: directory + "/" + identity.fileName)
            return PageFileSummary(
                name: identity.fileName, kind: kind, pageCount: entries.count, byteCount: byteCount,
                tableChecksum: checksum)
        } catch {
            throw .disk(error)
        }
    }

    /// Writes the table and the zeros behind it; returns the checksum of both.
    private func writeTable() throws(DiskError) -> UInt32 {
        let offset = PageFileFormat.offset(ofPlace: entries.count)
        let padding = [UInt8](repeating: 0, count: PageFileFormat.paddingBytes(pageCount: entries.count))
        let checksum = try entries.withUnsafeBufferPointer { entries throws(DiskError) -> UInt32 in
            let bytes = UnsafeRawBufferPointer(entries)
            try file.write(bytes, at: offset)
            return CRC32C.checksum(bytes)
        }
        try put(padding, at: offset + UInt64(entries.count * PageFileFormat.entryBytes))
        return padding.withUnsafeBytes { CRC32C.checksum($0, continuing: checksum) }
    }

    private func put(_ bytes: [UInt8], at offset: UInt64) throws(DiskError) {
        if bytes.isEmpty { return }
        try bytes.withUnsafeBufferPointer { bytes throws(DiskError) in
            try file.write(UnsafeRawBufferPointer(bytes), at: offset)
        }
    }

    /// Closes and removes the unfinished file. What cannot be removed now, `SnapshotStore.prepare` removes at the next
    /// start. Does not touch a finished file.
    public func abandon() {
        isUsable = false
        file.close()
        if disk.exists(temporaryPath) { try? disk.remove(temporaryPath) }
    }
}
