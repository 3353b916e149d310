import StarlingLog
import StarlingMemory
import Synchronization

/// What erasing bodies has come to since the start.
public struct ErasureStatistics: Sendable, Equatable {
    /// Bodies that were erased from the log.
    public var bodies: UInt64 = 0
    /// Posts, and accounts, whose bodies wait: most often for their segment to be sealed.
    public var pending: UInt64 = 0
    /// Segments that could not be written anew, each time that it was tried.
    public var errors: UInt64 = 0
}

/// Erases from the log's sealed segments the bodies of what is gone: deleted posts and comments, all those of deleted accounts,
/// bodies that were changed since, and texts of accounts that are deleted or were replaced. `step` belongs to one thread, the one that snapshots and scrubs.
///
/// Only what is durably gone is erased: a power cut must not bring back an account whose texts no longer exist.
final class BodyEraser: @unchecked Sendable {
    private let log: Log
    private let posts: PostTable
    /// Each author's newest post. Read of deleted accounts only, who write no more.
    private let newestPost: MappedTable<PostOrdinal>
    private let list: ErasureList
    private let sweep: EdgeSweep
    private let pauseNanoseconds: UInt64
    /// Nil for no limit.
    private let withinNanoseconds: UInt64?
    /// A record that changes memory which was given back is at most so many records behind the one that gave it back.
    private let recordsUntilZeroed: UInt64
    private let notify: @Sendable (EngineNotice) -> Void
    private let shared = Mutex(ErasureStatistics())
    private var notBefore: UInt64 = 0
    /// Things that are done although one before them is not.
    private var doneAhead = Set<Int>()
    /// When it was first seen that something waits for its segment to end, in monotonic nanoseconds.
    private var waitingSince: UInt64?
    /// Deletions before this one in the list were looked at for snapshots that hold texts of theirs.
    private var lookedAt = 0
    /// Snapshots of all pages are wanted from this record on; 0 for none.
    private var imageGoal: UInt64 = 0
    private var noImageBefore: UInt64 = 0

    /// Things looked at in one step, so that snapshots need not wait long.
    private static let itemsAtOnce = 4_096

    init(
        log: Log, state: SequencerState, sweep: EdgeSweep, configuration: EngineConfiguration,
        notify: @escaping @Sendable (EngineNotice) -> Void
    ) {
        self.log = log
        posts = state.posts
        newestPost = state.newestPost
        list = state.erasures
        self.sweep = sweep
        pauseNanoseconds = configuration.erasePauseMilliseconds &* 1_000_000
        withinNanoseconds =
            configuration.eraseWithinMilliseconds == 0 ? nil : configuration.eraseWithinMilliseconds &* 1_000_000
        recordsUntilZeroed = UInt64(configuration.ringEvents)
        self.notify = notify
    }

    /// What was done so far. Any thread.
    var statistics: ErasureStatistics {
        var statistics = shared.withLock { $0 }
        statistics.pending = UInt64(list.pending.count)
        return statistics
    }

    /// What the eraser cannot do by itself.
    enum Wish: Equatable {
        /// The log's segment is to end: what waits in it has waited long enough.
        case endSegment
        /// A snapshot of all pages is to be taken: those that are kept hold texts of deleted accounts.
        case image
    }

    /// Erases what can be erased when it is time to, and says what should be done for the rest. `now` in monotonic nanoseconds;
    /// `oldestImage` is the oldest record of which pages of the accounts' texts are kept, and `published` the last one that is
    /// committed.
    func step(now: UInt64, oldestImage: UInt64?, published: UInt64) -> [Wish] {
        guard pauseNanoseconds > 0, now >= notBefore else { return [] }
        notBefore = now &+ pauseNanoseconds
        let waits = eraseAll()
        guard let withinNanoseconds else { return [] }
        var wishes: [Wish] = []
        if !waits {
            waitingSince = nil
        } else if let since = waitingSince, now &- since >= withinNanoseconds {
            wishes.append(.endSegment)
            waitingSince = nil
        } else {
            waitingSince = waitingSince ?? now
        }
        noteDeletions(oldestImage: oldestImage, published: published)
        if imageGoal > 0, let oldestImage, oldestImage < imageGoal, now >= noImageBefore {
            wishes.append(.image)
        } else if imageGoal > 0, oldestImage.map({ $0 >= imageGoal }) ?? true {
            imageGoal = 0
            noImageBefore = now &+ withinNanoseconds
        }
        return wishes
    }

