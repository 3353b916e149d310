/// All regions of one owner, of which consistent copies are taken while the owner goes on.
///
/// `beginCut` fixes the moment; from then on `copyPages`, called now and then, and the first write to each page hand the
/// pages as they were at that moment to the sink, each once. The owner is never stopped for longer than one call takes.
///
/// This is copy-on-write in software: the kernel's way (fork, or write protection and a fault a page) costs a fault a page and
/// breaks huge pages up, which halves the speed of random writes.
///
/// Owned by one thread.
public final class SnapshotSource: @unchecked Sendable {
    /// Where the copies go.
    public let sink: PageSink
    private let regions: [TrackedRegion]
    private var current = 0
    /// Whether the next cut must take all pages: nothing is known to be stored yet, or a cut came to nothing.
    public private(set) var needsAllPages = true
    /// Whether a cut is being copied.
    public private(set) var isCutting = false

    /// Looks at a page's stamp cost about a nanosecond.
    private static let looksPerPage = 256

    /// Groups `regions`; their numbers are their places in the array.
    public init(regions: [TrackedRegion], sink: PageSink) {
        precondition(regions.count <= Int(UInt16.max), "an owner has at most 65535 regions")
        self.regions = regions
        self.sink = sink
        for (number, region) in regions.enumerated() { region.attach(number: UInt16(number), sink: sink) }
    }

    /// What lies in the first `usedBytes` of each region is what a snapshot holds: it was just loaded from it, so the next cut
    /// may take changes only. Called before anything is written.
    public func adoptLoadedSnapshot(usedBytes: [Int]) {
        precondition(!isCutting && usedBytes.count == regions.count, "a size for each region, and no cut in progress")
        for (region, bytes) in zip(regions, usedBytes) { region.adoptLoadedSnapshot(usedBytes: bytes) }
        needsAllPages = false
    }

    /// Fixes the moment of a snapshot. `usedBytes` says how much of each region is in use; it never shrinks. O(number
    /// of regions), and a store for each page that came into use since the last cut.
    public func beginCut(usedBytes: [Int], takesAllPages: Bool) {
        precondition(!isCutting && usedBytes.count == regions.count, "one cut at a time, with a size for each region")
        precondition(takesAllPages || !needsAllPages, "a cut of changes needs a stored cut before it")
        for (region, bytes) in zip(regions, usedBytes) {
            region.beginCut(usedBytes: bytes, takesAllPages: takesAllPages)
        }
        current = 0
        isCutting = true
        needsAllPages = false
    }

    /// Copies up to `limit` pages of the cut. Returns true when the cut is complete; then all copies are in the sink.
    public func copyPages(limit: Int) -> Bool {
        precondition(isCutting, "there is no cut to copy")
        var pages = limit
        var looks = limit * Self.looksPerPage
        while current < regions.count {
            let done = regions[current].copyPages(pageLimit: pages, lookLimit: looks)
            guard regions[current].isCutComplete else { return false }
            pages -= done.copied
            looks -= done.looked
            current += 1
            if current < regions.count, pages <= 0 || looks <= 0 { return false }
        }
        endCut()
        return true
    }

    /// Gives the cut up; the next one takes all pages.
    public func cancelCut() {
        if isCutting { endCut() }
        needsAllPages = true
    }

    private func endCut() {
        for region in regions { region.endCut() }
        sink.flush()
        isCutting = false
    }
}
