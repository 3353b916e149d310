import StarlingMemory

/// What became of one post's fan-out on one worker.
struct DeliveryRow: BitwiseCopyable {
    var post: PostOrdinal = 0
    /// Followers that this worker owned when the post came.
    var followers: UInt32 = 0
    /// Timelines that it was written to.
    var pushed: UInt32 = 0
    /// Followers that merge it at read.
    var pulled: UInt32 = 0
    /// Followers that were away.
    var away: UInt32 = 0
    /// How many microseconds after its commit half of the worker's followers had it, and 99 of 100; 0 for not yet, and for a
    /// post that was replayed at a start.
    var medianMicroseconds: UInt32 = 0
    var lateMicroseconds: UInt32 = 0

    /// A delay as a row holds it: at least 1, for 0 stands for not known.
    static func microseconds(_ nanoseconds: UInt64) -> UInt32 { max(1, UInt32(clamping: nanoseconds / 1_000)) }

    /// Adds what became of the post on another worker. Of the delays the longer one counts.
    mutating func add(_ other: DeliveryRow) {
        followers += other.followers
        pushed += other.pushed
        pulled += other.pulled
        away += other.away
        medianMicroseconds = max(medianMicroseconds, other.medianMicroseconds)
        lateMicroseconds = max(lateMicroseconds, other.lateMicroseconds)
    }
}

/// The delivery records of a worker's newest posts: a ring of rows, by ordinal. Owned by the worker's thread.
///
/// The counts are a fold of the log; the delays are measured, so they are in no digest.
struct DeliveryTable {
    let table: MappedTable<DeliveryRow>
    private let mask: Int

    /// The table's capacity is a power of two.
    init(_ table: MappedTable<DeliveryRow>) {
        self.table = table
        mask = table.capacity - 1
    }

    /// The row of a post; nil when it is not delivered yet, or when too many came after it.
    subscript(post: PostOrdinal) -> DeliveryRow? {
        let place = Int(post) & mask
        guard place < table.count, table.rows[place].post == post else { return nil }
        return table.rows[place]
    }

    /// Puts a row in the place of an older one.
    func put(_ row: DeliveryRow) {
        let place = Int(row.post) & mask
        table.ensure(count: place + 1)
        table.writable(place).pointee = row
    }

    /// Puts a row in the place of an older one, if the row there is not of a newer post.
    func putLate(_ row: DeliveryRow) {
        let place = Int(row.post) & mask
        if place < table.count, table.rows[place].post > row.post { return }
        put(row)
    }

    /// Sets the delays of a post that is delivered, where they are not known yet.
    func setDelay(of post: PostOrdinal, _ nanoseconds: UInt64) {
        let place = Int(post) & mask
        guard place < table.count, table.rows[place].post == post else { return }
        let row = table.writable(place)
        let microseconds = DeliveryRow.microseconds(nanoseconds)
        if row.pointee.medianMicroseconds == 0 { row.pointee.medianMicroseconds = microseconds }
        if row.pointee.lateMicroseconds == 0 { row.pointee.lateMicroseconds = microseconds }
    }
}
