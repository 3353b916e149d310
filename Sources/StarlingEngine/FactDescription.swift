import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// A record of the log for people and programs: what `starling log dump` prints.
public struct FactDescription: Sendable {
    /// A line for people.
    public var text: String {
        let keys = fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        return "\(lsn) \(milliseconds) \(type) \(keys)"
    }

    /// A JSON object.
    public var json: String {
        var writer = JSONWriter()
        writer.write(raw: "{\"lsn\":\"\(lsn)\",\"time\":\(milliseconds),\"type\":\"\(type)\"")
        for field in fields {
            writer.write(raw: ",\"\(field.name)\":")
            if field.isNumber { writer.write(raw: field.value) } else { writer.write(string: field.value) }
        }
        writer.write(raw: "}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private struct Field: Sendable {
        var name: String
        var value: String
        var isNumber = false
    }

    private let lsn: UInt64
    private let milliseconds: UInt64
    private let type: String
    private var fields: [Field]

    /// Describes a record. A value that is no fact has the type `unknown`, one that was lost before the log was
    /// salvaged `lost`.
    public init(_ record: LogRecordView) {
        lsn = record.lsn
        milliseconds = record.timestamp
        fields = [Field(name: "actor", value: String(record.key))]
        let fact = try? Starling_V1_Fact(serializedBytes: Array(record.value))
        if let key = fact?.idempotencyKey, !key.isEmpty { fields.append(Field(name: "idempotencyKey", value: key)) }
        let (type, ids) = Self.describe(fact)
        self.type = record.isLost ? "lost" : type
        fields += ids
        if record.bodyHash != .zero { fields.append(Field(name: "bodyHash", value: "\(record.bodyHash)")) }
        if record.isErased { fields.append(Field(name: "erased", value: "true", isNumber: true)) }
        let chain = String(record.chain, radix: 16)
        fields.append(Field(name: "chain", value: String(repeating: "0", count: 16 - chain.count) + chain))
    }

    private static func describe(_ fact: Starling_V1_Fact?) -> (String, [Field]) {
        switch fact?.fact {
        case .followed(let edge): ("followed", ids(("userId", edge.userID), ("targetId", edge.targetID)))
        case .unfollowed(let edge): ("unfollowed", ids(("userId", edge.userID), ("targetId", edge.targetID)))
        case .followsImported(let edges):
            (
                "follows_imported",
                [
                    Field(name: "edges", value: String(edges.users.count), isNumber: true),
                    Field(name: "userIds", value: edges.users.map(String.init).joined(separator: ",")),
                    Field(name: "targetIds", value: edges.targets.map(String.init).joined(separator: ",")),
                ] + (edges.requestingUsers.isEmpty ? [] : Self.requestFields(edges))
            )
        case .postCreated(let post):
            ("post_created", ids(("postId", post.postID), ("authorId", post.authorID)) + Self.holdFields(post.hold))
        case .postDeleted(let post): ("post_deleted", ids(("postId", post.postID), ("authorId", post.authorID)))
        case .fanoutModeChanged(let change):
            (
                "fanout_mode_changed",
                ids(("authorId", change.authorID), ("followers", change.followerCount))
                    + [Field(name: "mode", value: change.mode == .pull ? "PULL" : "PUSH")]
                    + (change.reason == .cost ? Self.costFields(change) : [])
            )
        case .celebrityThresholdChanged(let change):
            (
                "celebrity_threshold_changed",
                [Field(name: "threshold", value: String(change.threshold), isNumber: true)]
            )
        case .readersAwayChanged(let change):
            (
                "readers_away_changed",
                [
                    Field(name: "away", value: change.away ? "true" : "false", isNumber: true),
                    Field(name: "userIds", value: change.users.map(String.init).joined(separator: ",")),
                ]
            )
        case .blocked(let block): ("blocked", ids(("userId", block.userID), ("targetId", block.targetID)))
        case .unblocked(let block): ("unblocked", ids(("userId", block.userID), ("targetId", block.targetID)))
        case .muted(let mute):
            (
                "muted",
                ids(("userId", mute.userID), ("targetId", mute.targetID))
                    + [Field(name: "untilSeconds", value: String(mute.untilSeconds), isNumber: true)]
            )
        case .unmuted(let mute): ("unmuted", ids(("userId", mute.userID), ("targetId", mute.targetID)))
        case .accountPrivacyChanged(let change):
            (
                "account_privacy_changed",
                ids(("userId", change.userID))
                    + [Field(name: "private", value: change.private ? "true" : "false", isNumber: true)]
            )
        case .followRequested(let request):
            ("follow_requested", ids(("userId", request.userID), ("targetId", request.targetID)))
        case .followRequestsAccepted(let requests):
            (
                "follow_requests_accepted",
                ids(("targetId", requests.targetID))
                    + [Field(name: "userIds", value: requests.users.map(String.init).joined(separator: ","))]
            )
        case .followRequestRemoved(let request):
            (
                "follow_request_removed",
                ids(("userId", request.userID), ("targetId", request.targetID))
                    + [Field(name: "rejected", value: request.rejected ? "true" : "false", isNumber: true)]
            )
        case .timePassed: ("time_passed", [])
        // Texts are in bodies, which are not shown.
        case .accountRegistered(let account): ("account_registered", ids(("userId", account.userID)))
        case .profileChanged(let account): ("profile_changed", ids(("userId", account.userID)))
        case .credentialsChanged(let account): ("credentials_changed", ids(("userId", account.userID)))
        case .accountDeleted(let account): ("account_deleted", ids(("userId", account.userID)))
        case .sessionStarted(let session):
            ("session_started", ids(("userId", session.userID), ("sessionId", session.sessionID)))
        case .sessionRefreshed(let session):
            ("session_refreshed", ids(("userId", session.userID), ("sessionId", session.sessionID)))
        case .sessionRevoked(let session):
            (
                "session_revoked",
                ids(("userId", session.userID), ("sessionId", session.sessionID))
                    + [Field(name: "reason", value: session.reason == .reuse ? "REUSE" : "LOGOUT")]
            )
        case .edgesRemoved(let edges):
            (
                "edges_removed",
                [
                    Field(name: "userIds", value: edges.users.map(String.init).joined(separator: ",")),
                    Field(name: "targetIds", value: edges.targets.map(String.init).joined(separator: ",")),
                ]
            )
        case .reacted(let reaction):
            (
                "reacted",
                ids(("userId", reaction.userID), ("targetId", reaction.targetID))
                    + [Field(name: "kind", value: "\(reaction.kind)".uppercased())]
            )
        case .unreacted(let reaction):
            ("unreacted", ids(("userId", reaction.userID), ("targetId", reaction.targetID)))
        case .commentCreated(let comment):
            (
                "comment_created",
                ids(("commentId", comment.commentID), ("postId", comment.postID), ("authorId", comment.authorID))
            )
        case .commentEdited(let edit):
            ("comment_edited", ids(("commentId", edit.commentID), ("authorId", edit.authorID)))
        case .commentDeleted(let deletion):
            ("comment_deleted", ids(("commentId", deletion.commentID), ("userId", deletion.userID)))
        case .postEdited(let edit):
            ("post_edited", ids(("postId", edit.postID), ("authorId", edit.authorID)) + Self.holdFields(edit.hold))
        case .notificationsRead(let mark):
            ("notifications_read", ids(("userId", mark.userID), ("upTo", mark.upTo)))
        case .postApproved(let approval):
            ("post_approved", ids(("postId", approval.postID), ("moderatorId", approval.moderatorID)))
        case .postBlocked(let block):
            (
                "post_blocked",
                ids(("postId", block.postID), ("moderatorId", block.moderatorID))
                    + [Field(name: "reason", value: block.reason)]
            )
        case .moderationRulesChanged(let rules):
            (
                "moderation_rules_changed",
                ids(("moderatorId", rules.moderatorID)) + [
                    Field(name: "words", value: String(rules.words.count), isNumber: true),
                    Field(name: "patterns", value: String(rules.patterns.count), isNumber: true),
                ]
            )
        case .acknowledged(let done): ("acknowledged", ids(("operation", UInt64(done.operation))))
        case nil: ("unknown", [])
        }
    }

    private static func requestFields(_ edges: Starling_V1_FollowsImported) -> [Field] {
        [
            Field(
                name: "requestingUserIds", value: edges.requestingUsers.map(String.init).joined(separator: ",")),
            Field(
                name: "requestedTargetIds", value: edges.requestedTargets.map(String.init).joined(separator: ",")),
        ]
    }

    private static func holdFields(_ hold: Starling_V1_Hold) -> [Field] {
        guard let cause = HoldCause(hold), cause != .nothing else { return [] }
        return [Field(name: "hold", value: "\(cause)".uppercased())]
    }

    private static func costFields(_ change: Starling_V1_FanoutModeChanged) -> [Field] {
        [
            Field(name: "reason", value: "COST"),
            Field(name: "postsPerDay", value: String(change.postsPerDay), isNumber: true),
            Field(name: "deliveriesPerDayLimit", value: String(change.deliveriesPerDayLimit), isNumber: true),
        ]
    }

    private static func ids(_ pairs: (String, UInt64)...) -> [Field] {
        pairs.map { Field(name: $0.0, value: String($0.1)) }
    }
}
