/// Words and patterns for which posts are blocked, ready to be looked for.
///
/// Cost of a look: some 10 ns for each character of the text that is not ASCII, about 1 for others, a hash for each word, and about
/// a nanosecond for each byte and group of patterns, of which there are as many as 64 bytes of patterns.
public struct ModerationRules: Sendable {
    /// Blocked as whole words, in capitals or not.
    public let words: [String]
    /// Blocked anywhere, in capitals or not: `*` stands for any characters but white space, or none, `?` for any one of them, `\` takes
    /// its meaning from the next of these.
    public let patterns: [String]
    /// The record that set them; 0 for none.
    public internal(set) var version: UInt64 = 0

    private let wordSet: Set<String>
    private let matcher: PatternMatcher

    /// Words that there may be.
    public static let maximumWords = 5_000
    /// Bytes of a word.
    public static let maximumWordBytes = 64
    /// Patterns that there may be.
    public static let maximumPatterns = 200
    /// Bytes of a pattern.
    public static let maximumPatternBytes = 256
    /// Bytes of all words and patterns together.
    public static let maximumBytes = 131_072
    /// Bytes of the reason that `reason(for:)` gives, at most.
    static let maximumReasonBytes = maximumPatternBytes + 32

    /// Rules that block nothing.
    public static let none = ModerationRules()

    private init() {
        words = []
        patterns = []
        wordSet = []
        matcher = PatternMatcher([])
    }

    /// Reads rules. Throws `invalid` with the field (`words[3]`) of the first that cannot be one, and why.
    public init(words: [String], patterns: [String]) throws(EngineError) {
        if words.count > Self.maximumWords {
            throw .invalid(field: "words", reason: "\(words.count) words; at most \(Self.maximumWords) are allowed")
        }
        if patterns.count > Self.maximumPatterns {
            throw .invalid(
                field: "patterns", reason: "\(patterns.count) patterns; at most \(Self.maximumPatterns) are allowed")
        }
        let bytes = (words + patterns).reduce(0) { $0 + $1.utf8.count }
        if bytes > Self.maximumBytes {
            throw .invalid(field: "words", reason: "\(bytes) bytes; at most \(Self.maximumBytes) are allowed")
        }
        var wordSet: Set<String> = []
        for (number, word) in words.enumerated() { wordSet.insert(try Self.word(word, field: "words[\(number)]")) }
        var read: [Pattern] = []
        for (number, text) in patterns.enumerated() {
            read.append(try Self.pattern(text, field: "patterns[\(number)]"))
        }
        self.words = words
        self.patterns = patterns
        self.wordSet = wordSet
        matcher = PatternMatcher(read)
    }

    private static func word(_ text: String, field: String) throws(EngineError) -> String {
        if text.utf8.count > maximumWordBytes {
            throw .invalid(field: field, reason: "it is longer than \(maximumWordBytes) bytes")
        }
        let folded = FoldedText([text])
        guard folded.words.count == 1, folded.words[0].count + 1 == folded.bytes.count,
            !text.contains(where: \.isWhitespace)
        else {
            throw .invalid(field: field, reason: "a word has letters and digits only; make it a pattern")
        }
        return folded.text(folded.words[0])
    }

    private static func pattern(_ text: String, field: String) throws(EngineError) -> Pattern {
        if text.utf8.count > maximumPatternBytes {
            throw .invalid(field: field, reason: "it is longer than \(maximumPatternBytes) bytes")
        }
        do throws(PatternProblem) { return try Pattern(text) } catch {
            throw .invalid(field: field, reason: error.reason)
        }
    }

    /// Whether both say the same.
    func isEqual(_ other: ModerationRules) -> Bool { words == other.words && patterns == other.patterns }

    /// Why a post that says this is blocked, for its author to read; nil when it is not.
    func reason(for body: PostBody) -> String? {
        if words.isEmpty, patterns.isEmpty { return nil }
        let text = FoldedText([body.text, body.mediaURL, body.thumbnailURL])
        if !wordSet.isEmpty {
            for range in text.words where range.count <= Self.maximumFoldedBytes {
                let word = text.text(range)
                if wordSet.contains(word) {
                    return "it holds the blocked word \"\(word.prefix(Self.shownCharacters))\""
                }
            }
        }
        return matcher.firstMatch(in: text).map { "it holds the blocked pattern \"\(patterns[$0])\"" }
    }

    /// A letter in lower case can have more bytes.
    private static let maximumFoldedBytes = maximumWordBytes * 3
    private static let shownCharacters = 60
}

/// What the rules said of a post before it came to the sequencer.
struct ModerationVerdict: Sendable {
    /// Of the rules.
    var version: UInt64
    /// Nil when nothing is to be said against it.
    var reason: String?
}
