/// One of many pages of feeds that are read in one call.
public struct FeedQuery: Sendable {
    /// The reader.
    public var user: UserID
    /// `next` of the page before; nil begins anew.
    public var position: PagePosition?
    /// At most that many posts, 1 to 1,000.
    public var limit: Int
    /// The caller's own; it comes back with the page.
    public var tag: UInt64

    /// A page of `user`'s feed.
    public init(user: UserID, position: PagePosition? = nil, limit: Int = 50, tag: UInt64 = 0) {
        self.user = user
        self.position = position
        self.limit = limit
        self.tag = tag
    }

    /// Only posts below this ordinal are on the page.
    var bound: PostOrdinal { position.map { PostOrdinal(clamping: $0.rawValue) } ?? .max }

    /// Lowers `bound` to `other`, if it is above.
    mutating func limit(toBelow other: PostOrdinal) {
        if bound > other { position = PagePosition(rawValue: UInt64(other)) }
    }
}

/// Pages of many feeds, newest post first. Their entries share one array.
public struct FeedPages: Sendable {
    /// One page.
    public struct Page: Sendable {
        /// What was asked for.
        public let query: FeedQuery
        /// Its place in `entries`.
        public let range: Range<Int>
        /// Where the next page begins; nil at the end.
        public let next: PagePosition?
    }

    /// A page for each query.
    public internal(set) var pages: [Page] = []
    /// The entries of all pages.
    public internal(set) var entries: [PostEntry] = []
    /// The last record that the pages take account of.
    public internal(set) var asOfLSN: UInt64

    /// The entries of a page.
    public func entries(of page: Page) -> ArraySlice<PostEntry> { entries[page.range] }
}

extension Engine {
    /// Pages of many feeds in one pass: each worker looks for its readers' pages together, so that their cache misses
    /// overlap, and the way to its thread and back is paid for once.
    ///
    /// - Parameters:
    ///   - queries: the pages, of any readers.
    ///   - completion: called once for each worker concerned, on its thread, with the queries that it was asked and their
    ///     pages; on failure with all those that failed.
    public func feeds(
        _ queries: [FeedQuery],
        completion: @escaping @Sendable ([FeedQuery], Result<FeedPages, EngineError>) -> Void
    ) {
        feeds(queries, completion) { worker, queries in worker.feedPages(queries) }
    }

    func feeds<Pages: Sendable>(
        _ queries: [FeedQuery],
        _ completion: @escaping @Sendable ([FeedQuery], Result<Pages, EngineError>) -> Void,
        _ make: @escaping @Sendable (Worker, [FeedQuery]) -> Pages
    ) {
        if let wrong = queries.first(where: { !(1...1_000).contains($0.limit) }) {
            let error = EngineError.invalid(field: "limit", reason: "it is \(wrong.limit); it must be 1 to 1000")
            return completion(queries, .failure(error))
        }
        guard runners.count > 1 else { return feeds(queries, ofWorker: 0, completion, make) }
        var byWorker = [[FeedQuery]](repeating: [], count: runners.count)
        for query in queries { byWorker[Slot.worker(of: query.user, workers: runners.count)].append(query) }
        for (number, own) in byWorker.enumerated() where !own.isEmpty {
            feeds(own, ofWorker: number, completion, make)
        }
    }

    private func feeds<Pages: Sendable>(
        _ queries: [FeedQuery], ofWorker number: Int,
        _ completion: @escaping @Sendable ([FeedQuery], Result<Pages, EngineError>) -> Void,
        _ make: @escaping @Sendable (Worker, [FeedQuery]) -> Pages
    ) {
        onWorker(number, minimumLSN: 0, { completion(queries, $0) }) { worker in make(worker, queries) }
    }
}
