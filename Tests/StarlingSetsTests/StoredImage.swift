import Glibc
import StarlingMemory

/// The used bytes of some regions at one moment, by plain copies.
struct RegionCopies {
    let usedBytes: [Int]
    let bytes: [[UInt8]]

    init(_ regions: [TrackedRegion], usedBytes: [Int]) {
        self.usedBytes = usedBytes
        bytes = zip(regions, usedBytes).map { Array(UnsafeRawBufferPointer(start: $0.base, count: $1)) }
    }
}

/// What a disk would hold of an owner's regions: the pages of all cuts, each over those before it.
final class StoredImage {
    private var pages: [[UInt8]]
    /// Whether a page was ever handed over; one that was not is not on the disk.
    private var isStored: [[Bool]]
    /// The pages of the cut that is being taken.
    private var taken: Set<PageID> = []
    /// What went wrong: a page twice in one cut, or one outside of what was in use when it began.
    private(set) var mistakes: [String] = []
    private var limits: [Int] = []
    /// Pages of the last cut.
    var takenCount: Int { taken.count }

    init(regionCount: Int) {
        pages = Array(repeating: [], count: regionCount)
        isStored = Array(repeating: [], count: regionCount)
    }

    /// A cut has begun.
    func begin(usedBytes: [Int]) {
        taken = []
        limits = usedBytes.map { ($0 + PageID.byteCount - 1) / PageID.byteCount }
        for (region, limit) in limits.enumerated() where limit > isStored[region].count {
            let more = limit - isStored[region].count
            isStored[region] += Array(repeating: false, count: more)
            // Not zero: what was never handed over must not look as if it had been.
            pages[region] += Array(repeating: 0xAA, count: more * PageID.byteCount)
        }
    }

    /// Puts away what waits in the sink.
    func absorb(_ sink: PageSink) {
        for chunk in sink.take() {
            for index in 0..<chunk.count { put(chunk.ids[index], chunk.bytes + index * PageID.byteCount) }
            sink.giveBack(chunk)
        }
    }

    private func put(_ id: PageID, _ bytes: UnsafeRawPointer) {
        let region = Int(id.region)
        let page = Int(id.page)
        guard region < limits.count, page < limits[region] else {
            mistakes.append("page \(page) of region \(region) was not in use")
            return
        }
        if !taken.insert(id).inserted { mistakes.append("page \(page) of region \(region) came twice") }
        isStored[region][page] = true
        pages[region].withUnsafeMutableBytes { image in
            let place = UnsafeMutableRawBufferPointer(rebasing: image[(page * PageID.byteCount)...])
            place.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: PageID.byteCount))
        }
    }

    /// How the image differs from `copies`, or nil.
    func difference(from copies: RegionCopies) -> String? {
        for (region, bytes) in copies.bytes.enumerated() where !bytes.isEmpty {
            let pageCount = (bytes.count + PageID.byteCount - 1) / PageID.byteCount
            for page in 0..<pageCount {
                if !isStored[region][page] { return "page \(page) of region \(region) was never handed over" }
                let start = page * PageID.byteCount
                let end = min(start + PageID.byteCount, bytes.count)
                if !Self.isEqual(bytes, pages[region], in: start..<end) {
                    return "page \(page) of region \(region) is not as it was at the cut"
                }
            }
        }
        return nil
    }

    private static func isEqual(_ first: [UInt8], _ second: [UInt8], in range: Range<Int>) -> Bool {
        first.withUnsafeBytes { first in
            second.withUnsafeBytes { second in
                guard let one = first.baseAddress, let other = second.baseAddress else { return false }
                return memcmp(one + range.lowerBound, other + range.lowerBound, range.count) == 0
            }
        }
    }

    /// The stored bytes, as a start would read them back.
    func bytes(usedBytes: [Int]) -> [[UInt8]] { zip(pages, usedBytes).map { Array($0.prefix($1)) } }
}

/// Takes cuts of an owner's regions while it goes on, and compares what was handed over with plain copies.
final class CutTaker {
    let source: SnapshotSource
    let image: StoredImage
    private(set) var completed = 0
    /// What went wrong, in words.
    private(set) var mistakes: [String] = []
    private let regions: [TrackedRegion]
    private var moment: RegionCopies?

    init(regions: [TrackedRegion]) {
        self.regions = regions
        source = SnapshotSource(regions: regions, sink: PageSink(byteLimit: 1 << 20, onChunk: {}))
        image = StoredImage(regionCount: regions.count)
    }

    /// Fixes a moment.
    func begin(usedBytes: [Int], takesAllPages: Bool) {
        moment = RegionCopies(regions, usedBytes: usedBytes)
        image.begin(usedBytes: usedBytes)
        source.beginCut(usedBytes: usedBytes, takesAllPages: takesAllPages || source.needsAllPages)
    }

    /// Copies up to `limit` pages; compares when the cut is complete. Returns whether it is.
    @discardableResult
    func step(limit: Int) -> Bool {
        let isComplete = source.copyPages(limit: limit)
        image.absorb(source.sink)
        if isComplete, let moment {
            completed += 1
            if let wrong = image.difference(from: moment) { mistakes.append("cut \(completed): \(wrong)") }
            mistakes += image.mistakes
            self.moment = nil
        }
        return isComplete
    }

    /// Gives up the cut and what it left in the sink.
    func cancel() {
        source.cancelCut()
        for chunk in source.sink.take() { source.sink.giveBack(chunk) }
        moment = nil
    }

    /// Copies what is left of the cut.
    func finish() { while source.isCutting { step(limit: 7) } }
}
