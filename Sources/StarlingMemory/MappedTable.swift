import StarlingSystem

/// An append-only table of rows of one size at an address that never moves. Rows are zero before they are written.
///
/// One thread owns it: it appends, changes rows and reads `count`. Other threads may read rows through `rows` once the owner
/// has published their number by other means (a release store that they load with acquire). Nothing here is atomic.
public final class MappedTable<Row: BitwiseCopyable>: @unchecked Sendable {
    /// Row 0; all `capacity` rows lie behind it. For reading: what changes a row asks `writable` for it.
    public let rows: UnsafePointer<Row>
    /// The most rows that the reserved range holds.
    public let capacity: Int
    /// The memory, for snapshots.
    public let region: TrackedRegion
    /// Rows in use. For the owner only.
    @inlinable public var count: Int { rowCount }

    @exclusivity(unchecked) @usableFromInline var rowCount = 0
    @usableFromInline let mutableRows: UnsafeMutablePointer<Row>
    /// What is asked before rows change, for loops that ask for many.
    public let barrier: WriteBarrier

    /// Reserves addresses for `capacity` rows; memory is taken when rows are written. `hugePages` suits tables of many
    /// megabytes that are read at random; without them the addresses come from `memory`.
    public init(capacity: Int = 1 << 28, hugePages: Bool = true, in memory: RegionMemory? = nil) throws(ArenaError) {
        let (bytes, overflow) = capacity.multipliedReportingOverflow(by: MemoryLayout<Row>.stride)
        precondition(
            capacity > 0 && !overflow, "a table needs a capacity of at least one row that fits the address space")
        region = try TrackedRegion(byteCount: bytes, hugePages: hugePages, in: memory)
        mutableRows = region.base.bindMemory(to: Row.self, capacity: capacity)
        rows = UnsafePointer(mutableRows)
        barrier = region.barrier
        self.capacity = capacity
    }

    /// Whether `more` rows fit. Ask before a batch of changes: running out inside of one is a broken precondition.
    @inlinable public func hasRoom(for more: Int) -> Bool { more <= capacity - rowCount }

    /// A row, to be changed now: the pointer must not be written through after the next cut has begun.
    @inlinable @inline(__always)
    public func writable(_ index: Int) -> UnsafeMutablePointer<Row> {
        let row = mutableRows + index
        // Rows of a size that divides a page never lie across two.
        if PageID.byteCount % MemoryLayout<Row>.stride == 0 {
            barrier.willWrite(row)
        } else {
            barrier.willWrite(row, byteCount: MemoryLayout<Row>.stride)
        }
        return row
    }

    /// Adds a row and returns its index.
    @inlinable @discardableResult
    public func append(_ row: Row) -> Int {
        precondition(rowCount < capacity, "table full: callers ask hasRoom before they change anything")
        let index = rowCount
        writable(index).pointee = row
        rowCount = index + 1
        return index
    }

    /// Makes rows 0..<`newCount` part of the table, new ones zero: for use as an array indexed by a dense number.
    /// Never shrinks it.
    @inlinable public func ensure(count newCount: Int) {
        precondition(newCount <= capacity, "table full: callers ask hasRoom before they change anything")
        if newCount > rowCount { rowCount = newCount }
    }

    /// Takes over what a snapshot mapped into `region`: `usedBytes` bytes of rows.
    public func adoptLoadedPages(usedBytes: Int) throws(ArenaError) {
        let stride = MemoryLayout<Row>.stride
        guard usedBytes >= 0, usedBytes % stride == 0, usedBytes / stride <= capacity else {
            throw .damagedImage("\(usedBytes) bytes are no rows of \(stride) bytes, at most \(capacity)")
        }
        rowCount = usedBytes / stride
    }

    /// The rows in use of which some byte lies on page `page` of the table.
    public func rows(onPage page: Int) -> Range<Int> {
        let stride = MemoryLayout<Row>.stride
        let first = min(rowCount, page * PageID.byteCount / stride)
        return first..<max(first, min(rowCount, ((page + 1) * PageID.byteCount + stride - 1) / stride))
    }

    /// Bytes in rows that are in use: what a snapshot has to store.
    @inlinable public var bytesInUse: Int { count * MemoryLayout<Row>.stride }
}
