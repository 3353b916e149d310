import StarlingMemory
import StarlingSets

extension Worker {
    /// A page of a reader's feed: the posts below `bound` of all accounts that the reader follows, newest first, each once.
    ///
    /// From the floor of the timeline up, that is the merge of the timeline and of the followees that are pulled; below it,
    /// of all followees' chains. Cost: inside the timeline about a cache miss an entry, and O(log n) a pulled followee;
    /// below it O(log n) a followee.
    func feedPage(_ user: UserID, below bound: PostOrdinal, limit: Int) -> PostPage {
        guard let index = users.index(of: user), let reader = reader(index) else {
            return PostPage(entries: [], next: nil, asOfLSN: appliedLSN)
        }
        noteRead(reader)
        var page = PageBuilder(limit: limit)
        let floor = floors.rows[reader]
        if bound > floor { mergeTimeline(reader, below: bound, downTo: floor, into: &page) }
        if !page.isFull, floor > 0 { mergeChains(reader, below: min(bound, floor), into: &page) }
        return finish(page)
    }

    /// A page of one author's posts, newest first. `viewer` decides whether posts for followers are shown.
    func authorPage(_ author: UserID, viewer: UserID?, below bound: PostOrdinal, limit: Int) -> PostPage {
        var page = PageBuilder(limit: limit)
        guard let index = users.index(of: author) else { return finish(page) }
        let seesAll = sees(author: index, viewer: viewer)
        var ordinal = posts.newest(below: bound, from: newestPosts.rows[Int(index)])
        while ordinal != 0, !page.isFull {
            let isPublic = posts.rows[Int(ordinal)].visibility == PostVisibility.public.rawValue
            if isPublic || seesAll, isLive(ordinal) { page.append(ordinal) }
            ordinal = posts.rows[Int(ordinal)].previous
        }
        return finish(page)
    }

    /// Posts by id, as far as this worker has applied the log and `viewer` may see them.
    func lookUp(_ ids: [PostID], viewer: UserID?) -> PostLookup {
        var lookup = PostLookup(found: [], missing: [])
        let published = posts.publishedCount
        for id in ids {
            guard let ordinal = posts.find(id, among: published), posts.rows[Int(ordinal)].lsn <= appliedLSN,
                isLive(ordinal)
            else {
                lookup.missing.append(id)
                continue
            }
            let row = posts.rows[Int(ordinal)]
            if row.visibility == PostVisibility.public.rawValue || sees(author: row.author, viewer: viewer) {
                lookup.found.append(PostEntry(ordinal: ordinal, post: id, author: users.id(of: row.author)))
            } else {
                lookup.missing.append(id)
            }
        }
        return lookup
    }

    /// Whether `viewer`, whom this worker owns, may see what the author shows to followers only.
    func sees(author: UserIndex, viewer: UserID?) -> Bool {
        guard let viewer, let index = users.index(of: viewer) else { return false }
        if index == author { return true }
        guard let reader = reader(index) else { return false }
        return followeeSets.contains(author, in: followees.rows + reader)
    }

    private func finish(_ page: PageBuilder) -> PostPage {
        let shown = page.ordinals.prefix(page.limit)
        let entries = shown.map { ordinal in
            let row = posts.rows + Int(ordinal)
            return PostEntry(
                ordinal: ordinal, post: PostID(rawValue: row.pointee.id), author: users.id(of: row.pointee.author))
        }
        let next = page.isFull ? shown.last.map { PagePosition(rawValue: UInt64($0)) } : nil
        return PostPage(entries: entries, next: next, asOfLSN: appliedLSN)
    }

    /// Whether the post was not deleted by a record that this worker has applied.
    @inline(__always)
    private func isLive(_ ordinal: PostOrdinal) -> Bool {
        let deleted = posts.deletedLSN(ordinal)
        return deleted == 0 || deleted > appliedLSN
    }

    private func mergeTimeline(
        _ reader: Int, below bound: PostOrdinal, downTo floor: PostOrdinal, into page: inout PageBuilder
    ) {
        chainHeap.removeAll()
        var authors = pulledSets.ascending(pulledFollowees.rows + reader)
        while let author = authors.next() {
            let head = posts.newest(below: bound, from: newestPosts.rows[Int(author)])
            if head >= max(floor, 1) { chainHeap.append(head) }
        }
        chainHeap.heapify()
        var timeline = timelineSets.descending(timelines.rows + reader, below: bound)
        var entry = timeline.next() ?? 0
        let edges = followees.rows + reader
        while !page.isFull {
            let chain = chainHeap.top
            let ordinal = max(entry, chain)
            if ordinal == 0 || ordinal < floor { return }
            if ordinal == entry { entry = timeline.next() ?? 0 }
            // Two chains never share a post: each post has one author.
            if ordinal == chain { chainHeap.replaceTop(with: posts.rows[Int(ordinal)].previous) }
            // A pulled followee is followed; a timeline entry may be of an account that is followed no longer.
            let isFollowed =
                ordinal == chain || followeeSets.contains(posts.rows[Int(ordinal)].author, in: edges)
            if isFollowed, isLive(ordinal) { page.append(ordinal) }
        }
    }

    private func mergeChains(_ reader: Int, below bound: PostOrdinal, into page: inout PageBuilder) {
        chainHeap.removeAll()
        var authors = followeeSets.ascending(followees.rows + reader)
        while let author = authors.next() {
            let head = posts.newest(below: bound, from: newestPosts.rows[Int(author.key)])
            if head != 0 { chainHeap.append(head) }
        }
        chainHeap.heapify()
        while !page.isFull {
            let ordinal = chainHeap.top
            if ordinal == 0 { return }
            chainHeap.replaceTop(with: posts.rows[Int(ordinal)].previous)
            if isLive(ordinal) { page.append(ordinal) }
        }
    }
}

/// Collects one entry more than the page holds, to know whether another page follows.
private struct PageBuilder {
    let limit: Int
    private(set) var ordinals: [PostOrdinal] = []

    init(limit: Int) {
        self.limit = limit
        ordinals.reserveCapacity(limit + 1)
    }

    var isFull: Bool { ordinals.count > limit }

    mutating func append(_ ordinal: PostOrdinal) { ordinals.append(ordinal) }
}
