/// Where the next page of a list begins. The number means something only to the list that it came from; it stays valid
/// over restarts and for any number of workers.
public struct PagePosition: RawRepresentable, Hashable, Sendable {
    /// For storing it; a caller that hands it to strangers signs it.
    public let rawValue: UInt64

    /// Wraps a stored number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// One entry of a page of posts. The body is read from the log by `Engine.bodies(of:)`.
public struct PostEntry: Sendable {
    /// The post's number in the order of the log.
    let ordinal: PostOrdinal
    /// The post.
    public let post: PostID
    /// Its author.
    public let author: UserID
    /// The record that holds its newest body.
    let bodyLSN: UInt64
}

/// What others did with a post or comment.
public struct PostDetail: Sendable, Equatable {
    /// How often.
    public var counts = PostCounts()
    /// What the viewer did; nil without a viewer too.
    public var ownReaction: ReactionKind?
    /// Whether others see it.
    public var state = PostState.published
    /// How often its body was changed. Only of a post that is or was held back.
    public var edits: UInt16 = 0
}

/// A page of posts or comments, newest first.
public struct PostPage: Sendable {
    /// The posts.
    public var entries: [PostEntry]
    /// For each of them what others did with it; none when that was not asked for.
    public var details: [PostDetail] = []
    /// Where the next page begins; nil at the end.
    public var next: PagePosition?
    /// The last record that the page takes account of.
    public var asOfLSN: UInt64
    /// The authors that are registered, when they were asked for.
    public var authors: [UserID: PublicProfile] = [:]
}

/// One end of an edge of the graph.
public struct EdgeEntry: Sendable {
    /// What the list is ordered by: the order in which accounts were first used; of requests, their numbers.
    let index: UInt32
    /// The account at the other end.
    public let user: UserID
    /// Since when the edge exists, in seconds since 1970.
    public let sinceSeconds: UInt32
}

/// A page of a user's followers or followees.
public struct EdgePage: Sendable {
    /// The accounts, in the order of their first use.
    public var entries: [EdgeEntry]
    /// Where the next page begins; nil at the end.
    public var next: PagePosition?
    /// The lowest position that all workers concerned had applied.
    public var asOfLSN: UInt64
}

/// Posts that were asked for by id.
public struct PostLookup: Sendable {
    /// Those that are there and that the viewer may see, in the order asked for.
    public var found: [PostEntry]
    /// For each of these what others did with it.
    public var details: [PostDetail] = []
    /// The others.
    public var missing: [PostID]
    /// The authors that are registered, when they were asked for.
    public var authors: [UserID: PublicProfile] = [:]
}

/// Counters and fan-out mode of an account.
public struct Profile: Sendable {
    /// Its texts; nil when it was never registered.
    public var account: PublicProfile?
    /// Accounts that follow it.
    public var followerCount: Int
    /// Accounts that it follows.
    public var followingCount: Int
    /// Its posts, without the deleted ones.
    public var postCount: Int
    /// Whether only its followers see its posts, and whoever wants to follow it has to ask.
    public var isPrivate: Bool
    /// Whether its posts are merged at read instead of written to timelines.
    public var isPulled: Bool
    /// Its last switch between push and pull; nil when it never was switched.
    public var lastSwitch: FanoutSwitch?
    /// Posts in the 24 hours up to its newest one.
    public var postsPerDay: Double
}

/// When and why an account was switched between push and pull.
public struct FanoutSwitch: Sendable, Hashable {
    /// In milliseconds since 1970, by the log's time.
    public var milliseconds: UInt64
    /// The followers that it had then.
    public var followerCount: Int
    /// The rule that decided; back to push, the rule for which it had been pulled.
    public var reason: FanoutReason
    /// How often it posted then; 0 when only the followers counted.
    public var postsPerDay: Int

    init(_ row: ModeChangeTable.Row) {
        milliseconds = row.milliseconds
        followerCount = Int(row.followerCount)
        reason = row.reason
        postsPerDay = Int(row.postsPerDay)
    }
}

/// What a post says.
public struct PostBody: Sendable, Equatable {
    /// UTF-8 text.
    public var text: String
    /// What it shows.
    public var kind: PostKind
    /// Empty for none.
    public var mediaURL: String
    /// Empty for none.
    public var thumbnailURL: String
    /// Who may see it.
    public var visibility: PostVisibility
    /// The post that it answers, or nil.
    public var replyTo: PostID?
    /// The post that it repeats, or nil.
    public var repostOf: PostID?
    /// When it was changed, in milliseconds since 1970; nil for the first body.
    public var editedAt: UInt64?

    /// Creates a body.
    public init(
        text: String, kind: PostKind, mediaURL: String, thumbnailURL: String, visibility: PostVisibility,
        replyTo: PostID?, repostOf: PostID?
    ) {
        self.text = text
        self.kind = kind
        self.mediaURL = mediaURL
        self.thumbnailURL = thumbnailURL
        self.visibility = visibility
        self.replyTo = replyTo
        self.repostOf = repostOf
    }

    /// What a new post says.
    public init(_ post: NewPost) {
        self.init(
            text: post.text, kind: post.kind, mediaURL: post.mediaURL, thumbnailURL: post.thumbnailURL,
            visibility: post.visibility, replyTo: post.replyTo, repostOf: post.repostOf)
    }
}
