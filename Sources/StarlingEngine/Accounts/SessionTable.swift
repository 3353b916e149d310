import StarlingMemory
import Synchronization

/// SHA-256 of a refresh token.
public struct RefreshHash: Equatable, Sendable, BitwiseCopyable {
    private var first: UInt64
    private var second: UInt64
    private var third: UInt64
    private var fourth: UInt64

    static let zero = RefreshHash(first: 0, second: 0, third: 0, fourth: 0)

    private init(first: UInt64, second: UInt64, third: UInt64, fourth: UInt64) {
        (self.first, self.second, self.third, self.fourth) = (first, second, third, fourth)
    }

    /// From the 32 bytes of a hash; nil for any other number.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.init(
            words: stride(from: 0, to: 32, by: 8).map { start in
                bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
            })
    }

    init?(words: [UInt64]) {
        guard words.count == 4 else { return nil }
        self.init(first: words[0], second: words[1], third: words[2], fourth: words[3])
    }

    var words: [UInt64] { [first, second, third, fourth] }

    /// Takes the same time wherever the first difference is.
    public static func == (left: RefreshHash, right: RefreshHash) -> Bool {
        (left.first ^ right.first) | (left.second ^ right.second) | (left.third ^ right.third)
            | (left.fourth ^ right.fourth) == 0
    }
}

/// One session, or a free row.
struct SessionRow: BitwiseCopyable {
    /// The session's id; 0 when the row is free. Read by other threads: see `SessionTable.isLive`.
    var id: UInt64
    var hash: RefreshHash
    /// In milliseconds since 1970.
    var expires: UInt64
    var user: UserIndex
    /// Refresh tokens before the one that is good.
    var generation: UInt32
    /// The user's session before this one, or the next free row.
    var next: UInt32
    /// The user's session after this one; 0 for the newest.
    var previous: UInt32
    /// How often the row was taken.
    var uses: UInt32
    var unused: UInt32
}

/// The sessions that have begun and not ended. Owned by the sequencer, a fold of the log; any thread may ask whether a session is
/// live, so that a log-out is felt at once on every door.
///
/// The id of a session is the number of its row and how often the row was taken, so it is found without a search, and no id comes
/// twice.
final class SessionTable: @unchecked Sendable {
    /// Row 0 is no session: `next` is the first free row, `previous` the last row that was looked at for expiry.
    let table: MappedTable<SessionRow>
    /// The newest session of each user.
    let newest: MappedTable<UInt32>
    private(set) var count: UInt64 = 0

    /// Sessions of one user; the oldest one ends when there is another.
    static let maximumPerUser = 64
    /// Rows that are looked at with each record, so that what has expired does not stay.
    private static let rowsLookedAt = 2

    init(configuration: EngineConfiguration, in memory: RegionMemory) throws(ArenaError) {
        table = try configuration.makeTable(rows: configuration.maximumUsers, in: memory)
        newest = try configuration.makeUserTable(in: memory)
        table.ensure(count: 1)
    }

    func ensure(users count: Int) { newest.ensure(count: count) }

    private static func row(of id: UInt64) -> Int { Int(id >> 32) }
    private static func id(row: Int, uses: UInt32) -> UInt64 { UInt64(row) << 32 | UInt64(uses) }

    /// The id of the session that begins next; nil when there is no room.
    var nextID: UInt64? {
        let free = Int(table.rows[0].next)
        if free != 0 { return Self.id(row: free, uses: table.rows[free].uses &+ 1) }
        return table.hasRoom(for: 1) ? Self.id(row: table.count, uses: 1) : nil
    }

    /// A live session.
    subscript(id: UInt64) -> SessionRow? {
        let row = Self.row(of: id)
        guard row > 0, row < table.count, table.rows[row].id == id else { return nil }
        return table.rows[row]
    }

    /// Whether a session has begun and not ended. Any thread. What has begun but is not committed counts already: nobody has its
    /// tokens yet.
    func isLive(_ id: UInt64) -> Bool {
        let row = Self.row(of: id)
        guard row > 0, row < table.capacity else { return false }
        return idCell(row).pointee.load(ordering: .acquiring) == id
    }

