import CStarling
import StarlingMemory
import StarlingSets

/// Pages of many feeds at once.
///
/// A page costs cache misses: some to find the reader, one for each post. So many pages are made together, step by step for all
/// of them, and each step asks for the memory of the next.
extension Worker {
    /// The pages, in the order of the queries. Each `limit` is at least 1.
    func feedPages(_ queries: [FeedQuery]) -> FeedPages {
        var pages = FeedPages(asOfLSN: appliedLSN)
        pages.pages.reserveCapacity(queries.count)
        pages.entries.reserveCapacity(queries.reduce(0) { $0 + $1.limit })
        // Taken out, so that the loops below check no access.
        var scratch = PageScratch()
        swap(&scratch, &pageScratch)
        defer { swap(&scratch, &pageScratch) }
        var first = 0
        while first < queries.count {
            var group = queries[first..<min(queries.count, first + Self.feedsTogether)]
            if nextReader != 0 { for place in group.indices { group[place].limit(toBelow: appliedBound) } }
            first = group.endIndex
            scratch.ordinals.removeAll(keepingCapacity: true)
            findReaders(group, &scratch)
            for place in group.indices { collect(group[place], place - group.startIndex, &scratch) }
            for place in group.indices { merge(group[place], place - group.startIndex, &scratch) }
            for place in group.indices {
                finish(group[place], scratch.readers[place - group.startIndex], scratch, &pages)
            }
        }
        return pages
    }

    /// Pages whose misses overlap. More lines than the first two caches hold help nobody.
    private static let feedsTogether = 32

    private func findReaders(_ group: ArraySlice<FeedQuery>, _ scratch: inout PageScratch) {
        scratch.readers.removeAll(keepingCapacity: true)
        for query in group { users.prefetch(query.user) }
        for query in group {
            var reader = FeedReader()
            if let index = users.index(of: query.user) {
                reader.number = index
                starling_prefetch_read(readerNumbers.rows + Int(index))
            }
            scratch.readers.append(reader)
        }
        for place in scratch.readers.indices where scratch.readers[place].number != FeedReader.unknown {
            // It fails only where the memory for a replay is too small, and then nothing more is served.
            _ = settle(user: scratch.readers[place].number)
            guard let reader = reader(scratch.readers[place].number), !isGone(scratch.readers[place].number) else {
                scratch.readers[place].number = FeedReader.unknown
                continue
            }
            scratch.readers[place].number = UInt32(reader)
            starling_prefetch_read(timelines.rows + reader)
            starling_prefetch_read(floors.rows + reader)
            starling_prefetch_read(pulledFollowees.rows + reader)
            starling_prefetch_read(readerFlags.rows + reader)
            starling_prefetch_read(lastReads.rows + reader)
        }
        for (place, query) in zip(scratch.readers.indices, group) {
            let number = scratch.readers[place].number
            if number == FeedReader.unknown { continue }
            timelineSets.prefetchNewest(timelines.rows + Int(number), count: query.limit)
            if pulledFollowees.rows[Int(number)].count > 0 {
                pulledSets.prefetchNewest(pulledFollowees.rows + Int(number), count: 1)
            }
        }
    }

    /// The ordinals of a page that lies in the timeline as it is: nothing to merge, nothing that was
    /// unfollowed or is muted.
    private func collect(_ query: FeedQuery, _ place: Int, _ scratch: inout PageScratch) {
        let number = scratch.readers[place].number
        if number == FeedReader.unknown { return }
        let reader = Int(number)
        noteRead(reader)
        let floor = floors.rows[reader]
        let start = scratch.ordinals.count
        scratch.readers[place].start = start
        scratch.readers[place].end = start
        guard query.bound > floor, pulledFollowees.rows[reader].count == 0,
            readerFlags.rows[reader] & ReaderFlag.decidesByEntry == 0
        else { return }
        let end = start + query.limit + 1
        var timeline = entries(of: reader, below: query.bound)
        while scratch.ordinals.count < end, let ordinal = timeline.next(), ordinal >= floor {
            prefetchRow(ordinal)
            scratch.ordinals.append(ordinal)
        }
        // Below the floor the page goes on elsewhere.
        scratch.readers[place].isPlain = floor == 0 || scratch.ordinals.count == end
        scratch.readers[place].end = scratch.ordinals.count
    }

    /// Makes the pages that are more than a piece of a timeline, and those in which a post was deleted.
    private func merge(_ query: FeedQuery, _ place: Int, _ scratch: inout PageScratch) {
        let reader = scratch.readers[place]
        if reader.number == FeedReader.unknown { return }
        if reader.isPlain, areLive(scratch.ordinals[reader.start..<reader.end]) { return }
        scratch.readers[place].start = scratch.ordinals.count
        mergePage(Int(reader.number), query, &scratch)
        scratch.readers[place].end = scratch.ordinals.count
    }

    /// Whether no post is deleted. Asks for the ids of the authors.
    private func areLive(_ ordinals: ArraySlice<PostOrdinal>) -> Bool {
        for ordinal in ordinals {
            guard isLive(ordinal) else { return false }
            starling_prefetch_read(users.ids + Int(posts.rows[Int(ordinal)].author))
        }
        return true
    }

    private func finish(_ query: FeedQuery, _ reader: FeedReader, _ scratch: PageScratch, _ pages: inout FeedPages) {
        let shown = scratch.ordinals[reader.start..<min(reader.end, reader.start + query.limit)]
        let start = pages.entries.count
        for ordinal in shown { pages.entries.append(entry(ordinal)) }
        let isFollowed = reader.end - reader.start > query.limit
        let next = isFollowed ? shown.last.map { PagePosition(rawValue: UInt64($0)) } : nil
        pages.pages.append(FeedPages.Page(query: query, range: start..<pages.entries.count, next: next))
    }
}