    /// Wants snapshots anew when accounts are gone from the log, but not from those that are kept.
    private func noteDeletions(oldestImage: UInt64?, published: UInt64) {
        let done = list.doneCount
        defer { lookedAt = done }
        guard let oldestImage, done > lookedAt else { return }
        for place in (lookedAt..<done).reversed() {
            guard case .posts = list.table.rows[place].item else { continue }
            // The newest one tells: by then the memory of all others was given back, too.
            if oldestImage <= list.table.rows[place].lsn + recordsUntilZeroed { imageGoal = published + 1 }
            return
        }
    }

    /// Erases what can be erased now. Returns whether something waits for its segment to end.
    @discardableResult
    func eraseAll() -> Bool {
        let durable = log.durableLSN
        let pending = list.pending
        var wanted: [(lsn: UInt64, item: Int)] = []
        var waiting = Set<Int>()
        for item in pending.prefix(Self.itemsAtOnce) where !doneAhead.contains(item) {
            if list.table.rows[item].lsn > durable {
                waiting.insert(item)
                continue
            }
            let target = list.table.rows[item].item
            // The list is also what a sweep of edges goes on from after a restart.
            if case .posts(let user) = target, !sweep.isDone(user) { waiting.insert(item) }
            for lsn in records(of: target) { wanted.append((lsn, item)) }
        }
        wanted.sort { $0.lsn < $1.lsn }
        let records = Set(wanted.map(\.lsn))
        var handledUpTo: UInt64 = 0
        var waitsForEnd = false
        for (lsn, item) in wanted where lsn > handledUpTo {
            switch erase(lsn, of: records) {
            case .erased(let bodies, let last):
                shared.withLock { $0.bodies += UInt64(bodies) }
                handledUpTo = last
            case .removed: break
            case .notSealed:
                waiting.insert(item)
                waitsForEnd = true
            case nil: waiting.insert(item)
            }
        }
        finish(pending.prefix(Self.itemsAtOnce), waiting)
        return waitsForEnd
    }

    /// Moves on behind what is done without a gap, and remembers the rest.
    private func finish(_ items: Range<Int>, _ waiting: Set<Int>) {
        for item in items where !waiting.contains(item) { doneAhead.insert(item) }
        var end = items.lowerBound
        while doneAhead.remove(end) != nil { end += 1 }
        list.finish(upTo: end)
    }

    /// Erases all those records that lie in the segment with one of them.
    private func erase(_ lsn: UInt64, of records: Set<UInt64>) -> ErasureOutcome? {
        do {
            return try log.eraseBodies(inSegmentHolding: lsn) { records.contains($0.lsn) }
        } catch {
            shared.withLock { $0.errors += 1 }
            notify(EngineNotice(.error, "erasing from the log: \(error)"))
            return nil
        }
    }

    /// The records that hold what is to be erased.
    private func records(of item: ErasureList.Item) -> [UInt64] {
        switch item {
        case .record(let lsn): return [lsn]
        case .posts(let user):
            var records: [UInt64] = []
            var ordinal = newestPost.rows[Int(user)]
            while ordinal != 0 {
                records.append(posts.bodyLSN(ordinal))
                ordinal = posts.rows[Int(ordinal)].previous
            }
            var comment = posts.ownComments.newest(of: user)
            while comment != 0 {
                records.append(posts.bodyLSN(comment))
                comment = posts.ownComments.before(comment)
            }
            return records
        }
    }
}
