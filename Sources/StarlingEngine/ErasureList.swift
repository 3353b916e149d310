import StarlingMemory
import Synchronization

/// What the log holds of things that are gone: bodies to be erased from its segments. The sequencer adds; the storage thread takes
/// what is committed, and says what it has done. A fold of the log, but for how far the erasing is: a part that is done a second time
/// changes nothing.
final class ErasureList: @unchecked Sendable {
    /// One thing to erase.
    enum Item: Equatable {
        /// The body of one record.
        case record(UInt64)
        /// All posts of an account.
        case posts(UserIndex)
    }

    struct Row: BitwiseCopyable {
        /// The record that says so.
        var lsn: UInt64
        /// A record, or the index of an account with the highest bit set.
        var target: UInt64

        var item: Item {
            target & Self.userBit == 0 ? .record(target) : .posts(UserIndex(truncatingIfNeeded: target))
        }

        static let userBit: UInt64 = 1 << 63
    }

    let table: MappedTable<Row>
    private let published = Atomic<Int>(0)
    private let done = Atomic<Int>(0)

    init(_ table: MappedTable<Row>) { self.table = table }

    /// Sequencer: notes what the record `lsn` makes superfluous. When the table is full, the body stays: nothing else suffers.
    func add(_ item: Item, lsn: UInt64) {
        guard table.hasRoom(for: 1) else { return }
        switch item {
        case .record(let target): table.append(Row(lsn: lsn, target: target))
        case .posts(let user): table.append(Row(lsn: lsn, target: UInt64(user) | Row.userBit))
        }
    }

    /// Writer: the first `count` things are committed.
    func publish(_ count: Int) { published.store(count, ordering: .releasing) }

    /// Things that are committed and not erased yet. Any thread.
    var pending: Range<Int> {
        let end = published.load(ordering: .acquiring)
        return min(done.load(ordering: .relaxed), end)..<end
    }

    /// Storage thread: things before `count` are erased.
    func finish(upTo count: Int) { done.store(count, ordering: .relaxed) }

    /// Things that are erased. Any thread.
    var doneCount: Int { done.load(ordering: .relaxed) }

    /// Takes over how far the erasing was when a snapshot was taken.
    func adopt(doneCount: UInt64) {
        done.store(min(Int(clamping: doneCount), table.count), ordering: .relaxed)
        publish(table.count)
    }
}
