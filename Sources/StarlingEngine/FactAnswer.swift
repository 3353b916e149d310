import StarlingSchema

/// The answer that a fact stands for, so that a repeated idempotency key gets it again, also after a restart.
enum FactAnswer {
    /// Row outcomes of an import, as `FollowsImported.row_outcomes` holds them.
    enum Row: UInt32 {
        case refused = 0
        case added = 1
        case present = 2
    }

    /// What an `Acknowledged` fact answers; the numbers are the opcodes of the operations in the schema.
    enum Operation: UInt32 {
        case follow = 16
        case unfollow = 17
        case importFollows = 22
        case deletePost = 51
        case deleteUser = 128
    }

    static func of(_ fact: Starling_V1_Fact) -> (actor: UInt64, answer: IdempotencyTable.Answer)? {
        switch fact.fact {
        case .followed(let edge): (edge.userID, .follow(FollowOutcome(follows: true, changed: true)))
        case .unfollowed(let edge): (edge.userID, .follow(FollowOutcome(follows: false, changed: true)))
        case .followsImported(let edges): (edges.actorID, .follows(RowOutcomes(edges.rowOutcomes)))
        case .postCreated(let post): (post.authorID, .post(PostID(rawValue: post.postID)))
        case .postDeleted(let post): (post.authorID, .deleted(changed: true))
        case .acknowledged(let done): answer(to: done)
        // Who registers has no id yet.
        case .accountRegistered(let account): (0, .account(UserID(rawValue: account.userID)))
        case .profileChanged(let account): (account.userID, .account(UserID(rawValue: account.userID)))
        case .credentialsChanged(let account): (account.userID, .account(UserID(rawValue: account.userID)))
        case .accountDeleted(let account): (account.userID, .deleted(changed: true))
        case .fanoutModeChanged, .celebrityThresholdChanged, .readersAwayChanged, .sessionStarted, .sessionRefreshed,
            .sessionRevoked, .edgesRemoved, nil:
            nil
        }
    }

    private static func answer(
        to done: Starling_V1_Acknowledged
    ) -> (actor: UInt64, answer: IdempotencyTable.Answer)? {
        switch Operation(rawValue: done.operation) {
        case .follow: (done.actorID, .follow(FollowOutcome(follows: true, changed: false)))
        case .unfollow: (done.actorID, .follow(FollowOutcome(follows: false, changed: false)))
        case .deletePost, .deleteUser: (done.actorID, .deleted(changed: false))
        case .importFollows, nil: nil
        }
    }
}
