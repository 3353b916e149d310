import StarlingMemory
import StarlingSets

/// Sets of accounts that few accounts have: whom they block and mute, and who asks to follow them. Like followees, each is a
/// sorted set; but the headers lie in rows that an account gets with its first entry, so that the others cost nothing.
///
/// The sequencer has one for all accounts, each worker one for those that it owns. Owned by one thread.
final class RelationSets {
    /// Whose set it is comes first: `blocks` of a user are the accounts that this user blocks.
    enum Kind: Int, CaseIterable {
        /// Blocked account: since when, in seconds.
        case blocks
        /// Account that blocks the user: since when. Workers only.
        case blockers
        /// Muted account: until when, in seconds of log time; `forever` for no end.
        case mutes
        /// Requests to follow the user. In a worker by their numbers, so that the newest is the last: number, who asks. In the
        /// sequencer by who asks: who asks, number.
        case requests
        /// Number of a request: since when. Workers only.
        case requestTimes
        /// Account that the user asked to follow: since when. Workers only.
        case requested
    }

    /// What an account has besides its sets.
    struct Row: BitwiseCopyable {
        var user: UserIndex
        /// The number of the next request to follow the account. Sequencer only.
        var nextRequest: UInt32
    }

    typealias Sets = SortedSetArena<KeyedValue32>

    /// The end of a mute that has none.
    static let forever = UInt32.max

    let rows: MappedTable<Row>
    /// The headers, one of each kind for each row.
    private let headers: MappedTable<SortedSet>
    private let sets: Sets
    private var places: [UserIndex: Int] = [:]

    init(configuration: EngineConfiguration, in memory: RegionMemory, seed: UInt64) throws(ArenaError) {
        rows = try configuration.makeUserTable(in: memory)
        headers = try configuration.makeTable(rows: configuration.maximumUsers * Kind.allCases.count, in: memory)
        sets = Sets(arena: try configuration.makeArena(in: memory), seed: seed)
    }

    /// Blocks that the arena can still give.
    var allocationsLeft: Int { sets.arena.allocationsLeft }

    /// Bytes of the sets and their headers.
    var memory: Int { sets.arena.bytesTouched + rows.bytesInUse + headers.bytesInUse }

    // MARK: Reading

    /// The account's set, or nil when it has none.
    func set(_ kind: Kind, of user: UserIndex) -> UnsafePointer<SortedSet>? { places[user].map { header(kind, $0) } }

    private func header(_ kind: Kind, _ place: Int) -> UnsafePointer<SortedSet> {
        headers.rows + place * Kind.allCases.count + kind.rawValue
    }

    func count(_ kind: Kind, of user: UserIndex) -> Int { set(kind, of: user)?.pointee.count ?? 0 }

    /// Whether the account blocks, mutes, or is blocked by anybody, or muted somebody until a while ago. Workers only.
    func hidesAnybody(from user: UserIndex) -> Bool {
        count(.blocks, of: user) + count(.blockers, of: user) + count(.mutes, of: user) > 0
    }

    /// The value of a key. O(log n).
    func find(_ kind: Kind, of user: UserIndex, _ key: UInt32) -> UInt32? {
        set(kind, of: user).flatMap { find(key, in: $0) }
    }

    /// The value of a key in a set that `set` gave.
    func find(_ key: UInt32, in set: UnsafePointer<SortedSet>) -> UInt32? { sets.find(key, in: set)?.value }

    func contains(_ kind: Kind, of user: UserIndex, _ key: UInt32) -> Bool { find(kind, of: user, key) != nil }

    /// Hands the entries above `bound` (nil for all) to `body`, in ascending order, until it returns false.
    func forEach(
        _ kind: Kind, of user: UserIndex, above bound: UInt32? = nil, _ body: (KeyedValue32) -> Bool
    ) {
        guard let set = set(kind, of: user) else { return }
        var entries = bound.map { sets.ascending(set, above: $0) } ?? sets.ascending(set)
        while let entry = entries.next() { if !body(entry) { return } }
    }

