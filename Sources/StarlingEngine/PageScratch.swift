/// What a worker makes pages with. Its arrays keep their memory between reads.
struct PageScratch {
    /// The posts of the pages at hand.
    var ordinals: [PostOrdinal] = []
    /// The heads of the chains that are merged.
    var chains = ChainHeap()
    /// The reader of each query.
    var readers: [FeedReader] = []
}

/// A reader whose page is being made.
struct FeedReader {
    /// No account, or one that nobody has used yet.
    static let unknown = UInt32.max

    /// First the account's index, then the reader's number.
    var number = Self.unknown
    /// The page's place in `PageScratch.ordinals`, with one post more when another page follows.
    var start = 0
    var end = 0
    /// Whether the page lies in the timeline alone and was collected as it stands there.
    var isPlain = false
}
