/// A post with so many followers that its fan-out goes on, a piece at a time, beside the events that follow it: see
/// `Worker+LargeFanouts`. Owned by the worker's thread.
final class LargeFanout {
    /// When the post was committed, in monotonic nanoseconds; 0 for one that is replayed.
    let start: UInt64
    let author: UserIndex
    /// What became of it so far.
    private(set) var row: DeliveryRow
    /// Pieces have come to all readers before this one.
    private(set) var nextReader: UInt32 = 0
    /// Readers behind `nextReader` that need nothing more: a bit each.
    private let settled: UnsafeMutablePointer<UInt64>
    private let readerCount: Int
    /// Followers that do not have the post yet.
    private(set) var missingCount: Int

    /// A fan-out to `row.followers` of the worker's `readerCount` readers.
    init(row: DeliveryRow, author: UserIndex, start: UInt64, readerCount: Int) {
        self.row = row
        self.author = author
        self.start = start
        self.readerCount = readerCount
        missingCount = Int(row.followers)
        let words = readerCount / 64 + 1
        settled = .allocate(capacity: words)
        settled.initialize(repeating: 0, count: words)
    }

    deinit { settled.deallocate() }

    var post: PostOrdinal { row.post }

    /// Whether the reader, if it follows the author, does not have the post yet.
    @inline(__always)
    func mayMiss(_ reader: UInt32) -> Bool {
        reader >= nextReader && Int(reader) < readerCount && settled[Int(reader) / 64] & Self.bit(reader) == 0
    }

    /// The reader follows the author from now on, and has got the post in another way.
    func exclude(_ reader: UInt32) {
        if Int(reader) < readerCount { settled[Int(reader) / 64] |= Self.bit(reader) }
    }

    /// The readers, who missed the post, have it now, but for `away` of them, who are away.
    func note(_ readers: UnsafeBufferPointer<UInt32>, away: Int) {
        for reader in readers { exclude(reader) }
        missingCount -= readers.count
        row.away += UInt32(away)
        row.pushed += UInt32(readers.count - away)
    }

    /// A piece has come to all followers before `reader`.
    func advance(to reader: UInt32) { nextReader = reader }

    /// Sets the delays in the row, where they are known now.
    func noteDelays(_ note: (inout DeliveryRow) -> Void) { note(&row) }

    @inline(__always)
    private static func bit(_ reader: UInt32) -> UInt64 { 1 << UInt64(reader % 64) }
}
