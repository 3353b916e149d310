import StarlingMemory
import Synchronization

/// What a row of the post table is.
enum ContentKind: UInt8 {
    case post = 0
    /// Its chain is that of its post's comments.
    case comment = 1
}

/// One post or comment. 48 bytes, at the same address for ever.
struct PostRow: BitwiseCopyable {
    var id: UInt64
    /// Where the post's record is in the log, and with it the body.
    var lsn: UInt64
    /// 0, or the record that deleted it; above that the bit `PostTable.heldMark`. Written while others read: only through
    /// `PostTable.marks`.
    var deletion: UInt64
    var author: UserIndex
    /// The one before this one in its chain, or 0: the author's post, or the comment on the same post.
    var previous: PostOrdinal
    /// One further back in the chain (or the row itself when it is the first).
    var jump: PostOrdinal
    /// How many came before it in the chain.
    var height: UInt32
    /// Of a comment its post; of a post the one that it repeats, or 0.
    var parent: PostOrdinal
    /// How often its body was changed. Written while others read: only through `PostTable.editCount`.
    var edits: UInt16
    /// A `PostVisibility`; of a comment its post's.
    var visibility: UInt8
    /// A `ContentKind`, and of a post in the bits from `postKindShift` on the `PostKind` that it was made with.
    var kind: UInt8

    static let postKindShift: UInt8 = 4

    @inline(__always)
    var isComment: Bool { kind == ContentKind.comment.rawValue }

    /// What a post was made as.
    @inline(__always)
    var postKind: PostKind { PostKind(rawValue: kind >> Self.postKindShift) ?? .text }
}

/// All posts and comments in the order of the log, append-only. The sequencer writes; workers read without a lock the rows that
/// they learnt of through published events. An author's posts are a chain of `previous`, and so are the comments on a post;
/// `jump` makes a search in it logarithmic (Myers, "An applicative random-access stack", 1983: skew-binary jump pointers).
///
/// Both stand in one table, so their ids come from one sequence, and whatever is kept of posts by number is kept of comments
/// in the same way.
final class PostTable: @unchecked Sendable {
    /// The rows by ordinal; row 0 is not used.
    let table: MappedTable<PostRow>
    let rows: UnsafePointer<PostRow>
    /// Posts and comments that the sequencer has appended; the last ordinal. Sequencer only.
    private(set) var count: UInt32 = 0
    /// Posts that are committed: any thread may read rows up to it.
    private let published = Atomic<UInt32>(0)
    private let limit: UInt32
    /// By post or comment: the record that holds its body since that was changed, or 0. Written while others read.
    let changedBodies: MappedTable<UInt64>
    let ownComments: OwnComments

    init(
        maximumPosts: Int, maximumUsers: Int = 1 << 20, hugePages: Bool, in memory: RegionMemory? = nil
    ) throws(ArenaError) {
        changedBodies = try MappedTable(capacity: maximumPosts + 1, hugePages: hugePages, in: memory)
        ownComments = try OwnComments(
            maximumPosts: maximumPosts, maximumUsers: maximumUsers, hugePages: hugePages, in: memory)
        // Row 0 stands for no post.
        table = try MappedTable(capacity: maximumPosts + 1, hugePages: hugePages, in: memory)
        rows = table.rows
        limit = UInt32(maximumPosts)
    }

    /// Takes over the rows that a snapshot put into `table`.
    func adoptLoadedPages(usedBytes: Int) throws(ArenaError) {
        try table.adoptLoadedPages(usedBytes: usedBytes)
        count = UInt32(max(table.count, 1) - 1)
        publish(count)
    }

    var hasRoom: Bool { count < limit }

    /// Takes memory for the rows that come next: clearing it in the middle of a round was a seventh of the sequencer's time. One
    /// thread at a time, not the sequencer's. `populated` says up to which byte that was done; it begins at 0.
    ///
    /// Begins with a huge page in which there is no row yet, because loaded ones may be on the move.
    func populateAhead(from populated: inout Int) {
        let used = (Int(publishedCount) + 1) * MemoryLayout<PostRow>.stride
        let pages = (used + Self.hugePageBytes - 1) / Self.hugePageBytes
        let start = max(populated, pages * Self.hugePageBytes)
        let end = (pages + Self.hugePagesAhead) * Self.hugePageBytes
        guard start < end else { return }
        table.region.populate(start..<end)
        populated = end
    }

    private static let hugePageBytes = 2 << 20
    /// Rows of a fifth of a second at a million posts a second.
    private static let hugePagesAhead = 4

    /// Sequencer: adds a post or comment behind `previous`, the newest of its chain (0 for none).
    func append(
        _ kind: ContentKind = .post, id: PostID, lsn: UInt64, author: UserIndex, previous: PostOrdinal,
        visibility: PostVisibility, parent: PostOrdinal = 0, postKind: PostKind = .text
    ) -> PostOrdinal {
        precondition(count < limit, "the post table is full; the command was not checked")
        count += 1
        table.ensure(count: Int(count) + 1)
        var row = PostRow(
            id: id.rawValue, lsn: lsn, deletion: 0, author: author, previous: previous, jump: count, height: 0,
            parent: parent, edits: 0, visibility: visibility.rawValue,
            kind: kind.rawValue | postKind.rawValue << PostRow.postKindShift)
        if previous != 0 {
            let parent = rows + Int(previous)
            let jump = rows + Int(parent.pointee.jump)
            let jumpOfJump = rows + Int(jump.pointee.jump)
            let span = parent.pointee.height - jump.pointee.height
            let isBalanced = span == jump.pointee.height - jumpOfJump.pointee.height
            // Two equal jumps in a row become one of twice the length, as a carry in skew-binary numbers.
            row.jump = isBalanced ? jump.pointee.jump : previous
            row.height = parent.pointee.height + 1
        }
        table.writable(Int(count)).initialize(to: row)
        return count
    }

