import Glibc
import StarlingSystem

/// A range of memory that knows which of its pages were written, so that a snapshot can be taken of it while its owner
/// goes on writing.
///
/// Each page has a stamp: the epoch in which it was last written. An owner asks `WriteBarrier.willWrite` before it changes a
/// byte; the first time in an epoch that costs a call, otherwise a comparison. A cut (`SnapshotSource.beginCut`) begins a new
/// epoch in O(1); the pages that belong to it are found afterwards by their stamps, and one that is about to change before it
/// was copied is copied first.
///
/// Owned by one thread, which writes, cuts and copies. Other threads may read rows that were published to them.
public final class TrackedRegion: @unchecked Sendable {
    /// The first byte; never moves.
    public let base: UnsafeMutableRawPointer
    /// Bytes of addresses.
    public let byteCount: Int
    /// `byteCount` up to the end of its last page: what may be mapped.
    public var reservedBytes: Int { (byteCount + PageID.byteCount - 1) / PageID.byteCount * PageID.byteCount }
    /// What the owner asks before it writes.
    public let barrier: WriteBarrier

    private let mapping: SharedMapping
    private let hugePages: Bool
    private let stamps: UnsafeMutablePointer<UInt8>
    /// The region's number in the source that it belongs to, and where its copies go.
    private var number: UInt16 = 0
    private var sink: PageSink?

    // The cut that is being copied.
    private var cutPages = 0
    private var cursor = 0
    private var cutEpoch: UInt8 = 0
    private var takesAllPages = false
    /// Pages that cuts or a loaded snapshot already had. Those behind them can be in use although nothing was written to them
    /// since: rows come into use as zeros, a block before its last page is touched.
    private var storedPages = 0

    /// The epoch byte and what keeps it on a cache line of its own.
    private static let stampOffset = 64
    /// Epochs are 1 to 255; a stamp of 0 means that the page was not written since it was loaded.
    private static let lastEpoch: UInt8 = 255

    /// Takes the memory of bytes that were never touched, so that whoever writes there first does not wait until the system has
    /// cleared it: 0.3 ms for a huge page. Any thread. Where there is none, nothing happens.
    public func populate(_ bytes: Range<Int>) {
        let end = min(bytes.upperBound, reservedBytes)
        guard bytes.lowerBound < end else { return }
        _ = madvise(base + bytes.lowerBound, end - bytes.lowerBound, MADV_POPULATE_WRITE)
    }

    /// Reserves `byteCount` bytes of addresses, zero and not touched: in `memory`, or, for huge pages, in a mapping of their
    /// own.
    public init(byteCount: Int, hugePages: Bool, in memory: RegionMemory? = nil) throws(ArenaError) {
        let pages = Self.pageCount(byteCount)
        let stampBytes = Self.stampOffset + pages
        let place =
            if let memory, !hugePages {
                try memory.place(pages: pages, stampBytes: stampBytes)
            } else {
                try RegionMemory.own(
                    pages: pages, stampBytes: stampBytes, hugePageBytes: hugePages ? byteCount : 0)
            }
        mapping = place.mapping
        base = place.base
        self.byteCount = byteCount
        self.hugePages = hugePages
        stamps = (place.stampArea + Self.stampOffset).bindMemory(to: UInt8.self, capacity: pages)
        stamps[-1] = 1
        barrier = WriteBarrier(base: base, stamps: stamps)
        barrier.bind(to: self)
    }

    /// The current epoch.
    @inline(__always)
    private var epoch: UInt8 { stamps[-1] }

    /// Makes the region part of a source, whose copies go to `sink`.
    func attach(number: UInt16, sink: PageSink) {
        self.number = number
        self.sink = sink
    }

    /// The first write to a page in this epoch is about to happen.
    func firstWrite(page: Int) {
        if page < cutPages, page >= cursor, belongsToCut(page) { copy(page) }
        stamps[page] = epoch
    }

    @inline(__always)
    private func belongsToCut(_ page: Int) -> Bool {
        let stamp = stamps[page]
        return takesAllPages ? stamp != epoch : stamp == cutEpoch
    }

    private func copy(_ page: Int) {
        sink?.append(PageID(region: number, page: UInt32(page)), base + page * PageID.byteCount)
    }

