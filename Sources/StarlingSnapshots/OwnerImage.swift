import StarlingSystem

/// The loaded memory of one owner. Long rows of pages are private mappings of the files, so keep it, and leave the files
/// as they are, for as long as the memory is used. (Removing a file's name is harmless.)
public final class OwnerImage: Sendable {
    /// Pages that were mapped; of them, those that were replaced afterwards count too.
    public let mappedPages: Int
    /// Pages that were read into memory.
    public let readPages: Int
    private let readers: [PageFileReader]

    private init(readers: [PageFileReader], mappedPages: Int, readPages: Int) {
        self.readers = readers
        self.mappedPages = mappedPages
        self.readPages = readPages
    }

    /// Which pages are compared with their checksums.
    public enum Check: Sendable {
        /// All of them.
        case everyPage
        /// Those of the last file: the others were checked when their files were new.
        case newestFile
    }

    /// Loads `files`, an image and the changes after it in order, into `regions`, and compares every page, as it then lies
    /// in memory, with its checksum; or only the last file's.
    ///
    /// Pages at or beyond `byteCount` of their region are ignored: an older file may have them. After an error the memory
    /// holds anything, and parts of files may be mapped there: release it, or load another snapshot over all of it.
    ///
    /// Cost: reading what is not in the page cache; then about 0.5 us a page that is compared. Owners can be loaded on
    /// several threads.
    public static func load(
        directory: String, files: [PageFileSummary], regions: [RegionTarget], logID: UInt64, disk: any Disk,
        check: Check = .everyPage
    ) throws(SnapshotError) -> OwnerImage {
        for (number, region) in regions.enumerated() { try region.check(number) }
        guard files.count <= SnapshotLimits.filesPerOwner else {
            throw .invalidRequest("\(files.count) files for one owner")
        }
        let pages = regions.map(\.pageCount)
        var readers: [PageFileReader] = []
        for summary in files {
            readers.append(
                try PageFileReader(
                    directory: directory, summary: summary, logID: logID, regionPages: pages, disk: disk))
        }
        var placement = try PagePlacement(regions: regions)
        for reader in readers { try placement.place(reader) }
        try placement.verify(readers, check)
        return OwnerImage(readers: readers, mappedPages: placement.mappedPages, readPages: placement.readPages)
    }
}
