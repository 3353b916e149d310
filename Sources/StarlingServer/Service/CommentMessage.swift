import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// Comments as the schema shows them.
enum CommentMessage {
    /// `body` is nil when it was erased.
    static func make(
        _ entry: PostEntry, on post: PostID, _ detail: PostDetail, body: PostBody?
    ) -> Starling_V1_Comment {
        .with {
            $0.id = entry.post.rawValue
            $0.postID = post.rawValue
            $0.authorID = entry.author.rawValue
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: entry.post.milliseconds)
            $0.counts = PostMessage.make(detail.counts)
            if let reaction = detail.ownReaction { $0.myReaction = reaction.schema }
            guard let body else {
                $0.state = .deleted
                return
            }
            $0.text = body.text
            if let time = body.editedAt { $0.editedAt = Google_Protobuf_Timestamp(milliseconds: time) }
        }
    }

    /// A comment as one record has changed it.
    static func make(_ content: ChangedContent, body: PostBody?) -> Starling_V1_Comment {
        guard let post = content.post else { preconditionFailure("only comments are changed as comments") }
        return make(content.entry, on: post, content.detail, body: body)
    }
}
