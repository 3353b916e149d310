/// A post with so many followers that its fan-out goes on, a piece at a time, beside the events that follow it: see
/// `Worker+LargeFanouts`. Owned by the worker's thread.
final class LargeFanout {
    /// When the post was committed, in monotonic nanoseconds; 0 for one that is replayed.
    let start: UInt64
    let author: UserIndex
    /// What became of it so far.
    var row: DeliveryRow
    /// The first reader that no piece has come to.
    var nextReader: UInt32 = 0
    /// Readers that get the post and do not have it yet: a bit each.
    private let missing: UnsafeMutablePointer<UInt64>
    private let readerCount: Int
    private(set) var missingCount = 0

    /// A fan-out to none of `readerCount` readers; `expect` adds them.
    init(row: DeliveryRow, author: UserIndex, start: UInt64, readerCount: Int) {
        self.row = row
        self.author = author
        self.start = start
        self.readerCount = readerCount
        let words = readerCount / 64 + 1
        missing = .allocate(capacity: words)
        missing.initialize(repeating: 0, count: words)
    }

    deinit { missing.deallocate() }

    var post: PostOrdinal { row.post }

    /// The readers are to get the post. They are new here.
    func expect(_ readers: UnsafeBufferPointer<UInt32>) {
        for reader in readers { missing[Int(reader) / 64] |= Self.bit(reader) }
        missingCount += readers.count
    }

    /// Whether the reader gets the post and does not have it yet.
    @inline(__always)
    func isMissing(_ reader: UInt32) -> Bool {
        Int(reader) < readerCount && missing[Int(reader) / 64] & Self.bit(reader) != 0
    }

    /// The readers, who were missing, have the post now, but for `away` of them, who are away.
    func note(_ readers: UnsafeBufferPointer<UInt32>, away: Int) {
        for reader in readers { missing[Int(reader) / 64] &= ~Self.bit(reader) }
        missingCount -= readers.count
        row.away += UInt32(away)
        row.pushed += UInt32(readers.count - away)
    }

    @inline(__always)
    private static func bit(_ reader: UInt32) -> UInt64 { 1 << UInt64(reader % 64) }
}
