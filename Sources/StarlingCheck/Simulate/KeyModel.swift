import StarlingEngine
import StarlingSystem

/// What idempotency keys are by definition: the first answer for a time of the log, then free again.
struct KeyModel {
    struct Key: Hashable {
        var actor: UInt64
        var text: String
    }

    enum Answer: Equatable {
        case follow(EdgeAnswer)
        /// The post that this record made.
        case post(lsn: UInt64)
        case deleted(changed: Bool)
        /// The comment that this record made.
        case comment(lsn: UInt64)
        /// Of the operation with this opcode.
        case changed(UInt32, Bool)
        case follows([UInt32])
    }

    struct Entry {
        var fingerprint: Hash128
        var lsn: UInt64
        var milliseconds: UInt64
        var answer: Answer
    }

    let retention: UInt64
    private var entries: [Key: Entry] = [:]
    /// Keys that were not over when the last one was recorded, the oldest first.
    private var order: [(key: Key, milliseconds: UInt64)] = []

    init(retention: UInt64) { self.retention = retention }

    func entry(_ key: Key, now: UInt64) -> Entry? {
        guard let entry = entries[key], now - entry.milliseconds < retention else { return nil }
        return entry
    }

    /// Whether the key was used, and is free again by now.
    func isExpired(_ key: Key, now: UInt64) -> Bool { entries[key] != nil && entry(key, now: now) == nil }

    func hasRoom(limit: Int, now: UInt64) -> Bool {
        guard order.count >= limit, let oldest = order.first else { return order.count < limit }
        return now - oldest.milliseconds >= retention
    }

    mutating func record(_ key: Key, _ entry: Entry) {
        order.removeAll { entry.milliseconds - $0.milliseconds >= retention || $0.key == key }
        entries[key] = entry
        order.append((key, entry.milliseconds))
    }
}
