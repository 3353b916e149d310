import CStarling
import StarlingMemory

/// Asks for the memory of the posts that come next in a batch. A new post needs its author's number, newest post, the row of that,
/// the row to which that jumps, and once more the row to which that one jumps: five cache misses that depend on each other, a
/// fifth of the writer's time. Each is asked for some posts ahead.
struct PostLookahead {
    /// Indexes of the authors of the next posts, by their places in the batch.
    typealias Authors = InlineArray<16, UserIndex>

    private let users: UserTable
    private let graph: FollowGraph
    private let newestPosts: UnsafePointer<PostOrdinal>
    private let posts: UnsafePointer<PostRow>
    private let rows: [PostBatch.Row]

    private static var unknown: UserIndex { UserIndex.max }
    /// How many posts ahead the first look is: less than the places of `Authors`.
    private static var distance: Int { 15 }

    init(_ state: SequencerState, _ rows: [PostBatch.Row]) {
        users = state.users
        graph = state.graph
        newestPosts = state.newestPost.rows
        posts = state.posts.rows
        self.rows = rows
    }

    /// Looks at what comes before the first post is made.
    func begin() -> Authors {
        var authors = Authors(repeating: Self.unknown)
        for before in -Self.distance..<0 { look(from: before, &authors) }
        return authors
    }

    /// Looks ahead from the post at `place`, which is about to be made.
    func look(from place: Int, _ authors: inout Authors) {
        if let row = at(place + 15) { users.prefetch(rows[row].author) }
        if let row = at(place + 12) {
            let author = users.index(of: rows[row].author) ?? Self.unknown
            authors[row % 16] = author
            if author != Self.unknown {
                starling_prefetch_read(newestPosts + Int(author))
                graph.prefetch(author)
            }
        }
        if let newest = newestPost(place + 9, authors) { prefetchRow(newest) }
        if let newest = newestPost(place + 6, authors) { prefetchRow(jump(from: newest)) }
        if let newest = newestPost(place + 3, authors) { prefetchRow(jump(from: jump(from: newest))) }
    }

    @inline(__always)
    private func at(_ place: Int) -> Int? { place >= 0 && place < rows.count ? place : nil }

    @inline(__always)
    private func newestPost(_ place: Int, _ authors: borrowing Authors) -> PostOrdinal? {
        guard let row = at(place) else { return nil }
        let author = authors[row % 16]
        guard author != Self.unknown else { return nil }
        let newest = newestPosts[Int(author)]
        return newest == 0 ? nil : newest
    }

    private func jump(from post: PostOrdinal) -> PostOrdinal { posts[Int(post)].jump }

    private func prefetchRow(_ post: PostOrdinal) {
        let row = UnsafeRawPointer(posts + Int(post))
        starling_prefetch_read(row)
        // A row of 48 bytes may lie across two lines.
        starling_prefetch_read(row + 32)
    }
}
