import StarlingSystem

@testable import StarlingEngine

/// What `IdempotencyTable` means, with a dictionary and an array: the plainest table that can be right.
struct IdempotencyTableModel {
    struct Key: Hashable {
        var actor: UInt64
        var text: String
    }

    struct Entry {
        var milliseconds: UInt64
        /// The whole entry in words.
        var described: String
    }

    private var entries: [Key: Entry] = [:]
    private var order: [(key: Key, milliseconds: UInt64)] = []
    private let retention: UInt64

    init(retentionMilliseconds: UInt64) { retention = retentionMilliseconds }

    var count: Int { entries.count }

    func entry(_ key: Key, now: UInt64) -> String? {
        guard let entry = entries[key], !isOver(entry.milliseconds, now) else { return nil }
        return entry.described
    }

    func hasRoom(limit: Int, now: UInt64) -> Bool {
        entries.count < limit || order.first.map { isOver($0.milliseconds, now) } ?? false
    }

    mutating func insert(_ key: Key, _ entry: Entry) {
        entries[key] = entry
        order.append((key, entry.milliseconds))
    }

    mutating func expire(now: UInt64) {
        let expired = order.prefix { isOver($0.milliseconds, now) }
        for (key, milliseconds) in expired where entries[key]?.milliseconds == milliseconds { entries[key] = nil }
        order.removeFirst(expired.count)
    }

    private func isOver(_ milliseconds: UInt64, _ now: UInt64) -> Bool {
        now >= milliseconds && now - milliseconds >= retention
    }
}

/// A table and its model, to which the same things happen.
struct ModelledIdempotencyTable {
    typealias Key = IdempotencyTableModel.Key

    var table: IdempotencyTable
    var model: IdempotencyTableModel
    let keys: [Key]
    var now: UInt64 = 1_700_000_000_000
    private(set) var lsn: UInt64 = 0
    private let retention: UInt64

    static func makeTable(
        retention: UInt64 = 1_000, arenaBytes: Int = 1 << 24, seed: UInt64 = 1
    ) throws -> IdempotencyTable {
        try IdempotencyTable(
            retentionMilliseconds: retention, arenaBytes: arenaBytes, hugePages: false, seed: seed)
    }

    /// `keyCount` keys of lengths around all borders: one cell, two, many; few actors, who use the same texts.
    init(keyCount: Int, retention: UInt64, random: inout SeededRandom) throws {
        table = try Self.makeTable(retention: retention, seed: random.next())
        model = IdempotencyTableModel(retentionMilliseconds: retention)
        self.retention = retention
        let lengths = [1, 8, 36, 55, 56, 57, 128, 155, 179, 180, 181, 303, 304, 305, 512, 513, 2_000]
        keys = (0..<keyCount).map { number in
            let length = lengths[Int.random(in: 0..<lengths.count, using: &random)]
            let digits = String(number / 3)
            let text = String(repeating: "k", count: max(length - digits.utf8.count, 0)) + digits
            return Key(actor: UInt64(number % 3), text: text)
        }
    }

    /// One of the things that happen to a table. Returns what the two disagree about.
    mutating func step(_ random: inout SeededRandom) -> String? {
        let key = keys[Int.random(in: 0..<keys.count, using: &random)]
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: insert(key, Self.randomAnswer(&random))
        case 4: now += UInt64.random(in: 0...retention / 8, using: &random)
        case 5 where UInt8.random(in: 0..<50, using: &random) == 0: now += retention
        case 6: expire()
        case 7: return roomDifference(&random)
        default: return difference(key, at: now &- 5 &+ UInt64.random(in: 0...10, using: &random))
        }
        return nil
    }

    mutating func expire() {
        table.expire(now: now)
        model.expire(now: now)
    }

    mutating func insert(_ key: Key, _ answer: IdempotencyTable.Answer) {
        lsn += 1
        let entry = IdempotencyTable.Entry(
            fingerprint: Hash128(high: lsn &* 7, low: ~lsn), lsn: lsn, milliseconds: now, answer: answer)
        try? table.insert(.init(actor: key.actor, text: key.text), entry)
        model.insert(key, .init(milliseconds: now, described: Self.describe(entry)))
    }

    func difference(_ key: Key, at time: UInt64) -> String? {
        let entry = table.entry(.init(actor: key.actor, text: key.text), now: time).map(Self.describe)
        let expected = model.entry(key, now: time)
        return entry == expected ? nil : "\(key) at \(time): \(entry ?? "nil"), not \(expected ?? "nil")"
    }

    private func roomDifference(_ random: inout SeededRandom) -> String? {
        let limit = max(model.count + Int.random(in: -1...1, using: &random), 0)
        let time = now + UInt64.random(in: 0...retention, using: &random)
        let hasRoom = table.hasRoom(limit: limit, now: time)
        return hasRoom == model.hasRoom(limit: limit, now: time) ? nil : "room for \(limit) at \(time): \(hasRoom)"
    }

    /// The first difference in the whole state, or what is broken in the table.
    func difference() -> String? {
        if table.count != model.count { return "\(table.count) keys, not \(model.count)" }
        for key in keys { if let wrong = difference(key, at: now) { return wrong } }
        return table.brokenInvariant()
    }

    static func randomAnswer(_ random: inout SeededRandom) -> IdempotencyTable.Answer {
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
            .follow(
                FollowOutcome(
                    state: FollowState(rawValue: UInt8.random(in: 0...2, using: &random)) ?? .none,
                    changed: Bool.random(using: &random)))
        case 1: .post(PostID(rawValue: random.next()))
        case 2: .deleted(changed: Bool.random(using: &random))
        case 3: .follows(RowOutcomes(Array(repeating: UInt32.random(in: 0...4, using: &random), count: 100)))
        case 5: .comment(PostID(rawValue: random.next()))
        case 6: .changed(.markRead, Bool.random(using: &random))
        case 7: .heldPost(PostID(rawValue: random.next()), Bool.random(using: &random) ? .pending : .blocked)
        case 4: .follows(randomRows(Int.random(in: 0...12, using: &random), &random))
        default: .follows(randomRows(Int.random(in: 0...800, using: &random), &random))
        }
    }

    static func randomRows(_ count: Int, _ random: inout SeededRandom) -> RowOutcomes {
        RowOutcomes((0..<count).map { _ in UInt32(truncatingIfNeeded: random.next() >> 60) % 5 })
    }

    /// All of an entry in words, rows as digits.
    static func describe(_ entry: IdempotencyTable.Entry) -> String {
        let answer =
            switch entry.answer {
            case .follow(let edge): "follow \(edge.state) \(edge.changed)"
            case .post(let id): "post \(id)"
            case .heldPost(let id, let state): "held post \(id) \(state)"
            case .account(let id): "account \(id)"
            case .deleted(let changed): "deleted \(changed)"
            case .comment(let id): "comment \(id)"
            case .changed(let operation, let changed): "changed \(operation) \(changed)"
            case .follows(let outcomes): "follows " + outcomes.rows.map { String($0.rawValue) }.joined()
            }
        return "\(entry.lsn) \(entry.fingerprint) \(entry.milliseconds) \(answer)"
    }
}
