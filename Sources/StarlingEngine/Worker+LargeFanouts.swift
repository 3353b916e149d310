import StarlingMemory
import StarlingSets
import StarlingSystem

/// Posts of giants. A post to a million followers takes a worker ten milliseconds, and what comes after it shall not
/// wait so long: so its fan-out is put aside and goes on a piece at a time, when there is nothing else to do, and with a
/// quarter of the time.
///
/// Nobody can see that. Before anything else is put into a reader's timeline, or the reader's edges or presence change,
/// or a page is made, the reader gets what it is still missing. So each timeline is filled in the order of the log, as
/// if every fan-out had been completed at once, and the state stays a fold of the log, whenever the pieces come.
extension Worker {
    /// Puts the fan-out of a post aside.
    func putAside(_ row: DeliveryRow, by author: UserIndex) {
        let start = markStart
        largeFanouts.append(
            largeAuthors.withFollowers(of: author, list: { listFollowers(of: author) }) { followers in
                LargeFanout(row: row, author: author, start: start, followers: followers)
            })
        postsAside &+= 1
        noteNextPiece()
    }

    private func noteNextPiece() {
        let share = Self.workPerPiece / UInt64(clamping: max(largeFanouts.count, 1))
        nextPiece = work &+ UInt64(pieceDeliveries) * max(share, 1)
    }

    /// What this worker has done: a delivery or an event counts as one.
    var work: UInt64 { handled &+ position }

    /// While there is always something else to do, one of so many pieces of work is one of a large fan-out; more of them when
    /// several wait.
    private static var workPerPiece: UInt64 { 8 }

    private func listFollowers(of author: UserIndex) -> ReaderBits {
        var bits = ReaderBits(readerCount: readerUsers.count)
        var blocks = followerSets.blocks(followers.rows + Int(author))
        while let block = blocks.next() { for reader in block { bits.insert(reader) } }
        return bits
    }

    /// Followers of an author on this worker from which on a post is put aside: four pieces are no longer than a slice.
    var largeFanoutFollowers: Int { pieceDeliveries * 4 }

    /// Whether large fan-outs are all that there is to do now.
    var hasOnlyLargeFanouts: Bool { !largeFanouts.isEmpty && !hasEvents }

    /// How long to sleep then, in microseconds: a little at least, so that nothing spins.
    var pauseBeforeBurst: Int {
        let now = time.monotonicNanoseconds()
        return nextBurst > now ? Int(clamping: (nextBurst - now) / 1_000) + 1 : 1
    }

    /// Makes deliveries of what was put aside until an event comes, four pieces at most. Returns whether it made any.
    ///
    /// Then it pauses for three times as long, so that other threads find processors free, and an event finds this worker
    /// idle or in its last piece. Two workers that take all of the time, or half of it, leave too little to the writer: others'
    /// p99 was four times as long. With several posts waiting there is less time for pauses.
    func deliverBurst(budget: UInt64) -> Bool {
        let start = time.monotonicNanoseconds()
        if takesPauses, start < nextBurst { return false }
        let end = handled &+ min(budget, UInt64(pieceDeliveries) * Self.piecesAtOnce)
        var hasDelivered = false
        repeat {
            guard deliverPiece(limit: pieceSize(budget)) else { break }
            hasDelivered = true
        } while !largeFanouts.isEmpty && handled < end && !hasEvents
        let now = time.monotonicNanoseconds()
        let pauses: UInt64 = largeFanouts.count <= 1 ? 3 : largeFanouts.count == 2 ? 1 : 0
        nextBurst = now &+ (now &- start) &* pauses
        return hasDelivered
    }

    func pieceSize(_ budget: UInt64) -> Int { min(pieceDeliveries, Int(clamping: budget)) }

    /// Pieces that are delivered without a look at the reads: some 150 microseconds.
    private static var piecesAtOnce: UInt64 { 4 }

    /// Deliveries of posts that were put aside which are still to be made.
    var missingDeliveries: Int { largeFanouts.reduce(0) { $0 + $1.missingCount } }

    /// Makes up to `limit` deliveries of the oldest post that was put aside. False when memory was full.
    func deliverPiece(limit: Int) -> Bool {
        noteNextPiece()
        guard let fanout = largeFanouts.first else { return true }
        pieceReaders.removeAll(keepingCapacity: true)
        var next = fanout.nextReader
        var blocks = followerSets.blocks(followers.rows + Int(fanout.author), from: next)
        while pieceReaders.count < limit, let block = blocks.next() {
            for reader in block where pieceReaders.count < limit {
                if fanout.isMissing(reader) { pieceReaders.append(reader) }
                next = reader + 1
            }
        }
        precondition(
            !pieceReaders.isEmpty || fanout.missingCount == 0,
            "a follower was left out of the fan-out of post \(fanout.post)")
        guard give(fanout, toAll: pieceReaders) else { return false }
        fanout.advance(to: next)
        noteProgress(of: fanout)
        if fanout.missingCount == 0 { finish(fanout) }
        return true
    }

    /// Gives the readers what they are still missing, in the order of the log. False when memory was full.
    @inline(never)
    func settle(_ readers: UnsafeBufferPointer<UInt32>) -> Bool {
        for fanout in largeFanouts {
            pieceReaders.removeAll(keepingCapacity: true)
            for reader in readers where fanout.isMissing(reader) { pieceReaders.append(reader) }
            guard give(fanout, toAll: pieceReaders) else { return false }
            if fanout.missingCount == 0 { finish(fanout) }
        }
        return true
    }

    /// The same for one reader, by its account; nothing for one that another worker owns.
    @inline(__always)
    func settle(user: UserIndex) -> Bool {
        if largeFanouts.isEmpty { return true }
        guard let reader = reader(user) else { return true }
        return withUnsafePointer(to: UInt32(reader)) { settle(UnsafeBufferPointer(start: $0, count: 1)) }
    }

    private func give(_ fanout: LargeFanout, toAll readers: [UInt32]) -> Bool {
        if readers.isEmpty { return true }
        return readers.withUnsafeBufferPointer { readers in
            guard let away = insert(fanout.post, into: readers) else { return false }
            pushed += UInt64(readers.count - away)
            skippedAway += UInt64(away)
            fanout.note(readers, away: away)
            return true
        }
    }

    private func finish(_ fanout: LargeFanout) {
        largeFanouts.removeAll { $0 === fanout }
        deliveries.putLate(fanout.row)
        if let delay = delay(since: fanout.start) {
            delays.record(delay, times: 1)
            deliveries.setDelay(of: fanout.post, delay)
        }
    }

    /// Completes what was put aside, as far as `limit` allows. Returns whether nothing is left.
    func completeLargeFanouts(untilDelivered limit: UInt64) -> Bool {
        while !largeFanouts.isEmpty, handled < limit {
            guard deliverPiece(limit: pieceDeliveries) else { return false }
        }
        return largeFanouts.isEmpty
    }
}
