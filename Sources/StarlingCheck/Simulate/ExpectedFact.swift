import StarlingEngine
import StarlingSystem

/// A record of the log, as the model expects it and as it is read back: they must be equal.
struct ExpectedFact: Equatable {
    var milliseconds: UInt64
    /// The number that the record is filed under: who acted.
    var actor: UInt64
    var key = ""
    var fingerprint = Hash128.zero
    var change: Change

    enum Change: Equatable {
        case followed(Edge)
        case unfollowed(follower: UInt64, followee: UInt64)
        /// `outcomes` as the log has them: 0 refused, 1 added, 2 was there, 3 asked for, 4 was asked for; empty without a key.
        case imported([Edge], requests: [Edge], outcomes: [UInt32], actor: UInt64)
        case posted(Post)
        case deleted(post: UInt64, author: UInt64)
        case switched(Switch)
        case thresholdSet(UInt64)
        case awaySet([UInt64], Bool)
        /// With a kind a reaction, without one the end of it.
        case reacted(user: UInt64, target: UInt64, kind: ReactionKind?)
        case commented(Comment)
        case commentEdited(comment: UInt64, author: UInt64, text: String)
        case commentDeleted(comment: UInt64, user: UInt64)
        case edited(Post)
        case marked(user: UInt64, upTo: UInt64)
        /// `isShown` or blocked, for a reason.
        case judged(post: UInt64, isShown: Bool, reason: String, moderator: UInt64)
        /// `operation` is the opcode of the request that changed nothing.
        case acknowledged(operation: UInt32, actor: UInt64, isPending: Bool)
        case blocked(user: UInt64, target: UInt64, sinceMilliseconds: UInt64)
        case unblocked(user: UInt64, target: UInt64)
        /// 0 for ever.
        case muted(user: UInt64, target: UInt64, untilSeconds: UInt32)
        case unmuted(user: UInt64, target: UInt64)
        case privacySet(user: UInt64, Bool)
        case requested(Edge)
        case accepted(target: UInt64, [UInt64], sinceMilliseconds: UInt64)
        case requestRemoved(user: UInt64, target: UInt64, isRejected: Bool)
        case timePassed
    }

    struct Edge: Equatable {
        var follower: UInt64
        var followee: UInt64
        var sinceMilliseconds: UInt64
    }

    struct Switch: Equatable {
        var author: UInt64
        var isPulled: Bool
        var followers: UInt64
        var threshold: UInt64
        /// What decided when it was not the number of followers alone.
        var cost: Cost?

        struct Cost: Equatable {
            var postsPerDay: UInt64
            /// Deliveries a day; 0 when there was no limit.
            var limit: UInt64
        }
    }

    struct Post: Equatable {
        /// 0 while nobody has been told.
        var id: UInt64 = 0
        /// The time that the id tells, known before the id is.
        var milliseconds: UInt64
        var author: UInt64
        var text: String
        var kind: PostKind
        var mediaURL: String
        var isPublic: Bool
        var replyTo: UInt64
        var repostOf: UInt64
        /// Whether it waits for a moderator from here on; of a change also that this stays as it is.
        var waits = false
    }

    struct Comment: Equatable {
        /// 0 while nobody has been told.
        var id: UInt64 = 0
        var milliseconds: UInt64
        var author: UInt64
        var post: UInt64
        var text: String
    }

    /// The id of the post or comment that it makes; nil for other facts.
    var postID: UInt64? {
        get {
            switch change {
            case .posted(let post): post.id
            case .commented(let comment): comment.id
            default: nil
            }
        }
        set {
            guard let newValue else { return }
            switch change {
            case .posted(var post):
                post.id = newValue
                change = .posted(post)
            case .commented(var comment):
                comment.id = newValue
                change = .commented(comment)
            default: break
            }
        }
    }
}

/// Opcodes of requests as `acknowledged` facts name them.
enum AcknowledgedOperation {
    static let follow: UInt32 = 16
    static let unfollow: UInt32 = 17
    static let acceptFollowRequest: UInt32 = 25
    static let rejectFollowRequest: UInt32 = 26
    static let block: UInt32 = 27
    static let unblock: UInt32 = 28
    static let mute: UInt32 = 29
    static let unmute: UInt32 = 30
    static let setAccountPrivacy: UInt32 = 47
    static let deletePost: UInt32 = 51
    static let editPost: UInt32 = 55
    static let react: UInt32 = 96
    static let unreact: UInt32 = 97
    static let editComment: UInt32 = 100
    static let deleteComment: UInt32 = 101
    static let markRead: UInt32 = 141
    static let approvePost: UInt32 = 151
    static let blockPost: UInt32 = 152
}
