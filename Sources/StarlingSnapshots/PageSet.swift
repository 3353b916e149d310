/// A set of pages, one bit for each page that the regions can have.
struct PageSet {
    /// Number of the first page of each region when all are counted through.
    private let starts: [Int]
    private let regionPages: [Int]
    private var bits: [UInt64]
    private(set) var count = 0
    /// Pages of all regions.
    let capacity: Int

    /// An empty set. Nil when the regions are too many or too large, or a count is negative.
    init?(regionPages: [Int]) {
        guard let capacity = Self.total(regionPages) else { return nil }
        var starts: [Int] = []
        var next = 0
        for pages in regionPages {
            starts.append(next)
            next += pages
        }
        self.starts = starts
        self.regionPages = regionPages
        self.capacity = capacity
        bits = [UInt64](repeating: 0, count: capacity / 64 + 1)
    }

    /// Pages of all regions. Nil when that is out of the limits of a file.
    static func total(_ regionPages: [Int]) -> Int? {
        guard regionPages.count <= SnapshotLimits.regions else { return nil }
        var total = 0
        for pages in regionPages {
            guard (0...SnapshotLimits.regionPages).contains(pages) else { return nil }
            total += pages
        }
        return total <= SnapshotLimits.filePages ? total : nil
    }

    /// The page's number when all regions are counted through. Nil when it is outside of its region.
    func place(region: Int, page: Int) -> Int? {
        guard region < regionPages.count, page < regionPages[region] else { return nil }
        return starts[region] + page
    }

    /// Adds the page with that number. False when it was there.
    mutating func insert(_ place: Int) -> Bool {
        let bit = UInt64(1) << UInt64(place % 64)
        if bits[place / 64] & bit != 0 { return false }
        bits[place / 64] |= bit
        count += 1
        return true
    }

    /// The first number that is not in it. Nil when all are.
    var firstMissing: Int? {
        for (index, word) in bits.enumerated() where word != .max {
            let place = index * 64 + (~word).trailingZeroBitCount
            return place < capacity ? place : nil
        }
        return nil
    }
}
