import StarlingMemory
import StarlingSystem

/// The first answers of idempotency keys, for 24 hours of log time. Owned by the sequencer; a fold of the log.
///
/// Keys are compared whole (not by hash), because a stranger picks them. Only records make it forget: a look-up with a
/// clock that is wrong for a moment changes nothing, so live and recovered tables cannot differ.
///
/// Everything lies in tracked memory, for snapshots: entries in cells of one size in an arena, the heads of the buckets in
/// a table that grows by one bucket an insertion, and the few numbers beside them in a row of their own. Cells of one size
/// leave no holes that cannot be filled again, so what fits is known exactly.
final class IdempotencyTable {
    struct Key {
        var actor: UInt64
        var text: String
    }

    /// What is needed to give the first answer again.
    enum Answer {
        case follow(FollowOutcome)
        case post(PostID)
        case heldPost(PostID, PostState)
        case deleted(changed: Bool)
        case follows(RowOutcomes)
        case comment(PostID)
        /// Of the operations that answer with no more than whether they changed anything.
        case changed(FactAnswer.Operation, Bool)
        case account(UserID)
    }

    struct Entry {
        var fingerprint: Hash128
        var lsn: UInt64
        var milliseconds: UInt64
        var answer: Answer
    }

    /// One row, zero until the first insertion.
    let root: MappedTable<IdempotencyRoot>
    /// The first entry of each bucket, or 0. Grows, never shrinks.
    let buckets: MappedTable<UInt32>
    let arena: Arena
    /// For a table that was not loaded; else the root's counts.
    let freshSeed: UInt64
    private let retention: UInt64

    /// Cells of the largest entry that a request can lead to.
    static let largestRequestCells: Int = {
        // An import of posts adds a mark, the actor's digits, a slash and the row's number.
        let textBytes = PostRules.maximumKeyBytes + 1 + 20 + 1 + 5
        return cells(payloadBytes: textBytes + RowOutcomes.packedBytes(Command.maximumRows))
    }()

    /// `seed` keeps strangers from choosing keys that share a bucket.
    init(
        retentionMilliseconds: UInt64, arenaBytes: Int, hugePages: Bool, in memory: RegionMemory? = nil, seed: UInt64
    ) throws(ArenaError) {
        retention = retentionMilliseconds
        freshSeed = seed
        arena = try Arena(reservedBytes: arenaBytes, hugePages: hugePages, in: memory)
        root = try MappedTable(capacity: 1, hugePages: false, in: memory)
        root.ensure(count: 1)
        // A bucket for each entry that the arena can hold, so that this table is never the one that is full.
        let bucketLimit = max(arena.bytesReserved / Self.cellBytes, Int(Self.firstBucketCount))
        buckets = try MappedTable(capacity: bucketLimit, hugePages: hugePages, in: memory)
    }

    /// Keys that would be found at some time.
    var count: Int { Int(root.rows.pointee.count) }

    /// The entry of a key that is not free yet at log time `now`.
    func entry(_ key: Key, now: UInt64) -> Entry? {
        guard count > 0, let link = find(key).link else { return nil }
        let head = target(of: link)
        guard !isOver(cell(head).pointee.milliseconds, now) else { return nil }
        return readEntry(head)
    }

    /// Whether another key fits into `limit` and the memory, when its record is written at `now`: that drops what is over
    /// by then. O(1).
    func hasRoom(limit: Int, now: UInt64) -> Bool {
        let front = root.rows.pointee.front
        let fits = count < limit || (front != 0 && isOver(cell(front).pointee.milliseconds, now))
        return fits && hasMemory(now: now)
    }

    /// A request fits into what is free now, whatever its record drops: the clock may have gone back until it is written.
    /// As much again is left for the next one, when the record drops what it should.
    private func hasMemory(now: UInt64) -> Bool {
        var free = freeCells
        guard free >= Self.largestRequestCells else { return false }
        var head = root.rows.pointee.front
        while free < 2 * Self.largestRequestCells {
            guard head != 0, isOver(cell(head).pointee.milliseconds, now) else { return false }
            free += Self.cells(payloadBytes: cell(head).pointee.payloadBytes)
            head = cell(head).pointee.nextInOrder
        }
        return true
    }

    /// Keeps the answer of `key`, in place of an older one. Times do not fall from one insertion to the next.
    ///
    /// Throws `outOfRoom`, and then nothing has changed: a log can hold more than this arena. Where `hasRoom` said yes, a
    /// request's entry fits.
    func insert(_ key: Key, _ entry: Entry) throws(ArenaError) {
        let answer = StoredAnswer(entry.answer)
        let needed = Self.cells(payloadBytes: key.text.utf8.count + answer.rows.count)
        guard needed <= freeCells, let textBytes = UInt32(exactly: key.text.utf8.count) else {
            throw .outOfRoom(needed: needed * Self.cellBytes, left: freeCells * Self.cellBytes)
        }
        prepareFirstInsertion()
        let (hash, old) = find(key)
        if let old { supersede(old) }
        let head = allocateCells(needed)
        let bucket = Link.bucket(bucket(of: hash))
        let first = writableCell(head)
        first.pointee = IdempotencyCell(
            nextInBucket: target(of: bucket), nextInOrder: 0, continuation: first.pointee.continuation, hash: hash,
            actor: key.actor, fingerprint: entry.fingerprint, lsn: entry.lsn, milliseconds: entry.milliseconds,
            answerValue: answer.value, textBytes: textBytes, answerKind: answer.kind.rawValue)
        writePayload(head, text: key.text, rows: answer.rows)
        set(bucket, to: head)
        appendToOrder(head)
        if count > buckets.count { splitBucket() }
    }

    /// Drops what is older than the retention at log time `now`: `limit` keys at most; the rest goes with later calls, and
    /// is not found meanwhile by who asks with a time that is not before `now`. A limit of `largestRequestCells` or more
    /// frees what `hasRoom` counts on. Amortised O(1) a key.
    func expire(now: UInt64, limit: Int = .max) {
        var left = limit
        while left > 0, case let head = root.rows.pointee.front, head != 0 {
            let entry = cell(head).pointee
            guard isOver(entry.milliseconds, now) else { return }
            let state = root.writable(0)
            // A key that was used again after its expiry has a younger entry, which stays.
            if entry.isSuperseded == 0 {
                unlink(head, hash: entry.hash)
                state.pointee.count -= 1
            }
            state.pointee.front = entry.nextInOrder
            if entry.nextInOrder == 0 { state.pointee.back = 0 }
            freeCells(of: head)
            left -= 1
        }
    }

    private func isOver(_ milliseconds: UInt64, _ now: UInt64) -> Bool {
        now >= milliseconds && now - milliseconds >= retention
    }

    /// The entry keeps its place in the order until its time is over, but is no longer found.
    private func supersede(_ link: Link) {
        let old = target(of: link)
        set(link, to: cell(old).pointee.nextInBucket)
        writableCell(old).pointee.isSuperseded = 1
        root.writable(0).pointee.count -= 1
    }

    private func appendToOrder(_ head: UInt32) {
        let state = root.writable(0)
        if state.pointee.back == 0 {
            state.pointee.front = head
        } else {
            writableCell(state.pointee.back).pointee.nextInOrder = head
        }
        state.pointee.back = head
        state.pointee.count += 1
    }
}
