/// One comment. Its words are read by `Engine.bodies(of:)`.
public struct CommentEntry: Sendable {
    /// The comment, where `PostEntry.post` is its id.
    public let entry: PostEntry
    /// The post that it is about.
    public let post: PostID
    /// What others did with it.
    public let detail: PostDetail
}

/// A post or comment as one record has changed it.
public struct ChangedContent: Sendable {
    /// With the body of that record.
    public let entry: PostEntry
    /// Of a comment its post.
    public let post: PostID?
    /// What others did with it by now.
    public let detail: PostDetail
}

/// A post that somebody is about to change.
public struct ChangeablePost: Sendable {
    /// The post with its newest body.
    public let entry: PostEntry
    /// How often it was changed, for `PostEdit`.
    public let edits: UInt16
}

/// One user's reaction.
public struct ReactionEntry: Sendable, Hashable {
    /// Who reacted.
    public let user: UserID
    /// How.
    public let kind: ReactionKind
}

/// A page of those who reacted to a post.
public struct ReactionPage: Sendable {
    /// In the order of the accounts' first use.
    public var entries: [ReactionEntry]
    /// Where the next page begins; nil at the end.
    public var next: PagePosition?
    /// The last record that the page takes account of.
    public var asOfLSN: UInt64
}

/// One notification.
public struct NotificationEntry: Sendable, Hashable {
    /// Rises with time; unique for its user.
    public let number: UInt64
    /// What happened.
    public let kind: NotificationKind
    /// Who did it; nil when it was no user.
    public let actor: UserID?
    /// The post that it is about, or nil. It may be deleted by now.
    public let post: PostID?
    /// The comment that it is about, or nil.
    public let comment: PostID?
    /// When it happened, in milliseconds since 1970.
    public let milliseconds: UInt64
    /// Whether the user has read it.
    public let isRead: Bool

    /// Creates an entry.
    public init(
        number: UInt64, kind: NotificationKind, actor: UserID?, post: PostID?, comment: PostID?, milliseconds: UInt64,
        isRead: Bool
    ) {
        self.number = number
        self.kind = kind
        self.actor = actor
        self.post = post
        self.comment = comment
        self.milliseconds = milliseconds
        self.isRead = isRead
    }
}

/// A page of a user's notifications.
public struct NotificationPage: Sendable {
    /// The newest first.
    public var entries: [NotificationEntry]
    /// Where the next page begins; nil at the end.
    public var next: PagePosition?
    /// All that the user has not read, on this page or not.
    public var unreadCount: Int
    /// The last record that the page takes account of.
    public var asOfLSN: UInt64
}