    /// Hands the entries below `bound` (nil for all) to `body`, in descending order, until it returns false.
    func forEachDescending(
        _ kind: Kind, of user: UserIndex, below bound: UInt32? = nil, _ body: (KeyedValue32) -> Bool
    ) {
        guard let set = set(kind, of: user) else { return }
        var entries = bound.map { sets.descending(set, below: $0) } ?? sets.descending(set)
        while let entry = entries.next() { if !body(entry) { return } }
    }

    // MARK: Changing

    /// Adds an entry, or gives it another value. Returns the value that it had.
    @discardableResult
    func put(_ kind: Kind, of user: UserIndex, _ key: UInt32, _ value: UInt32) -> UInt32? {
        let entry = KeyedValue32(key: key, value: value)
        let header = writableHeader(kind, place(of: user))
        if let old = sets.replace(entry, in: header) { return old.value }
        sets.insert(entry, into: header)
        return nil
    }

    /// Takes an entry out. Returns whether it was there.
    @discardableResult
    func remove(_ kind: Kind, of user: UserIndex, _ key: UInt32) -> Bool {
        guard let place = places[user], sets.contains(key, in: header(kind, place)) else { return false }
        return sets.remove(key, from: writableHeader(kind, place))
    }

    /// A number for a request to follow the account. They rise, and none comes twice.
    func takeRequestNumber(of user: UserIndex) -> UInt32 {
        let row = rows.writable(place(of: user))
        defer { row.pointee.nextRequest += 1 }
        return row.pointee.nextRequest
    }

    /// Whether the account can be asked once more: its numbers end after four thousand million.
    func hasRequestNumber(of user: UserIndex) -> Bool {
        places[user].map { rows.rows[$0].nextRequest < .max - 1 } ?? true
    }

    private func writableHeader(_ kind: Kind, _ place: Int) -> UnsafeMutablePointer<SortedSet> {
        headers.writable(place * Kind.allCases.count + kind.rawValue)
    }

    private func place(of user: UserIndex) -> Int {
        if let place = places[user] { return place }
        let place = rows.append(Row(user: user, nextRequest: 0))
        headers.ensure(count: rows.count * Kind.allCases.count)
        places[user] = place
        return place
    }

    /// Takes over all sets of an account. Each worker's arena has the same seed, so the sets come out as they were.
    func adopt(_ user: UserIndex, of other: RelationSets) throws(ArenaError) {
        guard let source = other.places[user] else { return }
        let place = place(of: user)
        rows.writable(place).pointee.nextRequest = other.rows.rows[source].nextRequest
        for kind in Kind.allCases {
            let set = other.header(kind, source)
            try sets.arena.requireRoom(forBytes: other.sets.copyBytes(set))
            sets.copy(set, of: other.sets, into: writableHeader(kind, place))
        }
    }

    // MARK: Snapshots

    /// The regions, for snapshots; their names begin with `relation`.
    var storedParts: [StoredPart] {
        [
            rows.stored(as: "relationUsers"),
            headers.stored(as: Self.headersName),
            StoredPart(
                name: "relationSets", region: sets.arena.memory,
                usedBytes: { [unowned self] in sets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try sets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "relationMarks", region: sets.arena.marks,
                usedBytes: { [unowned self] in sets.arena.markBytes }, adopt: { _ throws(ArenaError) in }),
        ]
    }

    /// The part in which every change of a set shows.
    static let headersName = "relationHeaders"

    /// The rows whose headers lie on a page of that part.
    func rows(onHeaderPage page: Int) -> Range<Int> {
        let changed = headers.rows(onPage: page)
        let kinds = Kind.allCases.count
        return changed.lowerBound / kinds..<(changed.upperBound + kinds - 1) / kinds
    }

    /// Loaded pages are in place.
    func adoptLoadedRows() throws(ArenaError) {
        guard headers.count == rows.count * Kind.allCases.count else {
            throw .damagedImage("\(headers.count) headers of relations for \(rows.count) accounts")
        }
        places.removeAll()
        for place in 0..<rows.count { places[rows.rows[place].user] = place }
    }
}
