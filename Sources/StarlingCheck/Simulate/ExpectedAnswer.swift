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
    case blocked
    case requestNotFound
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
        case .blocked: self = .blocked
        case .requestNotFound: self = .requestNotFound
        case .commentNotFound: self = .commentNotFound
        case .notCommentAuthor: self = .notCommentAuthor
        case .editConflict: self = .editConflict
        case .idempotencyKeyReused: self = .keyReused
        case .full: self = .full
        default: return nil
        }
    }
}

/// What becomes of an edge: whether it is there now, or asked for, and whether the command changed that.
struct EdgeAnswer: Equatable {
    var state: FollowState
    var changed: Bool

    init(state: FollowState, changed: Bool) {
        self.state = state
        self.changed = changed
    }

    init(follows: Bool, changed: Bool) { self.init(state: follows ? .following : .none, changed: changed) }

    init(_ outcome: FollowOutcome) { self.init(state: outcome.state, changed: outcome.changed) }

    /// The answer of a row of an import; nil for a row that was refused.
    init?(row: UInt32) {
        switch row {
        case 1: self.init(state: .following, changed: true)
        case 2: self.init(state: .following, changed: false)
        case 3: self.init(state: .pending, changed: true)
        case 4: self.init(state: .pending, changed: false)
        default: return nil
        }
    }
}
