import StarlingMemory
import Synchronization

/// Each author's comments, newest first: chains beside those of the posts that they are about. The sequencer writes, before a comment
/// is published; any thread may read, and leaves out what it has not applied.
final class OwnComments: @unchecked Sendable {
    /// By comment: the one of the same author before it, or 0.
    let previous: MappedTable<PostOrdinal>
    /// By author.
    let newest: MappedTable<PostOrdinal>

    init(maximumPosts: Int, maximumUsers: Int, hugePages: Bool, in memory: RegionMemory?) throws(ArenaError) {
        previous = try MappedTable(capacity: maximumPosts + 1, hugePages: hugePages, in: memory)
        newest = try MappedTable(capacity: maximumUsers, hugePages: hugePages, in: memory)
    }

    /// Sequencer: adds a comment, the newest of all.
    func add(_ comment: PostOrdinal, by author: UserIndex) {
        previous.ensure(count: Int(comment) + 1)
        newest.ensure(count: Int(author) + 1)
        previous.writable(Int(comment)).pointee = newest.rows[Int(author)]
        _ = newest.writable(Int(author))
        cell(author).pointee.store(comment, ordering: .releasing)
    }

    /// The author's newest comment, perhaps one that is not committed yet; 0 for none.
    func newest(of author: UserIndex) -> PostOrdinal {
        Int(author) < newest.capacity ? cell(author).pointee.load(ordering: .acquiring) : 0
    }

    /// The author's comment before this one, or 0.
    func before(_ comment: PostOrdinal) -> PostOrdinal { previous.rows[Int(comment)] }

    private func cell(_ author: UserIndex) -> UnsafeMutablePointer<Atomic<PostOrdinal>> {
        UnsafeMutableRawPointer(mutating: newest.rows + Int(author)).assumingMemoryBound(to: Atomic<PostOrdinal>.self)
    }
}
