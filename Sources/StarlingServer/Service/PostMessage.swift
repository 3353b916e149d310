import StarlingEngine
import StarlingSchema
import SwiftProtobuf

/// Posts as the schema shows them.
enum PostMessage {
    /// `body` is nil when it was erased: then only what the log keeps is shown.
    static func make(id: PostID, author: UserID, body: PostBody?) -> Starling_V1_Post {
        .with {
            $0.id = id.rawValue
            $0.authorID = author.rawValue
            $0.createdAt = Google_Protobuf_Timestamp(milliseconds: id.milliseconds)
            $0.counts = Starling_V1_PostCounts()
            guard let body else {
                $0.state = .deleted
                return
            }
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
