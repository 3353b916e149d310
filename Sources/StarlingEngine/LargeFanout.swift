/// A post with so many followers that its fan-out goes on, a piece at a time, beside the events that follow it: see
/// `Worker+LargeFanouts`. Owned by the worker's thread.
final class LargeFanout {
    /// When the post was committed, in monotonic nanoseconds; 0 for one that is replayed.
    let start: UInt64
    let author: UserIndex
    /// What became of it so far.
    private(set) var row: DeliveryRow
    /// Pieces have come to all followers before this reader.
    private(set) var nextReader: UInt32 = 0
    /// Followers that do not have the post yet.
    private(set) var missingCount: Int
    private var missing: ReaderBits

    /// A fan-out to `followers`, of whom `row` tells the number.
    init(row: DeliveryRow, author: UserIndex, start: UInt64, followers: borrowing ReaderBits) {
        self.row = row
        self.author = author
        self.start = start
        missingCount = Int(row.followers)
        missing = ReaderBits(copying: followers)
    }

    var post: PostOrdinal { row.post }

    /// Whether the reader gets the post and does not have it yet.
    @inline(__always)
    func isMissing(_ reader: UInt32) -> Bool { missing.contains(reader) }

    /// The readers, who missed the post, have it now, but for `away` of them, who are away.
    func note(_ readers: UnsafeBufferPointer<UInt32>, away: Int) {
        for reader in readers { missing.remove(reader) }
        missingCount -= readers.count
        row.away += UInt32(away)
        row.pushed += UInt32(readers.count - away)
    }

    /// A piece has come to all followers before `reader`.
    func advance(to reader: UInt32) { nextReader = reader }

    /// Sets the delays in the row, where they are known now.
    func noteDelays(_ note: (inout DeliveryRow) -> Void) { note(&row) }
}
