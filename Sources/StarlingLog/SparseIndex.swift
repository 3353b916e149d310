/// Where some of a segment's envelopes begin: about one entry for each 4 KiB of the file, so that any record is found
/// with one binary search and a few steps.
struct SparseIndex: Equatable, Sendable {
    struct Entry: Equatable, Sendable {
        let lsn: UInt64
        let position: UInt64
    }

    private(set) var entries: [Entry] = []

    init() {}

    /// Takes over entries that ascend in both fields.
    init(entries: [Entry]) { self.entries = entries }

    /// Tells of an envelope with records. Envelopes come in the order of the file.
    mutating func note(lsn: UInt64, position: UInt64) {
        if let last = entries.last, position - last.position < LogLimits.indexInterval { return }
        entries.append(Entry(lsn: lsn, position: position))
    }

    /// Start of an envelope at or before the one that holds `lsn`; 0 when no entry is that early.
    func position(before lsn: UInt64) -> UInt64 {
        let found = entries.partitioningIndex { $0.lsn > lsn }
        return found == 0 ? 0 : entries[found - 1].position
    }
}

/// Where times are first reached in a segment. Times of records need not rise, so an entry holds the highest so far:
/// every record before `lsn` is at or before `time`. About one entry for each 4 KiB in which the highest has risen.
struct TimeIndex: Equatable, Sendable {
    struct Entry: Equatable, Sendable {
        let time: UInt64
        let lsn: UInt64
    }

    private(set) var entries: [Entry] = []
    private var lastPosition: UInt64 = 0

    init() {}

    /// Takes over entries that ascend in both fields.
    init(entries: [Entry]) { self.entries = entries }

    static func == (left: TimeIndex, right: TimeIndex) -> Bool { left.entries == right.entries }

    /// Tells of a batch at `position` that ends before record `lsn`, and of the highest time up to there.
    mutating func note(highest time: UInt64, before lsn: UInt64, position: UInt64) {
        if let last = entries.last {
            if time <= last.time || position - lastPosition < LogLimits.indexInterval { return }
        }
        entries.append(Entry(time: time, lsn: lsn))
        lastPosition = position
    }

    /// An lsn before which no record is at or after `time`. Nil: there is none such but the segment's first.
    func lsn(before time: UInt64) -> UInt64? {
        let found = entries.partitioningIndex { $0.time >= time }
        return found == 0 ? nil : entries[found - 1].lsn
    }
}

extension Array {
    /// The first index whose element satisfies `predicate`, when all after it do, too; the count when none does.
    func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
