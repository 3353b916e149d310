import StarlingMemory
import StarlingSets

extension Worker {
    /// A page of a reader's feed in its ranked order: of the order in `position`, or of one that is made now.
    ///
    /// Each post is looked at again before it is shown, for what was deleted, unfollowed, blocked or muted in between is not part
    /// of the feed any more. Behind the ranked posts the feed goes on, newest first.
    func rankedPage(
        of user: UserID, from position: RankedPosition?, limit: Int, by settings: RankingSettings, detailed: Bool
    ) -> RankedPage {
        let order = position ?? rankedOrder(of: user, by: settings)
        var page = RankedPage(entries: [], next: nil, asOfLSN: appliedLSN)
        page.entries.reserveCapacity(limit)
        let own = reader(of: user)
        if let own { noteRead(own) }
        for (place, ordinal) in zip(order.rest.indices, order.rest) {
            guard let own, isInFeed(ordinal, of: own) else { continue }
            if page.entries.count == limit {
                page.next = RankedPosition(rest: order.rest[place...], bound: order.bound)
                break
            }
            page.entries.append(entry(ordinal))
        }
        if page.next == nil { goOn(&page, limit: limit, of: user, below: order.bound) }
        guard detailed else { return page }
        page.details = details(of: page.entries, for: user)
        page.authors = publicProfiles(ofAuthors: page.entries)
        return page
    }

    private func reader(of user: UserID) -> Int? {
        guard let index = users.index(of: user), !isGone(index) else { return nil }
        return reader(index)
    }

    /// Fills a page up with the posts below `bound`, newest first.
    private func goOn(_ page: inout RankedPage, limit: Int, of user: UserID, below bound: PostOrdinal) {
        if bound == 0 { return }
        let missing = limit - page.entries.count
        // On a full page, only to see whether another one follows.
        let query = FeedQuery(
            user: user, position: PagePosition(rawValue: UInt64(bound)), limit: max(missing, 1))
        let rest = feedPages([query])
        if missing == 0 {
            if !rest.entries.isEmpty { page.next = RankedPosition(rest: [], bound: bound) }
        } else {
            page.entries += rest.entries
            page.next = rest.pages[0].next.map { RankedPosition(rest: [], bound: PostOrdinal(clamping: $0.rawValue)) }
        }
    }

    /// The newest posts of the feed in the order of their scores; of equal ones the newest first. As of what this worker has
    /// applied, by the time of the log: the same for every number of workers, and after a restart.
    private func rankedOrder(of user: UserID, by settings: RankingSettings) -> RankedPosition {
        let newest = feedPages([FeedQuery(user: user, limit: settings.candidates)]).entries
        guard let oldest = newest.last, let reader = reader(of: user) else {
            return RankedPosition(rest: [], bound: 0)
        }
        for entry in newest { engagements.prefetch(entry.ordinal) }
        var scores: [(score: Double, ordinal: PostOrdinal)] = []
        scores.reserveCapacity(newest.count)
        for entry in newest { scores.append((score(of: entry, for: reader, by: settings), entry.ordinal)) }
        scores.sort { $0.score == $1.score ? $0.ordinal > $1.ordinal : $0.score > $1.score }
        return RankedPosition(rest: scores.map(\.ordinal)[...], bound: oldest.ordinal)
    }

    private func score(of entry: PostEntry, for reader: Int, by settings: RankingSettings) -> Double {
        let row = posts.rows[Int(entry.ordinal)]
        let count = reactionSets.find(row.author, in: affinities.rows + reader)
        return settings.score(
            milliseconds: entry.post.milliseconds,
            counts: engagements.row(of: entry.ordinal)?.pointee.counts ?? PostCounts(),
            affinity: count.map { DecayedCount(level: $0.value).value(at: logSeconds) } ?? 0, kind: row.postKind)
    }

    /// Whether a post is part of the feed of one of this worker's readers now: just what the merge of its followees' posts holds.
    private func isInFeed(_ ordinal: PostOrdinal, of reader: Int) -> Bool {
        guard ordinal > 0, ordinal <= posts.publishedCount else { return false }
        let row = posts.rows[Int(ordinal)]
        return !row.isComment && row.lsn <= appliedLSN && isLive(ordinal)
            && followeeSets.contains(row.author, in: followees.rows + reader)
            && !isMuted(row.author, by: mutes(of: reader))
    }
}
