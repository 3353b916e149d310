import StarlingLog
import StarlingSystem

/// Who writes, and how a repeated request is known.
public struct WriteContext: Sendable {
    /// The account that acts.
    public var actor: UserID
    /// Up to 128 printable ASCII characters, or nil. The same key from the same actor gives the first answer.
    public var idempotencyKey: String?
    /// Hash of the request, to tell a repetition from another request under the same key.
    public var fingerprint: Hash128

    /// What must be reached before the answer leaves: more or less than the engine gives by itself, or nil for just that.
    public var durability: AcknowledgementLevel?

    /// Creates a context. Without a key the fingerprint is not used.
    public init(
        actor: UserID, idempotencyKey: String? = nil, fingerprint: Hash128 = .zero,
        durability: AcknowledgementLevel? = nil
    ) {
        self.actor = actor
        self.idempotencyKey = idempotencyKey
        self.fingerprint = fingerprint
        self.durability = durability
    }
}

/// What a post shows: its kind.
public enum PostKind: UInt8, Sendable, CaseIterable {
    /// Words only.
    case text = 0
    /// A picture.
    case image = 1
    /// A film.
    case video = 2
}

/// Who may see a post.
public enum PostVisibility: UInt8, Sendable, CaseIterable {
    /// Everybody.
    case `public` = 0
    /// The author's followers.
    case followers = 1
}

/// A post that is to be made.
public struct NewPost: Sendable {
    /// The account whose post it is.
    public var author: UserID
    /// UTF-8, at most 64 KiB. May be empty when there is media.
    public var text: String
    /// What it shows.
    public var kind: PostKind
    /// At most 2,048 bytes; empty for none.
    public var mediaURL: String
    /// At most 2,048 bytes; empty for none.
    public var thumbnailURL: String
    /// Who may see it.
    public var visibility: PostVisibility
    /// The post that this one answers, or nil.
    public var replyTo: PostID?
    /// The post that this one repeats, or nil.
    public var repostOf: PostID?
    /// For imports: the post's own time in milliseconds since 1970, not in the future. Earlier than the newest post's
    /// time it is raised to that, because ids only rise. Nil for now.
    public var createdAt: UInt64?
    /// What the rules say of it, when they were asked.
    var verdict: ModerationVerdict?

    /// Creates a text post; the other fields can be set afterwards.
    public init(author: UserID, text: String) {
        self.author = author
        self.text = text
        kind = .text
        mediaURL = ""
        thumbnailURL = ""
        visibility = .public
    }
}

/// One edge of the graph that is to be made.
public struct NewFollow: Sendable {
    /// Who follows.
    public var follower: UserID
    /// Who is followed.
    public var followee: UserID
    /// For imports: since when, in seconds since 1970. Nil for now.
    public var sinceSeconds: UInt32?

    /// Creates a row.
    public init(follower: UserID, followee: UserID, sinceSeconds: UInt32? = nil) {
        self.follower = follower
        self.followee = followee
        self.sinceSeconds = sinceSeconds
    }
}

/// What somebody reacts to.
public enum ReactionTarget: Sendable, Hashable {
    /// A post.
    case post(PostID)
    /// A comment, by its own id.
    case comment(PostID)
}

/// A comment that is to be made.
public struct NewComment: Sendable {
    /// The post that it is about.
    public var post: PostID
    /// UTF-8, 1 byte to 64 KiB.
    public var text: String

    /// Creates a comment.
    public init(post: PostID, text: String) {
        self.post = post
        self.text = text
    }
}

/// A post's new body, as a whole.
public struct PostEdit: Sendable {
    /// The post.
    public var post: PostID
    /// What it says from now on. Kind, visibility and the posts that it answers and repeats are those of the old body.
    public var body: PostBody
    /// How often the post was changed before, as `Engine.changeablePost` says: another number is refused, for then
    /// somebody else has changed it meanwhile.
    public var edits: UInt16
    /// What the rules say of it, when they were asked.
    var verdict: ModerationVerdict?

    /// Creates a change.
    public init(post: PostID, body: PostBody, edits: UInt16) {
        self.post = post
        self.body = body
        self.edits = edits
    }
}

/// A moderator's judgement on a post.
public struct PostJudgement: Sendable {
    /// The post.
    public var post: PostID
    /// How often the post was changed when it was judged: another number is refused. Nil judges whatever it says now.
    public var version: UInt16?

    /// Creates a judgement.
    public init(post: PostID, version: UInt16? = nil) {
        self.post = post
        self.version = version
    }
}

