/// What a post must be to be accepted. Sizes in bytes of UTF-8.
enum PostRules {
    static let maximumTextBytes = 65_536
    static let maximumURLBytes = 2_048
    static let maximumKeyBytes = 128

    /// Throws the first rule that `post` breaks; `now` is the wall clock in milliseconds.
    static func check(_ post: NewPost, now: UInt64) throws(EngineError) {
        if post.author.rawValue == 0 {
            throw .invalid(field: "authorId", reason: "an author is needed; 0 is not an id")
        }
        try check(PostBody(post))
        if let createdAt = post.createdAt {
            if createdAt > now { throw .invalid(field: "createdAt", reason: "it lies in the future") }
            if createdAt < PostIDMint.epoch {
                throw .invalid(field: "createdAt", reason: "ids begin at 2010-11-04T01:42:54.657Z")
            }
        }
    }

    /// Throws the first rule that a post's new body breaks.
    static func check(_ body: PostBody) throws(EngineError) {
        try checkText(body.text)
        if body.text.isEmpty, body.mediaURL.isEmpty, body.repostOf == nil {
            throw .invalid(field: "text", reason: "a post needs text, media or a post that it repeats")
        }
        try checkURL(body.mediaURL, field: "mediaUrl")
        try checkURL(body.thumbnailURL, field: "thumbnailUrl")
    }

    /// Throws the first rule that a comment's text breaks.
    static func checkComment(_ text: String) throws(EngineError) {
        try checkText(text)
        if text.isEmpty { throw .invalid(field: "text", reason: "a comment needs text") }
    }

    private static func checkText(_ text: String) throws(EngineError) {
        let bytes = text.utf8.count
        if bytes > maximumTextBytes {
            throw .invalid(field: "text", reason: "\(bytes) bytes; at most \(maximumTextBytes) are allowed")
        }
    }

    private static func checkURL(_ url: String, field: String) throws(EngineError) {
        if url.utf8.count > maximumURLBytes {
            throw .invalid(field: field, reason: "\(url.utf8.count) bytes; at most \(maximumURLBytes) are allowed")
        }
    }

    /// Throws unless `key` is 1 to 128 printable ASCII characters.
    static func checkKey(_ key: String) throws(EngineError) {
        let isPrintable = key.utf8.allSatisfy { (0x20...0x7e).contains($0) }
        if key.isEmpty || key.utf8.count > maximumKeyBytes || !isPrintable {
            throw .invalid(
                field: "Idempotency-Key", reason: "it must be 1 to \(maximumKeyBytes) printable ASCII characters")
        }
    }
}
