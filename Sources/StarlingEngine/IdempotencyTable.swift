import StarlingSystem

/// The first answers of idempotency keys, for 24 hours of log time. Owned by the sequencer; a fold of the log.
///
/// Keys are compared whole (not by hash), because a stranger picks them. Only records make it forget: a look-up with a
/// clock that is wrong for a moment changes nothing, so live and recovered tables cannot differ.
struct IdempotencyTable {
    struct Key: Hashable {
        var actor: UInt64
        var text: String
    }

    /// What is needed to give the first answer again.
    enum Answer {
        case follow(FollowOutcome)
        case post(PostID)
        case deleted(changed: Bool)
        case follows(RowOutcomes)
    }

    struct Entry {
        var fingerprint: Hash128
        var lsn: UInt64
        var milliseconds: UInt64
        var answer: Answer
    }

    private var entries: [Key: Entry] = [:]
    /// Keys in the order of their records, so that expiry takes them from the front.
    private var order: [(key: Key, milliseconds: UInt64)] = []
    private var expired = 0
    private let retention: UInt64

    init(retentionMilliseconds: UInt64) { retention = retentionMilliseconds }

    var count: Int { entries.count }

    /// The entry of a key that is not free yet at log time `now`.
    func entry(_ key: Key, now: UInt64) -> Entry? {
        guard let entry = entries[key], !isOver(entry.milliseconds, now) else { return nil }
        return entry
    }

    /// Whether another key fits into `limit`, when its record is written at `now`: that drops what is over by then.
    func hasRoom(limit: Int, now: UInt64) -> Bool {
        entries.count < limit || (expired < order.count && isOver(order[expired].milliseconds, now))
    }

    mutating func insert(_ key: Key, _ entry: Entry) {
        entries[key] = entry
        order.append((key, entry.milliseconds))
    }

    /// Drops what is older than the retention at log time `now`. Amortised O(1) a key.
    mutating func expire(now: UInt64) {
        while expired < order.count, isOver(order[expired].milliseconds, now) {
            let (key, milliseconds) = order[expired]
            // A key that was used again after its expiry has a younger entry, which stays.
            if entries[key]?.milliseconds == milliseconds { entries[key] = nil }
            expired += 1
        }
        if expired > 1_024, expired * 2 > order.count {
            order.removeFirst(expired)
            expired = 0
        }
    }

    private func isOver(_ milliseconds: UInt64, _ now: UInt64) -> Bool {
        now >= milliseconds && now - milliseconds >= retention
    }
}
