/// The followers of authors whose posts are put aside, as bits, so that putting one aside reads no list: half a million followers
/// take four milliseconds. Made with such an author's first post since the start, and kept up to date by its followers' events.
///
/// Derived from the worker's sets, so it is in no snapshot. Owned by the worker's thread.
final class LargeAuthors {
    private final class Entry {
        var followers: ReaderBits
        var lastUse: UInt64

        init(_ followers: consuming ReaderBits, lastUse: UInt64) {
            self.followers = followers
            self.lastUse = lastUse
        }
    }

    private var entries: [UserIndex: Entry] = [:]
    private var uses: UInt64 = 0

    /// Authors that are kept: with half a million readers 62 KiB each. Whoever posted longest ago makes room.
    private static let limit = 256

    var isEmpty: Bool { entries.isEmpty }

    /// Calls `use` with the author's followers; `list` enumerates them when they are not known.
    func withFollowers<Result>(
        of author: UserIndex, list: () -> ReaderBits, _ use: (borrowing ReaderBits) -> Result
    ) -> Result {
        uses += 1
        if let entry = entries[author] {
            entry.lastUse = uses
            return use(entry.followers)
        }
        if entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            entries[oldest.key] = nil
        }
        let entry = Entry(list(), lastUse: uses)
        entries[author] = entry
        return use(entry.followers)
    }

    /// The reader follows the author from now on.
    func add(_ reader: Int, to author: UserIndex) { entries[author]?.followers.insert(UInt32(reader)) }

    /// The reader follows the author no longer.
    func remove(_ reader: Int, from author: UserIndex) { entries[author]?.followers.remove(UInt32(reader)) }
}
