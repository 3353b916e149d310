import StarlingSystem

/// Finds the account that has a name. Open addressing by a keyed 64-bit hash, so that nobody can choose names that collide; who
/// finds an equal hash compares the names themselves. Owned by the sequencer; made anew from the accounts at a start.
struct NameIndex {
    private struct Cell {
        var hash: UInt64
        /// Plus one; 0 for an empty cell.
        var user: UInt32
    }

    private var cells = [Cell](repeating: Cell(hash: 0, user: 0), count: 64)
    private(set) var count = 0

    private var mask: Int { cells.count - 1 }

    /// The first account with this hash for which `isEqual` says that it has the name. O(1).
    func find(_ hash: UInt64, isEqual: (UserIndex) -> Bool) -> UserIndex? {
        var place = Int(truncatingIfNeeded: hash) & mask
        while cells[place].user != 0 {
            if cells[place].hash == hash, isEqual(cells[place].user - 1) { return cells[place].user - 1 }
            place = (place + 1) & mask
        }
        return nil
    }

    /// Adds an account under a name that nobody has. Amortised O(1); doubling takes some 10 ns for each account.
    mutating func insert(_ hash: UInt64, _ user: UserIndex) {
        if (count + 1) * 4 > cells.count * 3 { grow() }
        place(Cell(hash: hash, user: user + 1))
        count += 1
    }

    /// Takes an account out. The cells behind it move up, so that no mark of it is left.
    mutating func remove(_ hash: UInt64, _ user: UserIndex) {
        var hole = Int(truncatingIfNeeded: hash) & mask
        while cells[hole].user != user + 1 || cells[hole].hash != hash {
            if cells[hole].user == 0 { return }
            hole = (hole + 1) & mask
        }
        count -= 1
        var next = (hole + 1) & mask
        while cells[next].user != 0 {
            let home = Int(truncatingIfNeeded: cells[next].hash) & mask
            // Moves only what may lie as early as the hole.
            if (next - home) & mask >= (next - hole) & mask {
                cells[hole] = cells[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        cells[hole] = Cell(hash: 0, user: 0)
    }

    private mutating func place(_ cell: Cell) {
        var place = Int(truncatingIfNeeded: cell.hash) & mask
        while cells[place].user != 0 { place = (place + 1) & mask }
        cells[place] = cell
    }

    private mutating func grow() {
        let old = cells
        cells = [Cell](repeating: Cell(hash: 0, user: 0), count: old.count * 2)
        for cell in old where cell.user != 0 { place(cell) }
    }
}
