import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// Posts as the schema shows them.
enum PostMessage {
    /// A post that is there. `body` is nil when it was erased: then only what the log keeps is shown.
    static func make(_ entry: PostEntry, _ detail: PostDetail, body: EncodedPost?) -> Starling_V1_Post {
        var post = (body ?? EncodedPost(without: entry)).message
        post.counts = make(detail.counts)
        post.state = body == nil ? .deleted : detail.state.schema
        return post
    }

    /// Counters. Kinds that nobody chose are left out.
    static func make(_ counts: PostCounts) -> Starling_V1_PostCounts {
        .with {
            $0.likes = UInt64(counts.reactions)
            $0.comments = UInt64(counts.comments)
            $0.reposts = UInt64(counts.reposts)
            for kind in ReactionKind.allCases where counts[kind] > 0 { $0.reactions[kind.name] = UInt64(counts[kind]) }
        }
    }

    /// A post that was just made.
    static func make(
        id: PostID, author: UserID, state: PostState = .published, body: PostBody
    ) -> Starling_V1_Post {
        .with {
            $0.id = id.rawValue
            $0.authorID = author.rawValue
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: id.milliseconds)
            $0.counts = make(PostCounts())
            $0.state = state.schema
            $0.text = body.text
            $0.kind = Starling_V1_Post.Kind(rawValue: Int(body.kind.rawValue)) ?? .text
            $0.visibility = body.visibility == .followers ? .followers : .public
            if !body.mediaURL.isEmpty { $0.mediaURL = body.mediaURL }
            if !body.thumbnailURL.isEmpty { $0.thumbnailURL = body.thumbnailURL }
            if let original = body.replyTo { $0.replyTo = original.rawValue }
            if let original = body.repostOf { $0.repostOf = original.rawValue }
        }
    }
}

extension PostState {
    /// The state as the schema shows it.
    var schema: Starling_V1_Post.State {
        switch self {
        case .published: .published
        case .pending: .pending
        case .blocked: .blocked
        }
    }
}

extension ReactionKind {
    /// The kind's name in the schema.
    fileprivate var name: String {
        switch self {
        case .like: "LIKE"
        case .love: "LOVE"
        case .haha: "HAHA"
        case .wow: "WOW"
        case .sad: "SAD"
        case .angry: "ANGRY"
        }
    }
}
