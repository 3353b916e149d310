import StarlingSystem

/// Where an owner's regions get their addresses from. Small regions share mappings, and the stamps of all small regions lie
/// side by side, so that what many small tables cost is one system call and a few touched pages, not some for each.
/// Regions of a huge page and more get a mapping of their own.
///
/// For the thread that makes the regions; a mapping goes with the last region in it.
public final class RegionMemory {
    /// A place for a region, and what keeps it mapped.
    struct Place {
        let base: UnsafeMutableRawPointer
        /// `TrackedRegion.stampOffset` bytes, and then one for each page.
        let stampArea: UnsafeMutableRawPointer
        let mapping: SharedMapping
    }

    /// A mapping that is filled from both ends: pages from the front, stamps from the back.
    private struct Open {
        let mapping: SharedMapping
        var front: Int
        var back: Int
    }

    private var open: Open?

    /// Below the size of a huge page, sharing takes nothing from anybody.
    private static let sharedRegionBytes = 2 << 20
    private static let sharedMappingBytes = 16 << 20
    /// Stamps begin on a cache line of their own.
    private static let stampAlignment = 64

    /// Nothing is mapped before the first region is made.
    public init() {}

    /// Zeros for `pages` pages and `stampBytes` of stamps.
    func place(pages: Int, stampBytes: Int) throws(ArenaError) -> Place {
        let bytes = pages * PageID.byteCount
        let stamps = (stampBytes + Self.stampAlignment - 1) / Self.stampAlignment * Self.stampAlignment
        guard bytes < Self.sharedRegionBytes else {
            return try Self.own(pages: pages, stampBytes: stampBytes, hugePageBytes: 0)
        }
        var shared: Open
        // The page where the stamps begin is not handed out: what is mapped over a region's pages must not reach it.
        if let open, open.front + bytes <= (open.back - stamps) / PageID.byteCount * PageID.byteCount {
            shared = open
        } else {
            shared = Open(
                mapping: try SharedMapping(byteCount: Self.sharedMappingBytes, hugePageBytes: 0), front: 0,
                back: Self.sharedMappingBytes)
        }
        let base = shared.mapping.base + shared.front
        shared.front += bytes
        shared.back -= stamps
        let stampArea = shared.mapping.base + shared.back
        open = shared
        return Place(base: base, stampArea: stampArea, mapping: shared.mapping)
    }

    /// A mapping for one region alone: its pages, and behind them the stamps.
    static func own(pages: Int, stampBytes: Int, hugePageBytes: Int) throws(ArenaError) -> Place {
        let stampStart = pages * PageID.byteCount
        let mapping = try SharedMapping(byteCount: stampStart + stampBytes, hugePageBytes: hugePageBytes)
        return Place(base: mapping.base, stampArea: mapping.base + stampStart, mapping: mapping)
    }
}

/// A reservation that several regions keep alive.
final class SharedMapping {
    private let reservation: MemoryReservation

    var base: UnsafeMutableRawPointer { reservation.base }

    init(byteCount: Int, hugePageBytes: Int) throws(ArenaError) {
        do {
            reservation = try MemoryReservation(byteCount: byteCount, hugePageBytes: hugePageBytes)
        } catch {
            throw .reservation(error)
        }
    }
}
