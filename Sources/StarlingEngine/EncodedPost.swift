import StarlingSchema
import SwiftProtobuf

/// What one record says of a post or comment: the fields `id` to `edited_at` of the schema's `Post`, in the binary format of
/// Protocol Buffers as SwiftProtobuf writes them. What changes without a record of the post's own, its counters and its state, has
/// higher field numbers and follows. So a page is made by copying bytes.
public struct EncodedPost: Sendable {
    /// The fields.
    public let bytes: [UInt8]
    /// Where the text lies in them. Its tag and length are before it, behind the two fields with lower numbers.
    private let text: Range<Int>
    private let headBytes: Int

    private init(_ message: Starling_V1_Post) {
        bytes = MessageCoding.encode(message)
        let head = Starling_V1_Post.with { ($0.id, $0.authorID) = (message.id, message.authorID) }
        headBytes = MessageCoding.encode(head).count
        let count = message.text.utf8.count
        let lengthBytes = max(1, (Int.bitWidth - count.leadingZeroBitCount + 6) / 7)
        let start = count == 0 ? headBytes : headBytes + 1 + lengthBytes
        text = start..<start + count
    }

    /// Of a post or comment whose words are gone.
    public init(without entry: PostEntry) {
        self.init(.with { $0.setHead(entry.post.rawValue, entry.author.rawValue) })
    }

    /// From a record, whose words are `words`; nil for one that makes or changes no post or comment.
    init?(_ fact: Starling_V1_Fact, _ words: Starling_V1_PostBody, milliseconds: UInt64) {
        var message = Starling_V1_Post()
        switch fact.fact {
        case .postCreated(let post):
            message.setHead(post.postID, post.authorID)
            message.setPost(post.kind, post.visibility, replyTo: post.replyTo, repostOf: post.repostOf)
        case .postEdited(let post):
            message.setHead(post.postID, post.authorID)
            message.setPost(post.kind, post.visibility, replyTo: post.replyTo, repostOf: post.repostOf)
            message.editedAt = .init(milliseconds: milliseconds)
        case .commentCreated(let comment): message.setHead(comment.commentID, comment.authorID)
        case .commentEdited(let comment):
            message.setHead(comment.commentID, comment.authorID)
            message.editedAt = .init(milliseconds: milliseconds)
        default: return nil
        }
        message.text = words.text
        if !words.mediaURL.isEmpty { message.mediaURL = words.mediaURL }
        if !words.thumbnailURL.isEmpty { message.thumbnailURL = words.thumbnailURL }
        self.init(message)
    }

    /// The fields as a message. About a microsecond.
    ///
    /// The text is taken by itself: SwiftProtobuf looks at it letter by letter, which is most of the time for a long one.
    public var message: Starling_V1_Post {
        do throws(MessageCodingError) {
            let others = Array(bytes[..<headBytes] + bytes[text.upperBound...])
            var message = try MessageCoding.decode(Starling_V1_Post.self, from: others.span.bytes)
            message.text = String(decoding: bytes[text], as: UTF8.self)
            return message
        } catch {
            preconditionFailure("what was encoded here can be decoded: \(error)")
        }
    }

    /// The body as the engine's users see it.
    var body: PostBody {
        let post = message
        var body = PostBody(
            text: post.text, kind: PostKind(rawValue: UInt8(clamping: post.kind.rawValue)) ?? .text,
            mediaURL: post.mediaURL, thumbnailURL: post.thumbnailURL,
            visibility: post.visibility == .followers ? .followers : .public,
            replyTo: post.hasReplyTo ? PostID(rawValue: post.replyTo) : nil,
            repostOf: post.hasRepostOf ? PostID(rawValue: post.repostOf) : nil)
        body.editedAt = post.hasEditedAt ? post.editedAt.milliseconds : nil
        return body
    }
}

extension Starling_V1_Post {
    fileprivate mutating func setHead(_ id: UInt64, _ author: UInt64) {
        self.id = id
        authorID = author
        createdAt = .init(milliseconds: PostID(rawValue: id).milliseconds)
    }

    fileprivate mutating func setPost(_ kind: Kind, _ visibility: Visibility, replyTo: UInt64, repostOf: UInt64) {
        // A log of a later version may hold kinds that this one does not know.
        self.kind = PostKind(rawValue: UInt8(clamping: kind.rawValue)) == nil ? .text : kind
        self.visibility = visibility == .followers ? .followers : .public
        if replyTo != 0 { self.replyTo = replyTo }
        if repostOf != 0 { self.repostOf = repostOf }
    }
}
