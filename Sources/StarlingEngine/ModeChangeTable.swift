import StarlingMemory

/// When and why each author that ever switched between push and pull last did. Few authors, so a row each and a dictionary of
/// the rows.
final class ModeChangeTable {
    struct Row: BitwiseCopyable {
        var milliseconds: UInt64
        var author: UserIndex
        var followerCount: UInt32
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
