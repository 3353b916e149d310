import NIOCore
import StarlingEngine

/// `CreatePostRequest` and `CreatePostResponse` of plain posts in the binary format of Protocol Buffers, without messages in between:
/// byte for byte as SwiftProtobuf reads and writes them.
enum CreatePostMessage {
    /// Field numbers and types as the format packs them; `posts.proto` says which are whose.
    private enum Request {
        static let authorID: UInt8 = 1 << 3 | 1
        static let text: UInt8 = 2 << 3 | 2
        static let kind: UInt8 = 3 << 3 | 0
        static let visibility: UInt8 = 6 << 3 | 0
    }

    private enum Response {
        static let post: UInt8 = 1 << 3 | 2
        static let lsn: UInt8 = 2 << 3 | 0
        static let durability: UInt8 = 3 << 3 | 0
    }

    private enum Post {
        static let id: UInt8 = 1 << 3 | 1
        static let authorID: UInt8 = 2 << 3 | 1
        static let text: UInt8 = 3 << 3 | 2
        static let kind: UInt8 = 4 << 3 | 0
        static let visibility: UInt8 = 7 << 3 | 0
        static let createdAt: UInt8 = 10 << 3 | 2
        static let counts: UInt8 = 12 << 3 | 2
    }

    /// What a request asks for; the text is a part of the bytes that were read.
    struct PlainPost {
        /// 0 for none.
        var author: UInt64 = 0
        var kind = PostKind.text
        var visibility = PostVisibility.public
        var text = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Reads a request for a plain post. Nil for every other one, whatever is the matter with it: another way answers those.
    static func read(_ bytes: UnsafeRawBufferPointer) -> PlainPost? {
        var post = PlainPost()
        var place = 0
        while place < bytes.count {
            let tag = bytes[place]
            place += 1
            switch tag {
            case Request.authorID:
                guard bytes.count - place >= 8 else { return nil }
                post.author = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                place += 8
            case Request.text:
                guard let count = length(bytes, &place), count <= bytes.count - place else { return nil }
                post.text = UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
                place += count
            case Request.kind:
                guard place < bytes.count, let kind = PostKind(rawValue: bytes[place]) else { return nil }
                post.kind = kind
                place += 1
            case Request.visibility:
                guard place < bytes.count, let visibility = PostVisibility(rawValue: bytes[place]) else { return nil }
                post.visibility = visibility
                place += 1
            default: return nil
            }
        }
        guard (1...PostBatch.maximumTextBytes).contains(post.text.count), isUTF8(post.text) else {
            return nil
        }
        return post
    }

    /// A length of at most two bytes: more than a row of a batch has anyway.
    private static func length(_ bytes: UnsafeRawBufferPointer, _ place: inout Int) -> Int? {
        guard place < bytes.count else { return nil }
        let first = Int(bytes[place])
        place += 1
        if first < 0x80 { return first }
        guard place < bytes.count, bytes[place] < 0x80 else { return nil }
        defer { place += 1 }
        return first & 0x7f | Int(bytes[place]) << 7
    }

    private static func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        // Without a branch, so that it takes sixteen bytes at a time.
        var bits: UInt8 = 0
        for byte in text { bits |= byte }
        return bits < 0x80 || String(validating: text, as: UTF8.self) != nil
    }

    /// Room that an answer with so much text may need: ids, time, lengths and numbers beside it.
    static func byteLimit(textBytes: Int) -> Int { textBytes + 80 }

    /// Appends the answer for a post that was created.
    static func write(
        _ row: PostBatch.Row, of batch: PostBatch, id: PostID, lsn: UInt64, durability: UInt8,
        into buffer: inout ByteBuffer
    ) {
        let limit = byteLimit(textBytes: row.text.count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { bytes in
            guard bytes.count >= limit, let start = bytes.baseAddress else {
                preconditionFailure("the buffer has the room that was asked for")
            }
            var output = MessageOutput(at: start)
            output.put(Response.post)
            output.putVarint(UInt64(postBytes(row, id)))
            write(row, of: batch, id: id, &output)
            output.put(Response.lsn)
            output.putVarint(lsn)
            if durability != 0 {
                output.put(Response.durability)
                output.put(durability)
            }
            return output.end - start
        }
    }

    private static func write(_ row: PostBatch.Row, of batch: PostBatch, id: PostID, _ output: inout MessageOutput) {
        output.put(Post.id)
        output.putFixed(id.rawValue)
        output.put(Post.authorID)
        output.putFixed(row.author.rawValue)
        output.put(Post.text)
        output.putVarint(UInt64(row.text.count))
        batch.bytes.withUnsafeBytes { output.put(UnsafeRawBufferPointer(rebasing: $0[row.text])) }
        if row.kind != .text {
            output.put(Post.kind)
            output.put(row.kind.rawValue)
        }
        if row.visibility != .public {
            output.put(Post.visibility)
            output.put(row.visibility.rawValue)
        }
        output.putTimestamp(Post.createdAt, milliseconds: id.milliseconds)
        // A new post has no counts, but says so.
        output.put(Post.counts)
        output.put(0)
    }

    /// Bytes of what `write(_:of:id:_:)` writes.
    private static func postBytes(_ row: PostBatch.Row, _ id: PostID) -> Int {
        let (seconds, milliseconds) = id.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let time = 2 + fieldBytes(seconds) + fieldBytes(milliseconds * 1_000_000)
        let text = 1 + varintBytes(UInt64(row.text.count)) + row.text.count
        return 18 + text + (row.kind != .text ? 2 : 0) + (row.visibility != .public ? 2 : 0) + time + 2
    }

    private static func fieldBytes(_ number: UInt64) -> Int { number == 0 ? 0 : 1 + varintBytes(number) }

    private static func varintBytes(_ number: UInt64) -> Int { (70 - (number | 1).leadingZeroBitCount) / 7 }
}
