import StarlingSchema

/// The answer that a fact stands for, so that a repeated idempotency key gets it again, also after a restart.
enum FactAnswer {
    /// Row outcomes of an import, as `FollowsImported.row_outcomes` holds them.
    enum Row: UInt32 {
        case refused = 0
        case added = 1
        case present = 2
        case requested = 3
        case waiting = 4
    }

    /// What an `Acknowledged` fact answers; the numbers are the opcodes of the operations in the schema.
    enum Operation: UInt32 {
        case follow = 16
        case unfollow = 17
        case importFollows = 22
        case acceptFollowRequest = 25
        case rejectFollowRequest = 26
        case block = 27
        case unblock = 28
        case mute = 29
        case unmute = 30
        /// No operation by itself.
        case setAccountPrivacy = 47
        case deletePost = 51
        case editPost = 55
        case react = 96
        case unreact = 97
        case editComment = 100
        case deleteComment = 101
        case updateUser = 127
        case deleteUser = 128
        case markRead = 141
        case approvePost = 151
        case blockPost = 152
        case setModerationRules = 154
    }

    static func of(_ fact: Starling_V1_Fact) -> (actor: UInt64, answer: IdempotencyTable.Answer)? {
        switch fact.fact {
        case .followed(let edge): (edge.userID, .follow(FollowOutcome(follows: true, changed: true)))
        case .unfollowed(let edge): (edge.userID, .follow(FollowOutcome(follows: false, changed: true)))
        case .followsImported(let edges): (edges.actorID, .follows(RowOutcomes(edges.rowOutcomes)))
        case .postCreated(let post): (post.authorID, answer(to: post))
        case .postDeleted(let post): (post.authorID, .deleted(changed: true))
        case .reacted(let reaction): (reaction.userID, .changed(.react, true))
        case .unreacted(let reaction): (reaction.userID, .changed(.unreact, true))
        case .commentCreated(let comment): (comment.authorID, .comment(PostID(rawValue: comment.commentID)))
        case .commentEdited(let edit): (edit.authorID, .changed(.editComment, true))
        case .commentDeleted(let deletion): (deletion.userID, .changed(.deleteComment, true))
        case .postEdited(let edit): (edit.authorID, .changed(.editPost, true))
        case .notificationsRead(let mark): (mark.userID, .changed(.markRead, true))
        case .postApproved(let approval): (approval.moderatorID, .changed(.approvePost, true))
        case .postBlocked(let block): (block.moderatorID, .changed(.blockPost, true))
        case .moderationRulesChanged(let rules): (rules.moderatorID, .changed(.setModerationRules, true))
        case .acknowledged(let done): answer(to: done)
        case .blocked(let block): (block.userID, .changed(.block, true))
        case .unblocked(let block): (block.userID, .changed(.unblock, true))
        case .muted(let mute): (mute.userID, .changed(.mute, true))
        case .unmuted(let mute): (mute.userID, .changed(.unmute, true))
        case .accountPrivacyChanged(let change): (change.userID, .changed(.setAccountPrivacy, true))
        case .followRequested(let request): (request.userID, .follow(FollowOutcome(state: .pending, changed: true)))
        case .followRequestsAccepted(let requests): (requests.targetID, .changed(.acceptFollowRequest, true))
        case .followRequestRemoved(let request):
            request.rejected
                ? (request.targetID, .changed(.rejectFollowRequest, true))
                : (request.userID, .follow(FollowOutcome(follows: false, changed: true)))
        // Who registers has no id yet.
        case .accountRegistered(let account): (0, .account(UserID(rawValue: account.userID)))
        case .profileChanged(let account): (account.userID, .account(UserID(rawValue: account.userID)))
        case .credentialsChanged(let account): (account.userID, .account(UserID(rawValue: account.userID)))
        case .accountDeleted(let account): (account.userID, .deleted(changed: true))
        case .timePassed, .fanoutModeChanged, .celebrityThresholdChanged, .readersAwayChanged, .sessionStarted,
            .sessionRefreshed, .sessionRevoked, .edgesRemoved, nil:
            nil
        }
    }

    private static func answer(to post: Starling_V1_PostCreated) -> IdempotencyTable.Answer {
        let id = PostID(rawValue: post.postID)
        guard let cause = HoldCause(post.hold), cause != .nothing else { return .post(id) }
        return .heldPost(id, cause.state)
    }

    private static func answer(
        to done: Starling_V1_Acknowledged
    ) -> (actor: UInt64, answer: IdempotencyTable.Answer)? {
        let operation = Operation(rawValue: done.operation)
        return switch operation {
        case .follow:
            (done.actorID, .follow(FollowOutcome(state: done.pending ? .pending : .following, changed: false)))
        case .unfollow: (done.actorID, .follow(FollowOutcome(follows: false, changed: false)))
        case .deletePost, .deleteUser: (done.actorID, .deleted(changed: false))
        // Of which only the privacy was asked for.
        case .updateUser: (done.actorID, .account(UserID(rawValue: done.actorID)))
        case .importFollows, nil: nil
        case .some(let operation): (done.actorID, .changed(operation, false))
        }
    }
}