/// A write. Each is validated, put into the log as one or more records, and answered after the commit.
public enum Command: Sendable {
    /// The actor follows somebody.
    case follow(UserID)
    /// The actor follows somebody no longer.
    case unfollow(UserID)
    /// Up to 10,000 edges as one record, so that all or none of them survive.
    case importFollows([NewFollow])
    /// The actor (`author`) posts.
    case createPost(NewPost)
    /// Plain posts in order, each by its author and answered for itself. The context's actor counts for nothing, and it has no key. A
    /// batch is submitted once.
    case createPosts(PostBatch)
    /// Up to 10,000 posts in order, each a record of its own.
    case importPosts([NewPost])
    /// The author deletes a post.
    case deletePost(PostID)
    /// The actor reacts, in place of an earlier reaction; with nil it takes its reaction back.
    case react(ReactionTarget, ReactionKind?)
    /// The actor comments.
    case createComment(NewComment)
    /// The author of a comment gives it another text.
    case editComment(PostID, String)
    /// The author of a comment, or of its post, deletes it.
    case deleteComment(PostID)
    /// The author changes a post.
    case editPost(PostEdit)
    /// The actor, a moderator, lets others see a post.
    case approvePost(PostJudgement)
    /// The actor, a moderator, holds a post back from others; the author is told the reason, at most 1,000 bytes.
    case blockPost(PostJudgement, reason: String)
    /// The actor, a moderator, puts rules in the place of the old ones.
    case setModerationRules(ModerationRules)
    /// Asks for the rules; answered when they are committed.
    case readModerationRules
    /// The actor has read its notifications up to one; nil for all that there are.
    case markRead(upTo: UInt64?)
    /// Changes the number of followers from which on authors are pulled. Kept in the log.
    case setCelebrityThreshold(Int)
    /// Says that readers are away, or back: nothing is written to the timeline of one that is away, and its first page is merged
    /// from the accounts that it follows. The engine says so itself (`EngineConfiguration.awayAfterSeconds`). Accounts that no
    /// record has used are passed over.
    case setReadersAway([UserID], Bool)
    /// The actor blocks an account: neither follows the other any more, or may.
    case block(UserID)
    /// The actor blocks an account no longer.
    case unblock(UserID)
    /// The actor's feed shows an account's posts no longer, until so many seconds since 1970 by the log's time; nil for ever.
    case mute(UserID, until: UInt32?)
    /// The actor mutes an account no longer.
    case unmute(UserID)
    /// The actor's account becomes private or public. Going public accepts whoever asked to follow it; those for whom this
    /// command has no room are accepted by the engine right behind it (`acceptWaitingFollowers`).
    case setAccountPrivacy(Bool)
    /// The actor lets somebody follow who asked to.
    case acceptFollowRequest(UserID)
    /// The actor does not let somebody follow who asked to.
    case rejectFollowRequest(UserID)
    /// Accepts some of those who still wait for an account that has gone public. The engine says so itself.
    case acceptWaitingFollowers(UserID)
    /// Records that time has passed, when the clock is ahead of the log's newest record: mutes end by the log's time. The engine
    /// says so itself when one ends and nobody writes.
    case passTime
    /// About an account or a session.
    case account(AccountCommand)
    /// Records that time has passed, also when none has: behind it, what was written before can be stored anew. The segment of the log
    /// ends before it, when that is wished. The engine says so itself, so that what is gone can be erased.
    case markTime(endsSegment: Bool)
    /// Changes nothing; answered when everything before it is committed.
    case barrier

    /// Rows that one command may carry.
    public static let maximumRows = 10_000

    /// Rows that it carries.
    var rowCount: Int {
        switch self {
        case .importFollows(let rows): rows.count
        case .createPosts(let batch): batch.rows.count
        case .importPosts(let rows): rows.count
        case .setReadersAway(let users, _): users.count
        case .account(.removeEdges(let edges)): edges.count
        default: 1
        }
    }
}

/// How a user stands to an account.
public enum FollowState: UInt8, Sendable {
    /// Does not follow it.
    case none = 0
    /// Asked to follow a private account that has not answered yet.
    case pending = 1
    /// Follows it.
    case following = 2
}

/// What became of an edge.
public struct FollowOutcome: Sendable, Equatable {
    /// How the actor stands to the target now.
    public var state: FollowState
    /// Whether this command changed it.
    public var changed: Bool

    /// Creates an outcome.
    public init(state: FollowState, changed: Bool) {
        self.state = state
        self.changed = changed
    }

    /// An outcome in which nobody had to be asked.
    public init(follows: Bool, changed: Bool) { self.init(state: follows ? .following : .none, changed: changed) }

    /// Whether the actor follows the target now.
    public var follows: Bool { state == .following }
}

/// What a command did.
public enum CommandOutcome: Sendable {
    /// Of `follow` and `unfollow`.
    case follow(FollowOutcome)
    /// Of `importFollows`, one a row: the outcome, or why the row was refused.
    case follows([Result<FollowOutcome, EngineError>])
    /// Of `createPost`.
    case post(PostID)
    /// Of `createPost` when only the author sees the post for now.
    case heldPost(PostID, PostState)
    /// Of `readModerationRules`.
    case moderationRules(ModerationRules)
    /// Of `importPosts`, one a row.
    case posts([Result<PostID, EngineError>])
    /// Of `deletePost`: whether it was there.
    case deleted(changed: Bool)
    /// Of `createPosts`: the same batch, with what became of each post.
    case batch(PostBatch)
    /// Of `createComment`.
    case comment(PostID)
    /// Of blocks, mutes, privacy, answers to requests, `react`, `editComment`, `deleteComment`, `editPost`, `approvePost`,
    /// `blockPost`, `setModerationRules` and `markRead`: whether anything is otherwise than before.
    case changed(Bool)
    /// Of a command that makes or changes an account: which one.
    case account(UserID)
    /// Of a command that looks for an account: what there is of it, or nil.
    case found(AccountRecord?)
    /// Of a command about a session.
    case session(SessionOutcome)
    /// Of `setCelebrityThreshold`, `setReadersAway`, `acceptWaitingFollowers`, `passTime`, `markTime` and `barrier`.
    case done
}

extension CommandOutcome {
    /// The post that was created, held back or not.
    public var post: PostID? {
        switch self {
        case .post(let id), .heldPost(let id, _): id
        default: nil
        }
    }
}

/// The answer to a write that was accepted.
public struct WriteReceipt: Sendable {
    /// Position of the write in the log; for a write that changed nothing, of the last record before it.
    public var lsn: UInt64
    /// What was done.
    public var outcome: CommandOutcome
    /// Whether this is the first answer of a repeated idempotency key.
    public var isReplay: Bool
    /// The level that the write has reached: the one that was asked for; for a repeated key a higher one, when its record
    /// had reached that before.
    public var durability = AcknowledgementLevel.memory
}
