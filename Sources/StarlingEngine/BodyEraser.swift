import StarlingLog
import StarlingMemory
import StarlingSchema
import SwiftProtobuf
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

/// Erases from the log's sealed segments the bodies of what is gone: deleted posts, all posts of deleted accounts, and texts of
/// accounts that are deleted or were replaced. `step` belongs to one thread, the one that snapshots and scrubs.
///
/// Only what is durably gone is erased: a power cut must not bring back an account whose texts no longer exist.
final class BodyEraser: @unchecked Sendable {
    private let log: Log
    private let users: UserTable
    private let posts: PostTable
    /// Each author's newest post. Read of deleted accounts only, whose posts become no more.
    private let newestPost: MappedTable<PostOrdinal>
    private let accounts: AccountTable
    private let list: ErasureList
    private let sweep: EdgeSweep
    private let pauseNanoseconds: UInt64
    private let notify: @Sendable (EngineNotice) -> Void
    private let shared = Mutex(ErasureStatistics())
    private var notBefore: UInt64 = 0
    /// Things that are done although one before them is not.
    private var doneAhead = Set<Int>()

    /// Things looked at in one step, so that snapshots need not wait long.
    private static let itemsAtOnce = 4_096

    init(
        log: Log, state: SequencerState, sweep: EdgeSweep, pauseMilliseconds: UInt64,
        notify: @escaping @Sendable (EngineNotice) -> Void
    ) {
        self.log = log
        users = state.users
        posts = state.posts
        newestPost = state.newestPost
        accounts = state.accounts
        list = state.erasures
        self.sweep = sweep
        pauseNanoseconds = pauseMilliseconds &* 1_000_000
        self.notify = notify
    }

    /// What was done so far. Any thread.
    var statistics: ErasureStatistics {
        var statistics = shared.withLock { $0 }
        statistics.pending = UInt64(list.pending.count)
        return statistics
    }

    /// Erases what can be erased when it is time to. `now` in monotonic nanoseconds.
    func step(now: UInt64) {
        guard pauseNanoseconds > 0, now >= notBefore else { return }
        eraseAll()
        notBefore = now &+ pauseNanoseconds
    }

    /// Erases what can be erased now.
    func eraseAll() {
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
        var handledUpTo: UInt64 = 0
        for (lsn, item) in wanted where lsn > handledUpTo {
            switch erase(lsn, durable: durable) {
            case .erased(let bodies, let last):
                shared.withLock { $0.bodies += UInt64(bodies) }
                handledUpTo = last
            case .removed: break
            case .notSealed, nil: waiting.insert(item)
            }
        }
        finish(pending.prefix(Self.itemsAtOnce), waiting)
    }

    /// Moves on behind what is done without a gap, and remembers the rest.
    private func finish(_ items: Range<Int>, _ waiting: Set<Int>) {
        for item in items where !waiting.contains(item) { doneAhead.insert(item) }
        var end = items.lowerBound
        while doneAhead.remove(end) != nil { end += 1 }
        list.finish(upTo: end)
    }

    private func erase(_ lsn: UInt64, durable: UInt64) -> ErasureOutcome? {
        do {
            return try log.eraseBodies(inSegmentHolding: lsn) { isSuperfluous($0, durable: durable) }
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
                records.append(posts.rows[Int(ordinal)].lsn)
                ordinal = posts.rows[Int(ordinal)].previous
            }
            return records
        }
    }

    private func isSuperfluous(_ record: LogRecord, durable: UInt64) -> Bool {
        guard let fact = try? Starling_V1_Fact(serializedBytes: record.value) else { return false }
        switch fact.fact {
        case .postCreated(let post):
            guard let ordinal = posts.find(PostID(rawValue: post.postID), among: posts.publishedCount) else {
                return false
            }
            let deleted = posts.deletedLSN(ordinal)
            return (deleted != 0 && deleted <= durable) || isGone(post.authorID, durable)
        case .accountRegistered(let account): return isReplaced(account.userID, record.lsn, durable)
        case .profileChanged(let account): return isReplaced(account.userID, record.lsn, durable)
        case .credentialsChanged(let account): return isReplaced(account.userID, record.lsn, durable)
        default: return false
        }
    }

    private func isReplaced(_ user: UInt64, _ lsn: UInt64, _ durable: UInt64) -> Bool {
        guard let index = users.index(of: UserID(rawValue: user)) else { return false }
        let newest = accounts.bodyLSN(index)
        return (newest > lsn && newest <= durable) || isGone(user, durable)
    }

    private func isGone(_ user: UInt64, _ durable: UInt64) -> Bool {
        guard let index = users.index(of: UserID(rawValue: user)) else { return false }
        let deleted = accounts.deletedLSN(index)
        return deleted != 0 && deleted <= durable
    }
}
