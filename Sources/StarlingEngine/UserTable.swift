import CStarling
import StarlingMemory
import StarlingSystem
import Synchronization

/// Numbers accounts in the order of their first use. The sequencer adds; any thread looks up, without a lock.
///
/// Open addressing over a table of indexes; the ids themselves stand once, in a dense table. A table that has become too
/// small is replaced by one of twice the size and kept until the end, because a reader may still be in it: all of them
/// together are as large as the newest. 8 bytes a user for the id, 11 to 21 for the tables.
final class UserTable: @unchecked Sendable {
    private struct Buckets {
        let mask: UInt64
        let cells: UnsafeMutablePointer<Atomic<UInt32>>

        init(count: Int) {
            mask = UInt64(count - 1)
            cells = .allocate(capacity: count)
            for cell in 0..<count { (cells + cell).initialize(to: Atomic(UserTable.empty)) }
        }
    }

    /// The ids by index.
    let table: MappedTable<UInt64>
    let ids: UnsafePointer<UInt64>
    /// Sequencer only.
    private(set) var count: UInt32 = 0
    private let current: Atomic<UnsafeMutablePointer<Buckets>>
    private var generations: [UnsafeMutablePointer<Buckets>] = []
    private let seed: UInt64
    private let limit: UInt32

    private static let empty = UInt32.max
    private static let firstCount = 64

    /// `seed` keeps strangers from choosing ids that collide.
    init(maximumUsers: Int, hugePages: Bool, in memory: RegionMemory? = nil, seed: UInt64) throws(ArenaError) {
        table = try MappedTable(capacity: maximumUsers, hugePages: hugePages, in: memory)
        ids = table.rows
        limit = UInt32(maximumUsers)
        self.seed = seed
        let first = UnsafeMutablePointer<Buckets>.allocate(capacity: 1)
        first.initialize(to: Buckets(count: Self.firstCount))
        current = Atomic(first)
        generations.append(first)
    }

    deinit {
        for generation in generations {
            generation.pointee.cells.deallocate()
            generation.deallocate()
        }
    }

    /// Whether `additional` more users fit.
    func hasRoom(for additional: Int) -> Bool { Int(count) + additional <= Int(limit) }

    /// The id at an index that is in use. Any thread.
    @inline(__always)
    func id(of index: UserIndex) -> UserID { UserID(rawValue: ids[Int(index)]) }

    /// The index of a known user. Any thread; a user may be known before its first record is committed.
    func index(of user: UserID) -> UserIndex? {
        let buckets = current.load(ordering: .acquiring).pointee
        var place = Murmur3.mix(user.rawValue ^ seed) & buckets.mask
        while true {
            let index = (buckets.cells + Int(place)).pointee.load(ordering: .acquiring)
            if index == Self.empty { return nil }
            if ids[Int(index)] == user.rawValue { return index }
            place = (place + 1) & buckets.mask
        }
    }

    /// Asks for the memory that a look at the user begins with. Any thread.
    func prefetch(_ user: UserID) {
        let buckets = current.load(ordering: .acquiring).pointee
        starling_prefetch_read(buckets.cells + Int(Murmur3.mix(user.rawValue ^ seed) & buckets.mask))
    }

    /// Sequencer: adds a user that `index(of:)` does not know.
    func add(_ user: UserID) -> UserIndex {
        precondition(count < limit, "the user table is full; the command was not checked")
        let index = count
        count += 1
        table.ensure(count: Int(count))
        table.writable(Int(index)).pointee = user.rawValue
        let buckets = current.load(ordering: .relaxed)
        if UInt64(count) * 4 > (buckets.pointee.mask + 1) * 3 {
            grow(from: buckets.pointee)
        } else {
            place(index, in: buckets.pointee)
        }
        return index
    }

    private func place(_ index: UserIndex, in buckets: Buckets) {
        var place = Murmur3.mix(ids[Int(index)] ^ seed) & buckets.mask
        while (buckets.cells + Int(place)).pointee.load(ordering: .relaxed) != Self.empty {
            place = (place + 1) & buckets.mask
        }
        (buckets.cells + Int(place)).pointee.store(index, ordering: .releasing)
    }

    private func grow(from old: Buckets) {
        let larger = UnsafeMutablePointer<Buckets>.allocate(capacity: 1)
        larger.initialize(to: Buckets(count: Int(old.mask + 1) * 2))
        for index in 0..<count { place(index, in: larger.pointee) }
        generations.append(larger)
        current.store(larger, ordering: .releasing)
    }

    /// Takes over the ids that a snapshot put into `table`. Some 20 ns a user. Before any thread looks anything up.
    func adoptLoadedPages(usedBytes: Int) throws(ArenaError) {
        try table.adoptLoadedPages(usedBytes: usedBytes)
        guard table.count <= Int(limit) else {
            throw .damagedImage("\(table.count) users, at most \(limit) are allowed")
        }
        count = UInt32(table.count)
        var buckets = Self.firstCount
        while buckets * 3 < Int(count) * 4 { buckets *= 2 }
        let sized = UnsafeMutablePointer<Buckets>.allocate(capacity: 1)
        sized.initialize(to: Buckets(count: buckets))
        for index in 0..<count { place(index, in: sized.pointee) }
        generations.append(sized)
        current.store(sized, ordering: .releasing)
    }

    /// Bytes in use. Sequencer only.
    var memory: Int { Int(count) * 8 + generations.reduce(0) { $0 + Int($1.pointee.mask + 1) * 4 } }
}
