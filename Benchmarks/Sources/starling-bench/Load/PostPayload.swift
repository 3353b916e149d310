/// Posts as protobuf messages, written as bytes.
enum PostPayload {
    /// CreatePost and BatchPosts.
    static let singleOpcode: UInt16 = 48
    static let batchOpcode: UInt16 = 53

    static let usualText = Array("a post of a benchmark".utf8)

    /// `CreatePostRequest`, or with `isRow` a row of `BatchPostsRequest`: author_id = 1, text = 2. At most 116 bytes of text.
    static func append(author: UInt64, text: [UInt8], isRow: Bool, to bytes: inout RequestBytes) {
        if isRow {
            bytes.append(0x0a)
            bytes.append(UInt8(11 + text.count))
        }
        bytes.append(0x09)
        bytes.append(littleEndian: author)
        bytes.append(0x12)
        bytes.append(UInt8(text.count))
        bytes.append(text)
    }
}
