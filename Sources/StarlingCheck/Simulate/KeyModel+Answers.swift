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
        case .acknowledged(let operation, let actor, _): (actor, .changed(operation, false))
        case .blocked(let user, _, _): (user, .changed(AcknowledgedOperation.block, true))
        case .unblocked(let user, _): (user, .changed(AcknowledgedOperation.unblock, true))
        case .muted(let user, _, _): (user, .changed(AcknowledgedOperation.mute, true))
        case .unmuted(let user, _): (user, .changed(AcknowledgedOperation.unmute, true))
        case .privacySet(let user, _): (user, .changed(AcknowledgedOperation.setAccountPrivacy, true))
        case .reacted(let user, _, let kind):
            (user, .changed(kind == nil ? AcknowledgedOperation.unreact : AcknowledgedOperation.react, true))
        case .commented(let comment): (comment.author, .comment(lsn: lsn))
        case .commentEdited(_, let author, _): (author, .changed(AcknowledgedOperation.editComment, true))
        case .commentDeleted(_, let user): (user, .changed(AcknowledgedOperation.deleteComment, true))
        case .edited(let post): (post.author, .changed(AcknowledgedOperation.editPost, true))
        case .marked(let user, _): (user, .changed(AcknowledgedOperation.markRead, true))
        case .judged(_, let isShown, _, let moderator):
            (
                moderator,
                .changed(isShown ? AcknowledgedOperation.approvePost : AcknowledgedOperation.blockPost, true)
            )
        case .requested(let edge): (edge.follower, .follow(EdgeAnswer(state: .pending, changed: true)))
        case .accepted(let target, _, _): (target, .changed(AcknowledgedOperation.acceptFollowRequest, true))
        case .requestRemoved(_, let target, isRejected: true):
            (target, .changed(AcknowledgedOperation.rejectFollowRequest, true))
        case .requestRemoved(let user, _, _): (user, .follow(EdgeAnswer(follows: false, changed: true)))
        case .switched, .thresholdSet, .awaySet, .timePassed: nil
        }
    }
}