    /// Begins a cut of the first `usedBytes` bytes: all pages, or those written since the last cut.
    func beginCut(usedBytes: Int, takesAllPages: Bool) {
        precondition(cutPages == 0, "a cut begins while another is being copied")
        if epoch == Self.lastEpoch { rebaseStamps() }
        cutEpoch = epoch
        stamps[-1] = epoch + 1
        cutPages = Self.pageCount(usedBytes)
        cursor = 0
        self.takesAllPages = takesAllPages
        while storedPages < cutPages {
            stamps[storedPages] = cutEpoch
            storedPages += 1
        }
    }

    /// The first `usedBytes` bytes are what a snapshot holds.
    func adoptLoadedSnapshot(usedBytes: Int) { storedPages = Self.pageCount(usedBytes) }

    private static func pageCount(_ bytes: Int) -> Int { (bytes + PageID.byteCount - 1) / PageID.byteCount }

    /// Makes room for more epochs: pages of the current one get epoch 1, all others 0. Once in 254 cuts; a byte a page.
    private func rebaseStamps() {
        let pages = Self.pageCount(byteCount)
        var page = 0
        while page < pages {
            // Untouched stamps are zero; looking at eight at a time leaves them untouched.
            let eight = UnsafeRawPointer(stamps + page).loadUnaligned(as: UInt64.self)
            if page + 8 > pages || eight != 0 {
                for each in page..<min(page + 8, pages) { stamps[each] = stamps[each] == Self.lastEpoch ? 1 : 0 }
            }
            page += 8
        }
        stamps[-1] = 1
    }

    /// Copies up to `pageLimit` pages of the cut, looking at no more than `lookLimit`. Returns how many were copied and how
    /// many looked at; the cut of this region is complete when `isCutComplete`.
    func copyPages(pageLimit: Int, lookLimit: Int) -> (copied: Int, looked: Int) {
        let start = cursor
        let end = min(cutPages, cursor + lookLimit)
        var copied = 0
        while cursor < end, copied < pageLimit {
            if belongsToCut(cursor) {
                copy(cursor)
                copied += 1
            }
            cursor += 1
        }
        return (copied, cursor - start)
    }

    var isCutComplete: Bool { cursor >= cutPages }

    /// Ends the cut, complete or not.
    func endCut() {
        cutPages = 0
        cursor = 0
    }

    /// A mover for the first `usedBytes` bytes: see `RegionMover`.
    public func makeMover(usedBytes: Int) -> RegionMover? {
        RegionMover(base: base, byteCount: usedBytes, hugePages: hugePages)
    }
}

/// What an owner asks before it changes a byte of a `TrackedRegion`.
@frozen
public struct WriteBarrier: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline let base: UnsafeMutableRawPointer
    @usableFromInline let stamps: UnsafeMutablePointer<UInt8>

    init(base: UnsafeMutableRawPointer, stamps: UnsafeMutablePointer<UInt8>) {
        self.base = base
        self.stamps = stamps
    }

    /// The region's address lies before the epoch byte, so that a barrier is two words and counts no references. A region
    /// owns the memory of its stamps, so it outlives whoever may ask.
    private var regionCell: UnsafeMutablePointer<Unmanaged<TrackedRegion>> {
        (UnsafeMutableRawPointer(stamps) - 16).assumingMemoryBound(to: Unmanaged<TrackedRegion>.self)
    }

    func bind(to region: TrackedRegion) { regionCell.initialize(to: Unmanaged.passUnretained(region)) }

    /// The bytes at `address`, up to the end of its page, are about to change.
    @inlinable @inline(__always)
    public func willWrite(_ address: UnsafeRawPointer) {
        let page = (address - UnsafeRawPointer(base)) &>> 12
        if stamps[page] != stamps[-1] { firstWrite(page) }
    }

    /// `byteCount` bytes from `address` on (1 to 4096) are about to change.
    @inlinable @inline(__always)
    public func willWrite(_ address: UnsafeRawPointer, byteCount: Int) {
        willWrite(address)
        willWrite(address + (byteCount &- 1))
    }

    @usableFromInline @inline(never)
    func firstWrite(_ page: Int) { regionCell.pointee._withUnsafeGuaranteedRef { $0.firstWrite(page: page) } }
}