    /// Sequencer: marks a post as deleted by the record `lsn`.
    func delete(_ ordinal: PostOrdinal, lsn: UInt64) {
        _ = table.writable(Int(ordinal))
        deletionCell(ordinal).pointee.store(lsn | marks(ordinal) & Self.heldMark, ordering: .relaxed)
    }

    /// Sequencer: the post is held back from others by a record, or may have been: look into the `HoldTable`.
    func markHeld(_ ordinal: PostOrdinal) {
        _ = table.writable(Int(ordinal))
        deletionCell(ordinal).pointee.store(marks(ordinal) | Self.heldMark, ordering: .relaxed)
    }

    /// Set in `marks` for ever once a post was held. No log has so many records.
    static let heldMark: UInt64 = 1 << 63

    /// 0 for what was neither deleted nor ever held. Any thread.
    @inline(__always)
    func marks(_ ordinal: PostOrdinal) -> UInt64 { deletionCell(ordinal).pointee.load(ordering: .relaxed) }

    /// The record that deleted the post, or 0. Any thread; compare with the lsn that the reader has applied.
    @inline(__always)
    func deletedLSN(_ ordinal: PostOrdinal) -> UInt64 { marks(ordinal) & ~Self.heldMark }

    @inline(__always)
    private func deletionCell(_ ordinal: PostOrdinal) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let offset = MemoryLayout<PostRow>.offset(of: \.deletion).unsafelyUnwrapped
        return UnsafeMutableRawPointer(mutating: rows + Int(ordinal)).advanced(by: offset)
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// The record that holds the body: the newest one, perhaps not committed yet. Any thread.
    func bodyLSN(_ ordinal: PostOrdinal) -> UInt64 {
        let changed = bodyCell(ordinal).pointee.load(ordering: .relaxed)
        return changed == 0 ? rows[Int(ordinal)].lsn : changed
    }

    private func bodyCell(_ ordinal: PostOrdinal) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(mutating: changedBodies.rows + Int(ordinal))
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Sequencer: counts a change of the body by the record `lsn`. Passes over 0, which stands for a body that was never changed.
    func countEdit(_ ordinal: PostOrdinal, lsn: UInt64) -> UInt16 {
        changedBodies.ensure(count: Int(ordinal) + 1)
        _ = changedBodies.writable(Int(ordinal))
        bodyCell(ordinal).pointee.store(lsn, ordering: .relaxed)
        _ = table.writable(Int(ordinal))
        let cell = editCell(ordinal)
        let next = max(cell.pointee.load(ordering: .relaxed) &+ 1, 1)
        cell.pointee.store(next, ordering: .relaxed)
        return next
    }

    /// How often the body was changed, by records that may not be committed yet; 0 for never. Any thread.
    @inline(__always)
    func editCount(_ ordinal: PostOrdinal) -> UInt16 { editCell(ordinal).pointee.load(ordering: .relaxed) }

    @inline(__always)
    private func editCell(_ ordinal: PostOrdinal) -> UnsafeMutablePointer<Atomic<UInt16>> {
        let offset = MemoryLayout<PostRow>.offset(of: \.edits).unsafelyUnwrapped
        return UnsafeMutableRawPointer(mutating: rows + Int(ordinal)).advanced(by: offset)
            .assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    /// Writer: the first `count` posts are committed.
    func publish(_ count: UInt32) { published.store(count, ordering: .releasing) }

    /// Ordinal of the newest committed post, 0 when there is none. Any thread.
    var publishedCount: UInt32 { published.load(ordering: .acquiring) }

    /// The post with this id among the first `limit` rows; nil for a comment's id. O(log n).
    func findPost(_ id: PostID, among limit: UInt32) -> PostOrdinal? {
        find(id, among: limit).flatMap { rows[Int($0)].isComment ? nil : $0 }
    }

    /// The comment with this id among the first `limit` rows; nil for a post's id. O(log n).
    func findComment(_ id: PostID, among limit: UInt32) -> PostOrdinal? {
        find(id, among: limit).flatMap { rows[Int($0)].isComment ? $0 : nil }
    }

    /// The post or comment with this id among the first `limit` rows. O(log n).
    func find(_ id: PostID, among limit: UInt32) -> PostOrdinal? {
        let bound = firstOrdinal(notBefore: id, among: limit)
        return bound <= limit && (rows + Int(bound)).pointee.id == id.rawValue ? bound : nil
    }

    /// The lowest ordinal whose id is `id` or higher, `limit + 1` when there is none. O(log n).
    func firstOrdinal(notBefore id: PostID, among limit: UInt32) -> PostOrdinal {
        var low: UInt32 = 1
        var high = limit + 1
        while low < high {
            let middle = low + (high - low) / 2
            if (rows + Int(middle)).pointee.id < id.rawValue { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The newest row below `bound` in the chain that begins at `newest`, or 0. O(log n) steps.
    @inline(__always)
    func newest(below bound: PostOrdinal, from newest: PostOrdinal) -> PostOrdinal {
        var ordinal = newest
        while ordinal >= bound, ordinal != 0 {
            let row = rows + Int(ordinal)
            let jump = row.pointee.jump
            ordinal = jump >= bound && jump != ordinal ? jump : row.pointee.previous
        }
        return ordinal
    }
}
