import Synchronization

/// A page of a feed in its ranked order.
public struct RankedPage: Sendable {
    /// The posts.
    public var entries: [PostEntry]
    /// For each of them what others did with it; none when that was not asked for.
    public var details: [PostDetail] = []
    /// Where the next page begins; nil at the end.
    public var next: RankedPosition?
    /// The authors that are registered; none when that was not asked for.
    public var authors: [UserID: PublicProfile] = [:]
    /// The last record that the page takes account of. The order is as of its first page.
    public var asOfLSN: UInt64
}

extension Engine {
    /// A page of a reader's feed with the most fitting posts first (`RankingSettings`). The order is made with the first page
    /// and goes along with the position: read on, it shows each post once, however counters move meanwhile, and no post
    /// that is not part of the feed any more. Behind the newest `candidates` posts the feed goes on, newest first.
    ///
    /// - Parameters:
    ///   - user: the reader. One that no record has used yet has an empty feed.
    ///   - position: `next` of the page before; nil begins anew.
    ///   - limit: at most that many posts, 1 to 1,000.
    ///   - minimumLSN: wait until this record is visible, at most a second; then `notYetVisible`.
    ///   - detailed: whether the page says what others, and the reader, did with the posts, and who their authors are.
    ///
    /// The first page costs some tenths of a microsecond a candidate, each further one that much a post.
    public func rankedFeed(
        of user: UserID, from position: RankedPosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        detailed: Bool = false, completion: @escaping @Sendable (Result<RankedPage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let settings = ranking
        onWorker(of: user, minimumLSN: minimumLSN, completion) { worker in
            worker.rankedPage(of: user, from: position, limit: limit, by: settings, detailed: detailed)
        }
    }

    /// By what ranked feeds are ordered whose first page is read from now on. What is out of range is not taken. Any thread.
    public var ranking: RankingSettings {
        get { rankingInForce.withLock { $0 } }
        set {
            guard newValue.problem == nil else { return }
            rankingInForce.withLock { $0 = newValue }
        }
    }
}
