import StarlingSystem

/// The sums that make up a worker's digest, one for each block of 256 readers, of 256 accounts, of 256 accounts with relations,
/// and of 256 posts with counters, so that
/// a later digest need only read the blocks in which something changed. 24 bytes a block.
struct DigestBlocks {
    var readers = BlockSums()
    var authors = BlockSums()
    var relations = BlockSums()
    var engagements = BlockSums()
}

/// The sums of consecutive blocks of rows, as far as they are known.
struct BlockSums {
    /// Rows of one block. A page holds whole blocks of every table, so a page's change concerns at most a few blocks.
    private static let rows = 256

    private var sums: [Hash128?] = []

    /// Something changed in `rows`: the sums of their blocks are known no longer.
    mutating func forget(_ rows: Range<Int>) {
        guard !rows.isEmpty else { return }
        for block in (rows.lowerBound / Self.rows)...((rows.upperBound - 1) / Self.rows) where block < sums.count {
            sums[block] = nil
        }
    }

    /// The sum over rows 0..<`count`. `sum` is asked for each block that is not known.
    mutating func total(count: Int, _ sum: (Range<Int>) -> Hash128) -> Hash128 {
        let blocks = (count + Self.rows - 1) / Self.rows
        // A last block that was shorter than now was forgotten: a new row is a change of its page.
        while sums.count < blocks { sums.append(nil) }
        var total = Hash128.zero
        for block in 0..<blocks {
            let known = sums[block] ?? sum(block * Self.rows..<min(count, (block + 1) * Self.rows))
            sums[block] = known
            total &+= known
        }
        return total
    }
}
