/// Where some of a segment's envelopes begin: about one entry for each 4 KiB of the file, so that any record is found
/// with one binary search and a few steps.
struct SparseIndex: Sendable {
    private struct Entry {
        let lsn: UInt64
        let position: UInt64
    }

    private var entries: [Entry] = []

    /// Tells of an envelope with records. Envelopes come in the order of the file.
    mutating func note(lsn: UInt64, position: UInt64) {
        if let last = entries.last, position - last.position < LogLimits.indexInterval { return }
        entries.append(Entry(lsn: lsn, position: position))
    }

    /// Start of an envelope at or before the one that holds `lsn`; 0 when no entry is that early.
    func position(before lsn: UInt64) -> UInt64 {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].lsn <= lsn { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : entries[low - 1].position
    }
}
