import StarlingMemory

/// When and why each author that ever switched between push and pull last did. Few authors, so a row each and a dictionary of
/// the rows.
final class ModeChangeTable {
    struct Row: BitwiseCopyable {
        var milliseconds: UInt64
        var author: UserIndex
        var followerCount: UInt32
        /// 0 when only the followers counted.
        var postsPerDay: UInt32
        /// A `FanoutReason`.
        private var reasonCode: UInt32

        init(
            milliseconds: UInt64, author: UserIndex, followerCount: UInt32, postsPerDay: UInt32, reason: FanoutReason
        ) {
            self.milliseconds = milliseconds
            self.author = author
            self.followerCount = followerCount
            self.postsPerDay = min(postsPerDay, .max >> Self.lowBits)
            reasonCode = reason.rawValue
        }

        var reason: FanoutReason { FanoutReason(rawValue: reasonCode) ?? .followers }
    }

    let table: MappedTable<Row>
    private var places: [UserIndex: Int] = [:]

    init(_ table: MappedTable<Row>) { self.table = table }

    /// The latest switch of an author, or nil.
    subscript(author: UserIndex) -> Row? { places[author].map { table.rows[$0] } }

    func note(_ row: Row) {
        if let place = places[row.author] {
            table.writable(place).pointee = row
        } else {
            places[row.author] = table.append(row)
        }
    }

    /// All rows, in the order of the authors' first switches.
    var all: UnsafeBufferPointer<Row> { UnsafeBufferPointer(start: table.rows, count: table.count) }

    func adoptLoadedRows() {
        places.removeAll()
        for place in 0..<table.count { places[table.rows[place].author] = place }
    }
}

/// A switch as an event: the mode in bit 0 of its second number, the rule in bit 1, and the posts a day above.
extension ModeChangeTable.Row {
    private static var pullBit: UInt32 { 1 }
    private static var costBit: UInt32 { 2 }
    private static var lowBits: UInt32 { 2 }

    /// Whether the event switches to pull.
    static func isPull(_ event: Event) -> Bool { event.second & pullBit != 0 }

    /// The second number of the event that says this.
    func secondNumber(isPull: Bool) -> UInt32 {
        postsPerDay << Self.lowBits | (reason == .cost ? Self.costBit : 0) | (isPull ? Self.pullBit : 0)
    }

    /// The row that the event says.
    init(_ event: Event) {
        self.init(
            milliseconds: event.value, author: event.first, followerCount: event.third,
            postsPerDay: event.second >> Self.lowBits, reason: event.second & Self.costBit != 0 ? .cost : .followers)
    }
}
