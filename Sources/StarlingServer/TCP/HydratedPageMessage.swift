import NIOCore
import StarlingEngine
import StarlingSchema

/// `FeedResponse` with posts, their authors and the reader's own reactions in the binary format of Protocol Buffers, byte for byte as
/// SwiftProtobuf writes it with the entries of maps in order. Bodies are copied as they were stored: see `EncodedPost`.
enum HydratedPageMessage {
    /// Field numbers and types as the format packs them; the `.proto` files say which are whose.
    private enum Item {
        static let tag: UInt8 = 1 << 3 | 2
        static let post: UInt8 = 1 << 3 | 2
        static let author: UInt8 = 2 << 3 | 2
        static let myReaction: UInt8 = 6 << 3 | 0
    }

    private enum Post {
        static let counts: UInt8 = 12 << 3 | 2
        static let state: UInt8 = 13 << 3 | 0
        static let deleted: UInt8 = 3
    }

    private enum Counts {
        static let likes: UInt8 = 1 << 3 | 0
        static let comments: UInt8 = 2 << 3 | 0
        static let reposts: UInt8 = 3 << 3 | 0
        static let reactions: UInt8 = 4 << 3 | 2
        static let key: UInt8 = 1 << 3 | 2
        static let value: UInt8 = 2 << 3 | 0
    }

    private static let authorID: UInt8 = 1 << 3 | 1

    /// In the order of their names.
    private static let reactionNames: [(name: StaticString, kind: ReactionKind)] = [
        ("ANGRY", .angry), ("HAHA", .haha), ("LIKE", .like), ("LOVE", .love), ("SAD", .sad), ("WOW", .wow),
    ]

    /// Three numbers of at most 1 + 10 bytes, and six reactions of at most 2 + 2 + 5 + 1 + 10.
    private static let countsBytes = 160
    /// What an item takes besides the fields of post and author: tags and lengths, counts, state, the author's id, a reaction.
    private static let itemBytes = countsBytes + 40

    /// Room that a page needs at most.
    static func byteLimit(_ page: FeedPages.Page, of pages: HydratedFeedPages, _ bodies: [EncodedPost]) -> Int {
        var bytes = FeedPageMessage.byteLimit(items: 0)
        for (place, body) in zip(page.range, bodies) {
            bytes += itemBytes + body.bytes.count + pages.authorFields(at: place).count
        }
        return bytes
    }

    /// Appends a page. `bodies` are those of its entries, nil where nothing is left of one.
    static func write(
        _ page: FeedPages.Page, of pages: HydratedFeedPages, _ bodies: [EncodedPost?], _ cursors: CursorSigner,
        into buffer: inout ByteBuffer
    ) {
        let encoded = zip(page.range, bodies).map { place, body in
            body ?? EncodedPost(without: pages.pages.entries[place])
        }
        let limit = byteLimit(page, of: pages, encoded)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { bytes in
            guard bytes.count >= limit, let start = bytes.baseAddress else {
                preconditionFailure("the buffer has the room that was asked for")
            }
            var output = MessageOutput(at: start)
            withUnsafeTemporaryAllocation(byteCount: countsBytes, alignment: 1) { scratch in
                for (number, place) in page.range.enumerated() {
                    write(
                        encoded[number], isGone: bodies[number] == nil, pages, place, with: scratch, &output)
                }
            }
            FeedPageMessage.writeEnd(page, asOfLSN: pages.pages.asOfLSN, cursors, &output)
            return output.end - start
        }
    }

    private static func write(
        _ body: EncodedPost, isGone: Bool, _ pages: HydratedFeedPages, _ place: Int,
        with scratch: UnsafeMutableRawBufferPointer, _ output: inout MessageOutput
    ) {
        let detail = pages.details[place]
        let authorFields = pages.authorFields(at: place)
        let counts = write(detail.counts, to: scratch)
        let postBytes = body.bytes.count + 2 + counts.count + (isGone ? 2 : 0)
        let authorBytes = 9 + authorFields.count
        let reactionBytes = detail.ownReaction == nil ? 0 : 2
        output.put(Item.tag)
        output.putVarint(UInt64(fieldBytes(postBytes) + fieldBytes(authorBytes) + reactionBytes))
        output.put(Item.post)
        output.putVarint(UInt64(postBytes))
        body.bytes.withUnsafeBytes { output.put($0) }
        output.put(Post.counts)
        output.put(UInt8(truncatingIfNeeded: counts.count))
        output.put(counts)
        if isGone {
            output.put(Post.state)
            output.put(Post.deleted)
        }
        output.put(Item.author)
        output.putVarint(UInt64(authorBytes))
        output.put(authorID)
        output.putFixed(pages.pages.entries[place].author.rawValue)
        authorFields.withUnsafeBytes { output.put($0) }
        if let reaction = detail.ownReaction {
            output.put(Item.myReaction)
            output.put(UInt8(truncatingIfNeeded: reaction.schema.rawValue))
        }
    }

    /// A field of so many bytes with its tag and length.
    private static func fieldBytes(_ count: Int) -> Int {
        1 + (70 - (UInt64(count) | 1).leadingZeroBitCount) / 7 + count
    }

    /// The fields of `PostCounts`: less than 128 bytes, for counts have no more than 32 bits.
    private static func write(
        _ counts: PostCounts, to scratch: UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        guard counts != PostCounts(), let start = scratch.baseAddress else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        var output = MessageOutput(at: start)
        put(Counts.likes, counts.reactions, &output)
        put(Counts.comments, counts.comments, &output)
        put(Counts.reposts, counts.reposts, &output)
        for (name, kind) in reactionNames where counts[kind] > 0 {
            output.put(Counts.reactions)
            let length = output.skip(1)
            output.put(Counts.key)
            output.put(UInt8(truncatingIfNeeded: name.utf8CodeUnitCount))
            output.put(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            put(Counts.value, counts[kind], &output)
            output.fill(length)
        }
        return UnsafeRawBufferPointer(start: start, count: output.end - UnsafeMutableRawPointer(start))
    }

    /// A number, left out when it is 0.
    private static func put(_ tag: UInt8, _ number: Int, _ output: inout MessageOutput) {
        if number == 0 { return }
        output.put(tag)
        output.putVarint(UInt64(number))
    }
}
