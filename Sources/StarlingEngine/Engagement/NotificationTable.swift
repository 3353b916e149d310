import StarlingMemory
import StarlingSets

/// What happened to a user.
public enum NotificationKind: UInt8, Sendable, CaseIterable {
    /// Somebody follows the user.
    case follow = 0
    /// Somebody asks to follow the user.
    case followRequest = 1
    /// Somebody has accepted the user's request.
    case followAccepted = 2
    /// Somebody reacted to a post or comment of the user.
    case reaction = 3
    /// Somebody commented on a post of the user.
    case comment = 4
    /// Somebody named the user.
    case mention = 5
    /// A moderator has blocked a post of the user.
    case postBlocked = 6
}

/// One notification. 32 bytes, in a block of the arena.
struct NotificationRow: BitwiseCopyable {
    /// The record that it comes of, and its number: one record tells one user one thing.
    var lsn: UInt64
    var milliseconds: UInt64
    /// `nobody` when it was no user.
    var actor: UserIndex
    /// The post or comment that it is about, or 0.
    var subject: PostOrdinal
    private var kindCode: UInt32

    static let nobody = UserIndex.max

    init(_ kind: NotificationKind, by actor: UserIndex, about subject: PostOrdinal, lsn: UInt64, milliseconds: UInt64) {
        self.lsn = lsn
        self.milliseconds = milliseconds
        self.actor = actor
        self.subject = subject
        kindCode = UInt32(kind.rawValue)
    }

    var kind: NotificationKind { NotificationKind(rawValue: UInt8(clamping: kindCode)) ?? .follow }

    /// Of those with the same key a user gets only the newest: who follows and unfollows and follows is heard of once.
    var key: UInt64 { Self.key(kind, by: actor, about: subject) }

    static func key(_ kind: NotificationKind, by actor: UserIndex, about subject: PostOrdinal) -> UInt64 {
        // What is about no post is told apart by its kind, in numbers that no post has.
        let number = subject == 0 ? UInt32.max - UInt32(kind.rawValue) : subject
        return UInt64(number) << 32 | UInt64(actor)
    }
}

/// The notifications of a worker's readers: for each the newest ones, by number and by what they are about. Derived from the
/// events of the log alone. Owned by the worker's thread.
final class NotificationTable {
    /// The sets, and between them the blocks of the rows.
    let sets: SortedSetArena<ScoredMember>
    /// By reader: number to block.
    let newest: MappedTable<SortedSet>
    /// By reader: key to block.
    let subjects: MappedTable<SortedSet>
    /// By reader: up to which number everything was read.
    let marks: MappedTable<UInt64>
    /// How many a reader keeps.
    let limit: Int

    static let blockUnits: UInt32 = 2
    /// Blocks of the arena that one more notification takes at most.
    static let allocationsPerNotification = 2 * SortedSetArena<ScoredMember>.allocationsPerInsert + 1
    /// And one less.
    static let allocationsPerRemoval = 2 * SortedSetArena<ScoredMember>.allocationsPerRemove

    init(configuration: EngineConfiguration, in memory: RegionMemory, seed: UInt64) throws(ArenaError) {
        sets = SortedSetArena(arena: try configuration.makeArena(in: memory), seed: seed)
        newest = try configuration.makeUserTable(in: memory)
        subjects = try configuration.makeUserTable(in: memory)
        marks = try configuration.makeUserTable(in: memory)
        limit = configuration.notificationsKept
    }

    func ensure(readers count: Int) {
        newest.ensure(count: count)
        subjects.ensure(count: count)
        marks.ensure(count: count)
    }

    func row(_ block: UInt32) -> NotificationRow {
        sets.arena.pointer(to: block).load(as: NotificationRow.self)
    }

    /// Adds a notification, in place of an older one with the same key, and drops the oldest beyond the limit. Its number is above
    /// all others of the reader. The arena has room for `allocationsPerNotification`. O(log limit).
    func add(_ row: NotificationRow, to reader: Int) {
        if let old = sets.find(row.key, in: subjects.rows + reader) { remove(old.member, from: reader) }
        let block = sets.arena.allocate(units: Self.blockUnits)
        sets.arena.writable(block, units: Self.blockUnits).storeBytes(of: row, as: NotificationRow.self)
        sets.insert(ScoredMember(key: row.lsn, member: block), into: newest.writable(reader))
        sets.insert(ScoredMember(key: row.key, member: block), into: subjects.writable(reader))
        while newest.rows[reader].count > limit, let oldest = sets.first(of: newest.rows + reader) {
            remove(oldest.member, from: reader)
        }
    }

    /// Takes a notification back whose cause is gone, unless it was read.
    func takeBack(_ kind: NotificationKind, by actor: UserIndex, about subject: PostOrdinal, from reader: Int) {
        let key = NotificationRow.key(kind, by: actor, about: subject)
        guard let found = sets.find(key, in: subjects.rows + reader) else { return }
        let row = row(found.member)
        if row.kind == kind, row.lsn > marks.rows[reader] { remove(found.member, from: reader) }
    }

    private func remove(_ block: UInt32, from reader: Int) {
        let row = row(block)
        _ = sets.remove(row.lsn, from: newest.writable(reader))
        _ = sets.remove(row.key, from: subjects.writable(reader))
        sets.arena.free(block, units: Self.blockUnits)
    }

    /// Everything up to `lsn` was read.
    func markRead(upTo lsn: UInt64, by reader: Int) {
        if lsn > marks.rows[reader] { marks.writable(reader).pointee = lsn }
    }

    func unreadCount(of reader: Int) -> Int {
        let set = newest.rows + reader
        return set.pointee.count - sets.rank(of: marks.rows[reader] + 1, in: set)
    }

    /// Takes over all of a reader of another table.
    func adopt(_ other: Int, of table: NotificationTable, as reader: Int) throws(ArenaError) {
        ensure(readers: reader + 1)
        let mark = table.marks.rows[other]
        if mark != 0 { marks.writable(reader).pointee = mark }
        var entries = table.sets.ascending(table.newest.rows + other)
        while let entry = entries.next() {
            let bytes =
                2 * SortedSetArena<ScoredMember>.maximumBytesPerInsert + Int(Self.blockUnits) * Arena.unitBytes
            try sets.arena.requireRoom(forBytes: bytes)
            add(table.row(entry.member), to: reader)
        }
    }
}
