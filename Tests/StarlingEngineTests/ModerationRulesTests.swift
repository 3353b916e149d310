import StarlingSystem
import Testing

@testable import StarlingEngine

/// Words and patterns: what they find, and what cannot be one.
@Suite struct ModerationRulesTests {
    private func reason(_ text: String, words: [String] = [], patterns: [String] = [], media: String = "") throws
        -> String?
    {
        var post = NewPost(author: UserID(rawValue: 1), text: text)
        post.mediaURL = media
        return try ModerationRules(words: words, patterns: patterns).reason(for: PostBody(post))
    }

    @Test(arguments: [
        "spam", "SPAM!", "no more sPaM.", "(spam)", "eggs\nspam\teggs", "spam-free", "sp\u{200b}am", "sp\u{ad}am",
        "\"spam\"",
        "a spam",
    ])
    func wordsAreFoundWhole(text: String) throws {
        #expect(try reason(text, words: ["eggsnbacon", "Spam"]) == "it holds the blocked word \"spam\"")
    }

    @Test(arguments: ["", "spammer", "antispam", "spam2", "s pam", "späm", "ѕpam", "🥚"])
    func otherWordsAreNot(text: String) throws {
        #expect(try reason(text, words: ["spam"]) == nil)
    }

    @Test func wordsOfOtherScripts() throws {
        #expect(try reason("ΚΑΛΗΜΈΡΑ κόσμε", words: ["καλημέρα"]) != nil)
        #expect(try reason("ÄRGER", words: ["ärger"]) != nil)
        // The same letter, composed or not.
        #expect(try reason("a\u{308}rger", words: ["ärger"]) != nil)
        #expect(try reason("слово", words: ["СЛОВО"]) != nil)
        #expect(try reason("字", words: ["字"]) != nil)
    }

    @Test(arguments: [
        ("casino", "www.CASINO.example", true), ("casino", "cas ino", false),
        ("buy*now", "Buy-it-now!", true), ("buy*now", "buynow", true), ("buy*now", "buy it now", false),
        ("buy now", "buy \n\t now", true), ("buy now", "buynow", false),
        ("v?agra", "viagra v1agra", true), ("v?agra", "vägra", false), ("v?gra", "vägra", true),
        ("v?agra", "v agra", false),
        ("*a*", "xax", true), ("a?c*e", "abcdde", true), ("a?c*e", "abcd de", false), ("a**b", "a123b", true),
        ("\\*", "2 * 2", true), ("\\*", "2 x 2", false), ("\\?\\\\", "what?\\", true), ("ab", "a", false),
        ("ÄÖ", "xäöx", true), ("a?", "a", false), ("a?", "a b", false), ("a?", "ab", true), ("aab", "aaab", true),
        ("abab*c", "abaababxc", true), ("?a", "a", false), ("??", "a", false),
    ])
    func patterns(pattern: String, text: String, isFound: Bool) throws {
        if pattern == "??" {
            #expect(throws: EngineError.self) { try ModerationRules(words: [], patterns: [pattern]) }
            return
        }
        let expected = isFound ? "it holds the blocked pattern \"\(pattern)\"" : nil
        #expect(try reason(text, patterns: ["nothing like it", pattern]) == expected)
    }

    @Test func addressesOfMediaCount() throws {
        #expect(try reason("look", patterns: ["casino"], media: "https://casino.example/x.png") != nil)
        // Nothing is found across the end of a field.
        #expect(try reason("ca", patterns: ["casino"], media: "sino") == nil)
        #expect(try reason("ca", patterns: ["ca*sino"], media: "sino") == nil)
        #expect(try reason("ca ", patterns: ["ca sino"], media: "sino") == nil)
    }

    @Test func whatCannotBeARuleIsNamed() {
        func field(words: [String] = [], patterns: [String] = []) -> String? {
            do throws(EngineError) {
                _ = try ModerationRules(words: words, patterns: patterns)
                return nil
            } catch {
                return error.name
            }
        }
        #expect(field(words: ["fine", "two words"]) == "invalid(words[1])")
        #expect(field(words: [""]) == "invalid(words[0])")
        #expect(field(words: ["a-b"]) == "invalid(words[0])")
        #expect(field(words: [" a"]) == "invalid(words[0])")
        #expect(field(words: [String(repeating: "a", count: 64)]) == nil)
        #expect(field(words: [String(repeating: "a", count: 65)]) == "invalid(words[0])")
        #expect(field(words: Array(repeating: "a", count: 5_001)) == "invalid(words)")
        #expect(field(words: (0..<5_000).map { "a\($0)" }) == nil)
        for bad in ["", "*", "?", " ", "* ?", "a\\", "\\a", "\u{200b}"] {
            #expect(field(patterns: ["x", bad]) == "invalid(patterns[1])", "\(bad)")
        }
        #expect(field(patterns: [String(repeating: "a", count: 64)]) == nil)
        #expect(field(patterns: [String(repeating: "a", count: 65)]) == "invalid(patterns[0])")
        #expect(field(patterns: [String(repeating: "a*", count: 64)]) == nil)
        #expect(field(patterns: [String(repeating: "a*", count: 129)]) == "invalid(patterns[0])")
        #expect(field(patterns: Array(repeating: "a", count: 201)) == "invalid(patterns)")
        let long = String(repeating: "ж", count: 31)
        #expect(field(words: (0..<3_000).map { _ in long }) == "invalid(words)")
    }

    /// A matcher that tries everything, for short texts.
    private func finds(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return true }
        if first == "*" {
            if finds(pattern.dropFirst(), text) { return true }
            guard let next = text.first, next != " " else { return false }
            return finds(pattern, text.dropFirst())
        }
        guard let next = text.first else { return false }
        return (first == "?" ? next != " " : first == next) && finds(pattern.dropFirst(), text.dropFirst())
    }

    /// Without two spaces in a row.
    private func line(of letters: [Character], _ length: ClosedRange<Int>, _ random: inout SeededRandom) -> String {
        var line = ""
        for _ in 0..<Int.random(in: length, using: &random) {
            let letter = letters[Int.random(in: letters.indices, using: &random)]
            if letter != " " || line.last != " " { line.append(letter) }
        }
        return line
    }

    @Test(arguments: 1...4) func patternsEqualTheirDefinition(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var matches = 0
        for _ in 0..<3_000 {
            let patterns = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                line(of: Array("abä *?"), 1...7, &random)
            }
            let text = line(of: Array("abä "), 0...12, &random)
            guard let rules = try? ModerationRules(words: [], patterns: patterns) else { continue }
            let trimmed = Array(text.drop { $0 == " " })
            let expected = patterns.contains { pattern in
                (0...trimmed.count).contains { finds(Array(pattern)[...], trimmed[$0...]) }
            }
            let found = rules.reason(for: PostBody(NewPost(author: UserID(rawValue: 1), text: text)))
            #expect((found != nil) == expected, "\(patterns) in \"\(text)\"")
            matches += expected ? 1 : 0
        }
        #expect(matches > 300)
    }
}
