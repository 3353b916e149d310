import StarlingMemory
import StarlingSystem

/// The sums that make up a worker's digest, one for each block of 256 readers and one for each block of 256 accounts, so that
/// a later digest need only read the blocks in which something changed. 32 bytes for 256 accounts.
struct DigestBlocks {
    /// Rows of one block. A page holds whole blocks of every table, so a page's change concerns at most a few blocks.
    static let rows = 256

    private(set) var readers = Sums()
    private(set) var authors = Sums()

    /// The sums of one kind of block.
    struct Sums {
        private var sums: [Hash128?] = []

        /// Forgets the sums of all blocks that share rows with `rows`.
        mutating func forget(_ rows: Range<Int>) {
            guard !rows.isEmpty else { return }
            for block in (rows.lowerBound / DigestBlocks.rows)...((rows.upperBound - 1) / DigestBlocks.rows)
            where block < sums.count { sums[block] = nil }
        }

        /// The sum over rows 0..<`count`. `sum` is asked for each block that is not known.
        mutating func total(count: Int, _ sum: (Range<Int>) -> Hash128) -> Hash128 {
            let blocks = (count + DigestBlocks.rows - 1) / DigestBlocks.rows
            // The last block may have been shorter; it is forgotten only if one of its pages changed, and a new row is a change.
            while sums.count < blocks { sums.append(nil) }
            var total = Hash128.zero
            for block in 0..<blocks {
                let known = sums[block] ?? sum(block * DigestBlocks.rows..<min(count, (block + 1) * DigestBlocks.rows))
                sums[block] = known
                total &+= known
            }
            return total
        }
    }

    /// The total of all readers' blocks.
    mutating func readersTotal(count: Int, _ sum: (Range<Int>) -> Hash128) -> Hash128 {
        readers.total(count: count, sum)
    }

    /// The total of all accounts' blocks.
    mutating func authorsTotal(count: Int, _ sum: (Range<Int>) -> Hash128) -> Hash128 {
        authors.total(count: count, sum)
    }

    /// Something changed that the sums of these readers depend on.
    mutating func forgetReaders(_ rows: Range<Int>) { readers.forget(rows) }

    /// Something changed that the sums of these accounts depend on.
    mutating func forgetAuthors(_ rows: Range<Int>) { authors.forget(rows) }
}
