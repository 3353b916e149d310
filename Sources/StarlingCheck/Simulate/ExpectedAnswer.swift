import StarlingEngine

/// What a command must be answered, as far as the model can know: ids are learned from the answers.
enum ExpectedAnswer: Equatable {
    case refused(Refusal)
    case accepted(lsn: UInt64, ExpectedOutcome, isReplay: Bool)
}

enum ExpectedOutcome: Equatable {
    case follow(EdgeAnswer)
    /// Nil for a row that is refused.
    case follows([EdgeAnswer?])
    /// The post that this record made.
    case post(lsn: UInt64)
    /// One a row; nil for a row that is refused.
    case posts([UInt64?])
    case deleted(changed: Bool)
    /// The comment that this record made.
    case comment(lsn: UInt64)
    case changed(Bool)
    case done
}

/// The refusals that follow from the request and the state.
enum Refusal: Equatable {
    case invalid(String)
    case selfFollow
    case postNotFound
    case notAuthor
    case commentNotFound
    case notCommentAuthor
    case editConflict
    case keyReused
    case full

    /// Nil for an error that follows from something else: load, the disk, the end.
    init?(_ error: EngineError) {
        switch error {
        case .invalid(let field, _): self = .invalid(field)
        case .selfFollow: self = .selfFollow
        case .postNotFound: self = .postNotFound
        case .notAuthor: self = .notAuthor
        case .commentNotFound: self = .commentNotFound
        case .notCommentAuthor: self = .notCommentAuthor
        case .editConflict: self = .editConflict
        case .idempotencyKeyReused: self = .keyReused
        case .full: self = .full
        default: return nil
        }
    }
}

/// What becomes of an edge: whether it is there now, and whether the command changed that.
struct EdgeAnswer: Equatable {
    var follows: Bool
    var changed: Bool

    init(follows: Bool, changed: Bool) {
        self.follows = follows
        self.changed = changed
    }

    init(_ outcome: FollowOutcome) { self.init(follows: outcome.follows, changed: outcome.changed) }
}
