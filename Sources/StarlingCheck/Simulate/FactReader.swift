import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// Reads facts back from the log, by the schema and not by the engine.
enum FactReader {
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    static func read(_ view: LogRecordView) throws -> ExpectedFact {
        let fact = try Starling_V1_Fact(serializedBytes: Array(view.value))
        return ExpectedFact(
            milliseconds: view.timestamp, actor: view.key, key: fact.idempotencyKey,
            fingerprint: Hash128(high: fact.fingerprintHigh, low: fact.fingerprintLow),
            change: try change(fact.fact, body: view.body))
    }

    private static func change(
        _ fact: Starling_V1_Fact.OneOf_Fact?, body: UnsafeRawBufferPointer?
    ) throws -> ExpectedFact.Change {
        switch fact {
        case .followed(let edge):
            .followed(
                .init(follower: edge.userID, followee: edge.targetID, sinceMilliseconds: edge.sinceMs))
        case .unfollowed(let edge): .unfollowed(follower: edge.userID, followee: edge.targetID)
        case .followsImported(let edges): try imported(edges)
        case .postCreated(let post): .posted(try posted(post, body: body))
        case .postDeleted(let post): .deleted(post: post.postID, author: post.authorID)
        case .fanoutModeChanged(let change):
            .switched(
                .init(
                    author: change.authorID, isPulled: change.mode == .pull, followers: change.followerCount,
                    threshold: change.threshold,
                    cost: change.reason == .cost
                        ? .init(postsPerDay: change.postsPerDay, limit: change.deliveriesPerDayLimit) : nil))
        case .celebrityThresholdChanged(let change): .thresholdSet(change.threshold)
        case .readersAwayChanged(let change): .awaySet(change.users, change.away)
        case .acknowledged(let done):
            .acknowledged(operation: done.operation, actor: done.actorID, isPending: done.pending)
        case .blocked(let block):
            .blocked(user: block.userID, target: block.targetID, sinceMilliseconds: block.sinceMs)
        case .unblocked(let block): .unblocked(user: block.userID, target: block.targetID)
        case .muted(let mute): .muted(user: mute.userID, target: mute.targetID, untilSeconds: mute.untilSeconds)
        case .unmuted(let mute): .unmuted(user: mute.userID, target: mute.targetID)
        case .accountPrivacyChanged(let change): .privacySet(user: change.userID, change.private)
        case .followRequested(let request):
            .requested(
                .init(follower: request.userID, followee: request.targetID, sinceMilliseconds: request.sinceMs))
        case .followRequestsAccepted(let requests):
            .accepted(target: requests.targetID, requests.users, sinceMilliseconds: requests.sinceMs)
        case .followRequestRemoved(let request):
            .requestRemoved(user: request.userID, target: request.targetID, isRejected: request.rejected)
        case .timePassed: .timePassed
        case .reacted(let reaction):
            .reacted(
                user: reaction.userID, target: reaction.targetID,
                kind: ReactionKind(rawValue: UInt8(clamping: reaction.kind.rawValue)))
        case .unreacted(let reaction): .reacted(user: reaction.userID, target: reaction.targetID, kind: nil)
        case .commentCreated(let comment):
            .commented(
                .init(
                    id: comment.commentID, milliseconds: PostID(rawValue: comment.commentID).milliseconds,
                    author: comment.authorID, post: comment.postID, text: try words(body).text))
        case .commentEdited(let edit):
            .commentEdited(comment: edit.commentID, author: edit.authorID, text: try words(body).text)
        case .commentDeleted(let deletion):
            .commentDeleted(comment: deletion.commentID, user: deletion.userID)
        case .postEdited(let edit):
            .edited(
                try posted(
                    .with {
                        $0.postID = edit.postID
                        $0.authorID = edit.authorID
                        $0.kind = edit.kind
                        $0.visibility = edit.visibility
                        $0.replyTo = edit.replyTo
                        $0.repostOf = edit.repostOf
                        $0.hold = edit.hold
                    }, body: body))
        case .notificationsRead(let mark): .marked(user: mark.userID, upTo: mark.upTo)
        case .accountRegistered, .profileChanged, .credentialsChanged, .accountDeleted, .sessionStarted,
            .sessionRefreshed, .sessionRevoked, .edgesRemoved:
            throw Unreadable(description: "a fact about an account, which the workload has none of")
        case .postApproved(let approval):
            .judged(post: approval.postID, isShown: true, reason: "", moderator: approval.moderatorID)
        case .postBlocked(let block):
            .judged(post: block.postID, isShown: false, reason: block.reason, moderator: block.moderatorID)
        case .moderationRulesChanged: throw Unreadable(description: "rules, which nobody has set")
        case nil: throw Unreadable(description: "no known fact")
        }
    }

    private static func imported(_ edges: Starling_V1_FollowsImported) throws -> ExpectedFact.Change {
        guard edges.users.count == edges.targets.count,
            edges.sinceEach.isEmpty || edges.sinceEach.count == edges.users.count,
            edges.requestingUsers.count == edges.requestedTargets.count
        else { throw Unreadable(description: "lists of imported follows differ in length") }
        let rows = edges.users.indices.map { row in
            ExpectedFact.Edge(
                follower: edges.users[row], followee: edges.targets[row],
                sinceMilliseconds: edges.sinceEach.isEmpty ? edges.sinceMs : edges.sinceEach[row])
        }
        let requests = zip(edges.requestingUsers, edges.requestedTargets).map {
            ExpectedFact.Edge(follower: $0, followee: $1, sinceMilliseconds: edges.requestedMs)
        }
        return .imported(rows, requests: requests, outcomes: edges.rowOutcomes, actor: edges.actorID)
    }

    private static func words(_ body: UnsafeRawBufferPointer?) throws -> Starling_V1_PostBody {
        guard let body else { throw Unreadable(description: "a record that should have a body has none") }
        return try Starling_V1_PostBody(serializedBytes: Array(body))
    }

    private static func posted(
        _ post: Starling_V1_PostCreated, body: UnsafeRawBufferPointer?
    ) throws -> ExpectedFact.Post {
        let words = try words(body)
        return ExpectedFact.Post(
            id: post.postID, milliseconds: PostID(rawValue: post.postID).milliseconds, author: post.authorID,
            text: words.text,
            kind: PostKind(rawValue: UInt8(clamping: post.kind.rawValue)) ?? .text, mediaURL: words.mediaURL,
            isPublic: post.visibility == .public, replyTo: post.replyTo, repostOf: post.repostOf,
            waits: post.hold.cause == .pending)
    }
}