    /// Begins a session with the id that `nextID` said. False when that is another one.
    func start(_ id: UInt64, user: UserIndex, hash: RefreshHash, expires: UInt64) -> Bool {
        guard nextID == id else { return false }
        let row = Self.row(of: id)
        if row == table.count {
            table.ensure(count: row + 1)
        } else {
            table.writable(0).pointee.next = table.rows[row].next
        }
        endOldest(of: user)
        let head = newest.writable(Int(user))
        let target = table.writable(row)
        Self.fill(target, hash: hash, expires: expires, user: user, next: head.pointee)
        target.pointee.uses = UInt32(truncatingIfNeeded: id)
        if head.pointee != 0 { table.writable(Int(head.pointee)).pointee.previous = UInt32(row) }
        head.pointee = UInt32(row)
        idCell(row).pointee.store(id, ordering: .releasing)
        count += 1
        return true
    }

    private func endOldest(of user: UserIndex) {
        var length = 0
        var oldest = 0
        var row = Int(newest.rows[Int(user)])
        while row != 0 {
            length += 1
            oldest = row
            row = Int(table.rows[row].next)
        }
        if length >= Self.maximumPerUser { end(table.rows[oldest].id) }
    }

    /// Gives a live session another refresh token.
    func refresh(_ id: UInt64, generation: UInt32, hash: RefreshHash, expires: UInt64) {
        guard self[id] != nil else { return }
        let row = table.writable(Self.row(of: id))
        row.pointee.hash = hash
        row.pointee.generation = generation
        row.pointee.expires = expires
    }

    /// Ends a session, if it is live.
    func end(_ id: UInt64) {
        guard let session = self[id] else { return }
        let row = Self.row(of: id)
        let target = table.writable(row)
        idCell(row).pointee.store(0, ordering: .releasing)
        if session.previous == 0 {
            newest.writable(Int(session.user)).pointee = session.next
        } else {
            table.writable(Int(session.previous)).pointee.next = session.next
        }
        if session.next != 0 { table.writable(Int(session.next)).pointee.previous = session.previous }
        Self.fill(target, hash: .zero, expires: 0, user: 0, next: table.rows[0].next)
        table.writable(0).pointee.next = UInt32(row)
        count -= 1
    }

    /// Ends all sessions of a user but `kept`.
    func endAll(of user: UserIndex, except kept: UInt64) {
        var row = Int(newest.rows[Int(user)])
        while row != 0 {
            let session = table.rows[row]
            row = Int(session.next)
            if session.id != kept { end(session.id) }
        }
    }

    /// Looks at a few sessions, and ends those that have expired at log time `now`.
    func expire(now: UInt64) {
        guard count > 0 else { return }
        var row = Int(table.rows[0].previous)
        for _ in 0..<Self.rowsLookedAt {
            row = row + 1 < table.count ? row + 1 : 1
            let session = table.rows[row]
            if session.id != 0, session.expires <= now { end(session.id) }
        }
        table.writable(0).pointee.previous = UInt32(row)
    }

    /// Sets all but the id, which others read meanwhile, and the number of uses.
    private static func fill(
        _ row: UnsafeMutablePointer<SessionRow>, hash: RefreshHash, expires: UInt64, user: UserIndex, next: UInt32
    ) {
        row.pointee.hash = hash
        row.pointee.expires = expires
        row.pointee.user = user
        row.pointee.generation = 0
        row.pointee.next = next
        row.pointee.previous = 0
    }

    private func idCell(_ row: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(mutating: table.rows + row).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Counts what a snapshot brought.
    func adoptLoadedRows() throws(ArenaError) {
        guard table.count > 0 else { throw .damagedImage("the table of sessions has no beginning") }
        count = 0
        for row in 1..<max(table.count, 1) where table.rows[row].id != 0 { count += 1 }
    }
}
