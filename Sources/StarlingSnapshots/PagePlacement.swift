import StarlingSystem

/// Puts the pages of one file after another into memory, and remembers for each page which file it came from and where
/// in it, to check it once all are in place.
struct PagePlacement {
    /// Shorter rows are read: a mapping costs the kernel as much as a copy of some dozen pages, and one of its limited
    /// number of mappings (`vm.max_map_count`).
    static let shortestMappedRun = 64
    /// Mappings of one owner; rows beyond are read. The kernel's default limit is 65,530 for the process.
    static let mappedRunLimit = 1000

    private struct Source: BitwiseCopyable {
        var file: Int32
        var place: UInt32
        static let none = Source(file: -1, place: 0)
    }

    private let regions: [RegionTarget]
    /// Number of each region's first page in `sources`.
    private let starts: [Int]
    private var sources: [Source]
    private var fileCount: Int32 = 0
    private var mappedRuns = 0
    private(set) var mappedPages = 0
    private(set) var readPages = 0

    init(regions: [RegionTarget]) throws(SnapshotError) {
        guard let total = PageSet.total(regions.map(\.pageCount)) else {
            throw .invalidRequest("too many pages or regions for one owner")
        }
        var next = 0
        starts = regions.map { region in
            defer { next += region.pageCount }
            return next
        }
        self.regions = regions
        sources = [Source](repeating: .none, count: total)
    }

    /// Puts the pages of `reader` in place, over those of the files before it.
    mutating func place(_ reader: PageFileReader) throws(SnapshotError) {
        var next = 0
        while next < reader.entries.count {
            let run = reader.run(from: next)
            next = run.upperBound
            let first = reader.entries[run.lowerBound]
            let wanted = min(run.count, regions[first.region].pageCount - first.page)
            guard wanted > 0 else { continue }
            let places = run.lowerBound..<(run.lowerBound + wanted)
            try fill(reader, places)
            let start = starts[first.region] + first.page
            for index in 0..<wanted {
                sources[start + index] = Source(file: fileCount, place: UInt32(places.lowerBound + index))
            }
        }
        fileCount += 1
    }

    private mutating func fill(_ reader: PageFileReader, _ places: Range<Int>) throws(SnapshotError) {
        let first = reader.entries[places.lowerBound]
        let address = regions[first.region].base + first.page * SnapshotLimits.pageBytes
        let byteCount = places.count * SnapshotLimits.pageBytes
        if places.count >= Self.shortestMappedRun, mappedRuns < Self.mappedRunLimit {
            let offset = PageFileFormat.offset(ofPlace: places.lowerBound)
            // A disk that cannot map, or a process with too many mappings, can still read.
            if (try? reader.file.map(into: address, count: byteCount, at: offset)) != nil {
                mappedRuns += 1
                mappedPages += places.count
                return
            }
        }
        try reader.read(places, into: UnsafeMutableRawBufferPointer(start: address, count: byteCount))
        readPages += places.count
    }

    /// Checks that every page is there, and that its bytes in memory are those of its file.
    func verify(_ readers: [PageFileReader], _ check: OwnerImage.Check) throws(SnapshotError) {
        let firstChecked = check == .everyPage ? 0 : fileCount - 1
        for (number, region) in regions.enumerated() {
            for page in 0..<region.pageCount {
                let source = sources[starts[number] + page]
                guard source.file >= 0 else {
                    throw .damaged(
                        file: readers.last?.summary.name ?? "manifest", place: "region \(number) page \(page)",
                        reason: "neither this file nor one before it has the page")
                }
                if source.file < firstChecked { continue }
                let reader = readers[Int(source.file)]
                let bytes = UnsafeRawBufferPointer(
                    start: region.base + page * SnapshotLimits.pageBytes, count: SnapshotLimits.pageBytes)
                guard CRC32C.checksum(bytes) == reader.entries[Int(source.place)].checksum else {
                    throw reader.wrongPage(at: Int(source.place))
                }
            }
        }
    }
}
