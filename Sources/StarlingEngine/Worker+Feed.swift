import CStarling
import StarlingMemory
import StarlingSets

extension Worker {
    /// A page of a reader's feed: the posts below the query's position of all accounts that the reader follows, newest first,
    /// each once.
    func feedPage(_ query: FeedQuery, detailed: Bool = false) -> PostPage {
        let pages = feedPages([query])
        return PostPage(
            entries: pages.entries, details: detailed ? details(of: pages.entries, for: query.user) : [],
            next: pages.pages[0].next, asOfLSN: pages.asOfLSN)
    }

    /// A page of one author's posts, newest first: those that `viewer` may see.
    func authorPage(_ author: UserID, viewer: UserID?, below bound: PostOrdinal, limit: Int) -> PostPage {
        var ordinals: [PostOrdinal] = []
        guard let index = users.index(of: author) else { return page(ordinals, limit: limit, viewer: viewer) }
        let view = view(of: index, by: viewer)
        if view == .nothing { return page(ordinals, limit: limit, viewer: viewer) }
        let isOwn = viewer == author
        var ordinal = posts.newest(below: min(bound, appliedBound), from: newestPosts.rows[Int(index)])
        while ordinal != 0, ordinals.count <= limit {
            if view.shows(posts.rows[Int(ordinal)]), isOwn ? isThere(ordinal) : isLive(ordinal) {
                ordinals.append(ordinal)
            }
            ordinal = posts.rows[Int(ordinal)].previous
        }
        return page(ordinals, limit: limit, viewer: viewer)
    }

    /// Pages hold posts below it. Some readers may have the one that is being delivered, and its author's chain has it, but its
    /// record is not applied before all have it.
    var appliedBound: PostOrdinal { nextReader == 0 ? .max : delivery.post }

    /// Posts by id, as far as this worker has applied the log and `viewer` may see them.
    func lookUp(_ ids: [PostID], viewer: UserID?) -> PostLookup {
        var lookup = PostLookup(found: [], missing: [])
        let published = posts.publishedCount
        for id in ids {
            guard let ordinal = posts.findPost(id, among: published), isShown(ordinal, to: viewer) else {
                lookup.missing.append(id)
                continue
            }
            lookup.found.append(entry(ordinal))
        }
        lookup.details = details(of: lookup.found, for: viewer)
        return lookup
    }

    /// Whether a post is there, as far as this worker has applied the log, and `viewer`, whom it owns, may see it.
    func isShown(_ ordinal: PostOrdinal, to viewer: UserID?) -> Bool {
        let row = posts.rows[Int(ordinal)]
        guard row.lsn <= appliedLSN, isThere(ordinal) else { return false }
        if isHeld(ordinal) { return viewer == users.id(of: row.author) }
        return view(of: row.author, by: viewer).shows(row)
    }

    /// A page of `ordinals`; one more than the limit says that another page follows.
    func page(_ ordinals: [PostOrdinal], limit: Int, viewer: UserID?) -> PostPage {
        let shown = ordinals.prefix(limit)
        let next = ordinals.count > limit ? shown.last.map { PagePosition(rawValue: UInt64($0)) } : nil
        let entries = shown.map(entry)
        return PostPage(
            entries: entries, details: details(of: entries, for: viewer), next: next, asOfLSN: appliedLSN)
    }

    @inline(__always)
    func entry(_ ordinal: PostOrdinal) -> PostEntry {
        let row = posts.rows + Int(ordinal)
        let bodyLSN = posts.editCount(ordinal) == 0 ? row.pointee.lsn : newestBodyLSN(ordinal)
        return PostEntry(
            ordinal: ordinal, post: PostID(rawValue: row.pointee.id), author: users.id(of: row.pointee.author),
            bodyLSN: bodyLSN)
    }

    /// Where the body of a post or comment is, as far as this worker has applied the log.
    @inline(never)
    private func newestBodyLSN(_ ordinal: PostOrdinal) -> UInt64 {
        let changed = engagements.row(of: ordinal)?.pointee.bodyLSN ?? 0
        return changed == 0 ? posts.rows[Int(ordinal)].lsn : changed
    }

    /// Whether readers see the post, as far as this worker has applied the log: neither it nor its author was deleted, and it
    /// is not held back.
    @inline(__always)
    func isLive(_ ordinal: PostOrdinal) -> Bool {
        posts.marks(ordinal) | deletedAccounts == 0 || isThere(ordinal) && !isHeld(ordinal)
    }

    /// Whether neither the post nor its author was deleted.
    @inline(never)
    func isThere(_ ordinal: PostOrdinal) -> Bool {
        !isPostDeleted(ordinal) && !isGone(posts.rows[Int(ordinal)].author)
    }

