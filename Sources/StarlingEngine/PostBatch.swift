/// Plain posts that were sent together: one command, but a record and an answer each. What a post costs beside its record is
/// shared by all of them: the queue, the completion, the memory.
///
/// Plain means text and nothing that points to another post, and no idempotency key. Used by one thread at a time: by who fills it until
/// it is submitted, by the engine until the completion runs, and by who filled it after that. Nothing
/// checks that while it runs (`@exclusivity`): the checks took a twentieth of the time.
public final class PostBatch: @unchecked Sendable {
    /// One post.
    public struct Row: Sendable {
        /// Whose post it is. Not 0.
        public var author: UserID
        /// What it shows.
        public var kind: PostKind
        /// Who may see it.
        public var visibility: PostVisibility
        /// Where in `bytes` its text lies.
        public var text: Range<Int>
        /// Where in `bytes` the part of its record lies that can be erased.
        var body: Range<Int>
    }

    /// What became of a post.
    public enum Outcome: Sendable {
        /// It is in the log.
        case created(PostID, lsn: UInt64)
        /// Nothing was written for it.
        case refused(EngineError)
    }

    /// The posts, in the order in which they are made.
    @exclusivity(unchecked) public private(set) var rows: [Row] = []
    /// Their texts, and what belongs around them in the log.
    @exclusivity(unchecked) public private(set) var bytes: [UInt8] = []
    /// What became of each post, once the completion has said that the command was carried out.
    @exclusivity(unchecked) public private(set) var outcomes: [Outcome] = []

    /// Bytes of text that a row may have: short enough that a batch is written as fast as a post.
    public static let maximumTextBytes = 8_192

    /// An empty batch.
    public init(capacity: Int) {
        rows.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 128)
    }

    /// Adds a post. `text` is UTF-8, 1 to `maximumTextBytes` bytes.
    public func append(author: UserID, kind: PostKind, visibility: PostVisibility, text: UnsafeRawBufferPointer) {
        precondition(author.rawValue != 0, "0 is no account")
        precondition((1...Self.maximumTextBytes).contains(text.count), "a row has up to 8 KiB of text")
        let start = bytes.count
        PostRecord.writeBodyStart(textBytes: text.count, to: &bytes)
        let textStart = bytes.count
        bytes.append(contentsOf: text)
        rows.append(
            Row(
                author: author, kind: kind, visibility: visibility, text: textStart..<bytes.count,
                body: start..<bytes.count))
    }

    /// Notes what became of the next post.
    func note(_ outcome: Outcome) {
        if outcomes.isEmpty { outcomes.reserveCapacity(rows.count) }
        outcomes.append(outcome)
    }
}

/// The record of a plain post, byte for byte as SwiftProtobuf writes `Fact` and `PostBody` (log_records.proto).
///
/// Through messages, record and body took 1.0 us of the sequencer's time; this takes 0.05 us.
enum PostRecord {
    /// Field numbers and types as the format packs them.
    private enum Tag {
        static let text: UInt8 = 1 << 3 | 2
        static let postCreated: UInt8 = 4 << 3 | 2
        static let postID: UInt8 = 1 << 3 | 1
        static let authorID: UInt8 = 2 << 3 | 1
        static let kind: UInt8 = 3 << 3 | 0
        static let visibility: UInt8 = 4 << 3 | 0
    }

    /// Room for a record: two ids of 9 bytes, two numbers of 2, tag and length.
    static let maximumBytes = 24

    /// Appends what stands before the text in a body.
    static func writeBodyStart(textBytes: Int, to bytes: inout [UInt8]) {
        bytes.append(Tag.text)
        var rest = textBytes
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes the fact to `output`, which has room for `maximumBytes`, and returns how many bytes it has.
    static func write(_ id: PostID, _ row: PostBatch.Row, to output: UnsafeMutableRawBufferPointer) -> Int {
        output[0] = Tag.postCreated
        output[2] = Tag.postID
        output.storeBytes(of: id.rawValue.littleEndian, toByteOffset: 3, as: UInt64.self)
        output[11] = Tag.authorID
        output.storeBytes(of: row.author.rawValue.littleEndian, toByteOffset: 12, as: UInt64.self)
        var end = 20
        if row.kind != .text {
            output[end] = Tag.kind
            output[end + 1] = row.kind.rawValue
            end += 2
        }
        if row.visibility != .public {
            output[end] = Tag.visibility
            output[end + 1] = row.visibility.rawValue
            end += 2
        }
        output[1] = UInt8(end - 2)
        return end
    }
}
