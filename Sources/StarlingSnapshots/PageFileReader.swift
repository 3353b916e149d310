import StarlingSystem

/// A finished page file whose header, footer, size and table have been checked against its manifest. The pages
/// themselves are checked when they are used.
///
/// Immutable; any thread may use it. Holds the file open.
public final class PageFileReader: Sendable {
    /// What the manifest says of the file.
    public let summary: PageFileSummary
    let file: any DiskFile
    /// One for each page, in the order of the file.
    let entries: [PageEntry]

    /// Opens the file and reads its table; asks the system to begin to read the pages.
    ///
    /// `regionPages[r]` is how many pages region r has at the snapshot. Pages beyond are allowed, because a region may
    /// have been larger when an older file was written, and are of no use. Nothing is allocated that is larger than the
    /// file or the regions, and the file's size is compared with the manifest before.
    public init(
        directory: String, summary: PageFileSummary, logID: UInt64, regionPages: [Int], disk: any Disk
    ) throws(SnapshotError) {
        if let contradiction = summary.contradiction {
            throw .damaged(file: summary.name, place: "manifest", reason: contradiction)
        }
        guard let name = SnapshotFiles.identity(ofPages: summary.name) else {
            preconditionFailure("a summary without contradiction has a well-formed name")
        }
        let file: any DiskFile
        do {
            file = try disk.open(directory + "/" + summary.name, .read)
        } catch {
            throw .opening(summary.name, error)
        }
        let identity = PageFileIdentity(logID: logID, lsn: name.lsn, owner: name.owner)
        let table = PageTableReader(file: file, summary: summary, identity: identity)
        entries = try table.read(regionPages: regionPages)
        file.readAhead()
        self.summary = summary
        self.file = file
    }

    /// Reads every page and compares it with its checksum, without keeping any. For a check of what was written, and
    /// for `starling verify`. Cost: one pass over the file.
    public func verifyPages() throws(SnapshotError) {
        let chunkPages = min(256, max(1, entries.count))
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: chunkPages * SnapshotLimits.pageBytes, alignment: SnapshotLimits.pageBytes)
        defer { buffer.deallocate() }
        for first in stride(from: 0, to: entries.count, by: chunkPages) {
            let places = first..<min(first + chunkPages, entries.count)
            try read(
                places,
                into: UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<(places.count * SnapshotLimits.pageBytes)]))
            for place in places {
                let start = (place - first) * SnapshotLimits.pageBytes
                let page = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + SnapshotLimits.pageBytes)])
                guard CRC32C.checksum(page) == entries[place].checksum else { throw wrongPage(at: place) }
            }
        }
    }

    /// Reads the pages at `places` into `buffer`, which has their size.
    func read(_ places: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(SnapshotError) {
        let got: Int
        do {
            got = try file.read(into: buffer, at: PageFileFormat.offset(ofPlace: places.lowerBound))
        } catch {
            throw .disk(error)
        }
        guard got == buffer.count else {
            throw .damaged(file: summary.name, place: "page at place \(places.lowerBound)", reason: "it is cut off")
        }
    }

    func wrongPage(at place: Int) -> SnapshotError {
        .damaged(
            file: summary.name, place: "region \(entries[place].region) page \(entries[place].page)",
            reason: "the checksum does not match")
    }

    /// The longest row of pages from `place` on that are neighbours in memory as they are in the file. Not empty.
    func run(from place: Int) -> Range<Int> {
        let first = entries[place]
        var end = place + 1
        while end < entries.count, entries[end].region == first.region, entries[end].page == first.page + end - place {
            end += 1
        }
        return place..<end
    }
}
