import StarlingEngine

extension KeyModel {
    /// Whose key the record `lsn` is kept under, and the answer that a repetition gets; nil for a record without a request.
    static func answer(to change: ExpectedFact.Change, lsn: UInt64) -> (actor: UInt64, answer: Answer)? {
        switch change {
        case .followed(let edge): (edge.follower, .follow(EdgeAnswer(follows: true, changed: true)))
        case .unfollowed(let follower, _): (follower, .follow(EdgeAnswer(follows: false, changed: true)))
        case .imported(_, _, let outcomes, let actor): (actor, .follows(outcomes))
        case .posted(let post): (post.author, .post(lsn: lsn))
        case .deleted(_, let author): (author, .deleted(changed: true))
        case .acknowledged(AcknowledgedOperation.follow, let actor, let isPending):
            (actor, .follow(EdgeAnswer(state: isPending ? .pending : .following, changed: false)))
        case .acknowledged(AcknowledgedOperation.unfollow, let actor, _):
            (actor, .follow(EdgeAnswer(follows: false, changed: false)))
        case .acknowledged(AcknowledgedOperation.deletePost, let actor, _): (actor, .deleted(changed: false))
        case .acknowledged(_, let actor, _): (actor, .changed(false))
        case .blocked(let user, _, _), .unblocked(let user, _), .muted(let user, _, _), .unmuted(let user, _),
            .privacySet(let user, _):
            (user, .changed(true))
        case .requested(let edge): (edge.follower, .follow(EdgeAnswer(state: .pending, changed: true)))
        case .accepted(let target, _, _), .requestRemoved(_, let target, isRejected: true): (target, .changed(true))
        case .requestRemoved(let user, _, _): (user, .follow(EdgeAnswer(follows: false, changed: true)))
        case .switched, .thresholdSet, .awaySet, .timePassed: nil
        }
    }
}
