import StarlingSystem

/// An append-only table of rows of one size at an address that never moves. Rows are zero before they are written.
///
/// One thread owns it: it appends and reads `count`. Other threads may read rows through `rows` once the owner has
/// published their number by other means (a release store that they load with acquire). Nothing here is atomic.
public final class MappedTable<Row: BitwiseCopyable>: @unchecked Sendable {
    /// Row 0; all `capacity` rows lie behind it.
    public let rows: UnsafeMutablePointer<Row>
    /// The most rows that the reserved range holds.
    public let capacity: Int
    /// Rows in use. For the owner only.
    @inlinable public var count: Int { rowCount }

    @exclusivity(unchecked) @usableFromInline var rowCount = 0
    private let reservation: MemoryReservation

    /// Reserves addresses for `capacity` rows; memory is taken when rows are written. `hugePages` suits tables of many
    /// megabytes that are read at random.
    public init(capacity: Int = 1 << 28, hugePages: Bool = true) throws(ArenaError) {
        let (bytes, overflow) = capacity.multipliedReportingOverflow(by: MemoryLayout<Row>.stride)
        precondition(
            capacity > 0 && !overflow, "a table needs a capacity of at least one row that fits the address space")
        reservation = try MemoryReservation.forArena(byteCount: bytes, hugePages: hugePages)
        rows = reservation.base.bindMemory(to: Row.self, capacity: capacity)
        self.capacity = capacity
    }

    /// Whether `more` rows fit. Ask before a batch of changes: running out inside of one is a broken precondition.
    @inlinable public func hasRoom(for more: Int) -> Bool { more <= capacity - rowCount }

    /// Adds a row and returns its index.
    @inlinable public func append(_ row: Row) -> Int {
        precondition(rowCount < capacity, "table full: callers ask hasRoom before they change anything")
        let index = rowCount
        rows[index] = row
        rowCount = index + 1
        return index
    }

    /// Makes rows 0..<`newCount` part of the table, new ones zero: for use as an array indexed by a dense number.
    /// Never shrinks it.
    @inlinable public func ensure(count newCount: Int) {
        precondition(newCount <= capacity, "table full: callers ask hasRoom before they change anything")
        if newCount > rowCount { rowCount = newCount }
    }

    /// The rows in use, as bytes: what a snapshot has to store.
    @inlinable public var contents: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: rows, count: count * MemoryLayout<Row>.stride)
    }

    /// Bytes in rows that are in use.
    @inlinable public var bytesInUse: Int { count * MemoryLayout<Row>.stride }
}
