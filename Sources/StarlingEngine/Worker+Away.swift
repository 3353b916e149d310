import StarlingMemory
import StarlingSets
import StarlingSystem

/// Readers who are away: nothing is written to their timelines, and nothing of them is kept.
///
/// The floor of such a timeline is above all posts, so fan-out skips it and a page is merged from the followees' chains, as
/// below every floor. Whether a reader is away is therefore a matter of cost that no reader can see. Both switches are records
/// of the log, so every replay takes the same turn.
extension Worker {
    /// The floor of a timeline that holds nothing because its reader is away. No post has this ordinal.
    static let awayFloor = PostOrdinal.max

    func isAway(_ reader: Int) -> Bool { floors.rows[reader] == Self.awayFloor }

    /// Drops the reader's timeline, or builds it anew. False when memory was full.
    func setAway(_ user: UserIndex, _ away: Bool) -> Bool {
        guard let reader = reader(user), isAway(reader) != away else { return true }
        guard away else {
            guard rebuild(reader) else { return false }
            awayReaders -= 1
            return true
        }
        timelineSets.removeAll(from: timelines.writable(reader))
        if readerFlags.rows[reader] & ReaderFlag.hasUnfollowed != 0 {
            readerFlags.writable(reader).pointee &= ~ReaderFlag.hasUnfollowed
        }
        floors.writable(reader).pointee = Self.awayFloor
        awayReaders += 1
        return true
    }

    /// Fills an empty timeline with the newest posts of the followees that are pushed. (The others are merged at read, whether
    /// or not the timeline holds some of their posts.)
    ///
    /// Cost: a look at each followee's newest post, and O(log followees) a post: about 0.4 ms for 1,000 followees.
    private func rebuild(_ reader: Int) -> Bool {
        var chains = ChainHeap()
        var authors = followeeSets.ascending(followees.rows + reader)
        while let author = authors.next() {
            let newest = newestPosts.rows[Int(author.key)]
            if newest != 0, authorFlags.rows[Int(author.key)] & AuthorFlag.merged == 0 { chains.append(newest) }
        }
        chains.heapify()
        var newestFirst: [PostOrdinal] = []
        newestFirst.reserveCapacity(cap)
        while newestFirst.count < cap, chains.top != 0 {
            newestFirst.append(chains.top)
            chains.replaceTop(with: posts.rows[Int(chains.top)].previous)
        }
        let isWhole = chains.top == 0
        let timeline = timelines.writable(reader)
        for post in newestFirst.reversed() {
            guard hasRoom(timelineSets.arena.allocationsLeft, for: .timelines) else { return false }
            _ = timelineSets.insert(post, into: timeline)
        }
        floors.writable(reader).pointee = isWhole ? 0 : newestFirst.last ?? 0
        return true
    }

    /// Notes that a reader reads now, and says so when it was away. Precise to a minute, so that reading changes few pages.
    func noteRead(_ reader: Int) {
        let now = secondsNow
        let last = lastReads.rows[reader]
        if isAway(reader) {
            // Once a second: until the log says that the reader is back, each of its reads comes here.
            if last == now { return }
            lastReads.writable(reader).pointee = now
            onReturn(users.id(of: readerUsers.rows[reader]))
        } else if now >= last &+ 60 || now < last {
            lastReads.writable(reader).pointee = now
        }
    }

    /// Readers from `first` on, looking at no more than `lookLimit`, that have not read for `seconds` and are not away yet.
    func absentReaders(
        from first: Int, lookLimit: Int, limit: Int, after seconds: UInt32
    ) -> (users: [UserID], next: Int) {
        let now = secondsNow
        var found: [UserID] = []
        var reader = first
        let end = min(readerUsers.count, first + lookLimit)
        while reader < end, found.count < limit {
            let last = lastReads.rows[reader]
            if now > last, now - last >= seconds, !isAway(reader) {
                found.append(users.id(of: readerUsers.rows[reader]))
            }
            reader += 1
        }
        return (found, reader)
    }

    /// Readers that this worker owns.
    var readerCount: Int { readerUsers.count }

    var secondsNow: UInt32 { UInt32(clamping: time.wallMilliseconds() / 1_000) }
}