    /// Whether a record that this worker has applied has deleted the post or comment.
    func isPostDeleted(_ ordinal: PostOrdinal) -> Bool {
        let deleted = posts.deletedLSN(ordinal)
        return deleted != 0 && deleted <= appliedLSN
    }

    /// Asks for what a page needs of a post.
    @inline(__always)
    func prefetchRow(_ ordinal: PostOrdinal) {
        let row = UnsafeRawPointer(posts.rows + Int(ordinal))
        starling_prefetch_read(row)
        // A row of 48 bytes may lie across two lines.
        starling_prefetch_read(row + 32)
    }

    /// The entries of a reader's timeline, newest first.
    @inline(__always)
    func entries(of reader: Int, below bound: PostOrdinal) -> DescendingEntries<UInt32> {
        let timeline = timelines.rows + reader
        return bound == .max ? timelineSets.descending(timeline) : timelineSets.descending(timeline, below: bound)
    }

    /// Appends to the scratch's ordinals those of a page, and one more if another page follows.
    ///
    /// From the floor of the timeline up, that is the merge of the timeline and of the followees that are pulled; below it, of
    /// all followees' chains. Cost: inside the timeline about a cache miss an entry, and O(log n) a pulled followee; below it
    /// O(log n) a followee.
    func mergePage(_ reader: Int, _ query: FeedQuery, _ scratch: inout PageScratch) {
        let floor = floors.rows[reader]
        let end = scratch.ordinals.count + query.limit + 1
        if query.bound > floor { mergeTimeline(reader, below: query.bound, downTo: floor, upTo: end, &scratch) }
        if scratch.ordinals.count < end, floor > 0 {
            mergeChains(reader, below: min(query.bound, floor), upTo: end, &scratch)
        }
    }

    private func mergeTimeline(
        _ reader: Int, below bound: PostOrdinal, downTo floor: PostOrdinal, upTo end: Int, _ scratch: inout PageScratch
    ) {
        let mutes = mutes(of: reader)
        beginChains(
            pulledSets.ascending(pulledFollowees.rows + reader), without: mutes, below: bound, downTo: floor,
            &scratch.chains)
        var ahead = entries(of: reader, below: bound)
        var timeline = ahead
        for _ in scratch.ordinals.count..<end { prefetchRow(ahead.next() ?? 0) }
        var entry = timeline.next() ?? 0
        let edges = followees.rows + reader
        let mayHoldUnfollowed = readerFlags.rows[reader] & ReaderFlag.hasUnfollowed != 0
        while scratch.ordinals.count < end {
            let chain = scratch.chains.top
            let ordinal = max(entry, chain)
            if ordinal == 0 || ordinal < floor { return }
            if ordinal == entry { entry = timeline.next() ?? 0 }
            let row = posts.rows + Int(ordinal)
            // Two chains never share a post: each post has one author.
            if ordinal == chain {
                prefetchRow(row.pointee.previous)
                scratch.chains.replaceTop(with: row.pointee.previous)
            }
            // A pulled followee is followed; a timeline entry may be of an account that is followed no longer.
            let isFollowed =
                ordinal == chain || !mayHoldUnfollowed || followeeSets.contains(row.pointee.author, in: edges)
            if isFollowed, isLive(ordinal), !isMuted(row.pointee.author, by: mutes) {
                scratch.ordinals.append(ordinal)
            }
        }
    }

    /// Fills the heap with the newest post below `bound` of each account that is not muted.
    private func beginChains(
        _ authors: AscendingEntries<UInt32>, without mutes: UnsafePointer<SortedSet>?, below bound: PostOrdinal,
        downTo floor: PostOrdinal, _ chains: inout ChainHeap
    ) {
        chains.removeAll()
        for author in authors { starling_prefetch_read(newestPosts.rows + Int(author)) }
        for author in authors where !isMuted(author, by: mutes) {
            let head = posts.newest(below: bound, from: newestPosts.rows[Int(author)])
            if head >= max(floor, 1) {
                prefetchRow(head)
                chains.append(head)
            }
        }
        chains.heapify()
    }

    private func mergeChains(
        _ reader: Int, below bound: PostOrdinal, upTo end: Int, _ scratch: inout PageScratch
    ) {
        scratch.chains.removeAll()
        let mutes = mutes(of: reader)
        for author in followeeSets.ascending(followees.rows + reader) where !isMuted(author.key, by: mutes) {
            let head = posts.newest(below: bound, from: newestPosts.rows[Int(author.key)])
            if head != 0 { scratch.chains.append(head) }
        }
        scratch.chains.heapify()
        while scratch.ordinals.count < end {
            let ordinal = scratch.chains.top
            if ordinal == 0 { return }
            scratch.chains.replaceTop(with: posts.rows[Int(ordinal)].previous)
            if isLive(ordinal) { scratch.ordinals.append(ordinal) }
        }
    }
}
