import StarlingLog

/// Why the engine refused a command or a read. Except where a case says otherwise, nothing was done.
public enum EngineError: Error, Sendable, CustomStringConvertible {
    /// A setting is out of range.
    case configuration(String)
    /// A field of the request is not acceptable.
    case invalid(field: String, reason: String)
    /// A user may not follow itself.
    case selfFollow(UserID)
    /// One of the two accounts blocks the other. Does not say which.
    case blocked(UserID)
    /// The account is private, and who asks is no follower.
    case privateAccount(UserID)
    /// Nobody of that id waits to follow the account.
    case requestNotFound(requester: UserID)
    /// No such post, or it was deleted.
    case postNotFound(PostID)
    /// The account has never been used.
    case userNotFound(UserID)
    /// Only the author may do this.
    case notAuthor(post: PostID, actor: UserID)
    /// The account was deleted.
    case accountDeleted(UserID)
    /// Another account has the name or the address; the field says which.
    case taken(field: String)
    /// The password that was checked is no longer the account's.
    case credentialsChanged
    /// The session has ended, or the refresh token is not its newest one.
    case sessionEnded
    /// No such comment, or it or its post was deleted.
    case commentNotFound(PostID)
    /// Only the author of the comment may do this; deleting it also the author of the post.
    case notCommentAuthor(comment: PostID, actor: UserID)
    /// Another change of the post came first.
    case editConflict(PostID)
    /// The idempotency key was used for another request in the last 24 hours.
    case idempotencyKeyReused(String)
    /// Too much is waiting; come back after the given time.
    case overloaded(retryAfterMilliseconds: Int)
    /// No room for more users, posts or idempotency keys, or in the arenas; the text names the setting.
    case full(String)
    /// The system gave no address space for the tables.
    case memory(String)
    /// The disk has no room for more of the log. Writes are refused until there is.
    case outOfSpace(String)
    /// The log could not be read for a post's body.
    case unreadableBody(String)
    /// The write that the read asked to see is not visible yet.
    case notYetVisible(lsn: UInt64, appliedLSN: UInt64)
    /// A snapshot could not be taken. Nothing is lost: the log has everything.
    case snapshotFailed(String)
    /// A backup could not be made; what there is of it can be removed.
    case backupFailed(String)
    /// The engine is closing.
    case closed
    /// The log failed while the command was being made durable: it may or may not have happened.
    case unknownOutcome(String)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .configuration(let problem): "configuration: \(problem)"
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .selfFollow(let user): "user \(user) cannot follow itself"
        case .blocked(let user): "this is not possible with user \(user)"
        case .privateAccount(let user): "user \(user) shows this to followers only"
        case .requestNotFound(let requester): "user \(requester) has not asked to follow, or was answered before"
        case .postNotFound(let post): "there is no post \(post)"
        case .userNotFound(let user): "there is no user \(user): an account exists from its first follow or post on"
        case .notAuthor(let post, let actor): "user \(actor) is not the author of post \(post)"
        case .accountDeleted(let user): "the account \(user) was deleted"
        case .taken(let field): "\(field): another account has it"
        case .credentialsChanged: "the password was changed meanwhile; try again with the new one"
        case .sessionEnded: "the session has ended; log in again"
        case .commentNotFound(let comment): "there is no comment \(comment)"
        case .notCommentAuthor(let comment, let actor): "comment \(comment) is not user \(actor)'s to change"
        case .editConflict(let post): "post \(post) was changed by another request meanwhile; send the change again"
        case .idempotencyKeyReused(let key): "idempotency key \"\(key)\" was used for another request"
        case .overloaded(let wait): "too many requests are waiting; try again in \(wait) ms"
        case .full(let what): "no room for more \(what): raise the limit in the configuration"
        case .memory(let cause): "\(cause); lower maximumPosts, maximumUsers or arenaBytes, or raise ulimit -v"
        case .outOfSpace(let what): "the disk is full: \(what); free space and writes go on by themselves"
        case .unreadableBody(let cause): "the post's body could not be read: \(cause)"
        case .notYetVisible(let lsn, let applied): "write \(lsn) is not visible yet (applied: \(applied)); try again"
        case .snapshotFailed(let cause): "no snapshot was taken: \(cause)"
        case .backupFailed(let cause): "\(cause)"
        case .closed: "the engine is shutting down"
        case .unknownOutcome(let cause): "the log failed, the write may or may not have happened: \(cause)"
        }
    }
}
