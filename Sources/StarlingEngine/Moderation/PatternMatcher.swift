/// Looks for many patterns in a text at once, in time that is the text's length times the number of groups of patterns, whatever
/// text and patterns are: there is nothing to go back to.
///
/// Each place of a pattern is a bit of a 64-bit number, which says whether the pattern fits up to there with the byte at hand
/// as the last. A byte moves all bits of a group by one and keeps those whose place it fits (Baeza-Yates and Gonnet,
/// "A new approach to text searching", 1992); a star is a place that also stays (Navarro and Raffinot, 2002).
struct PatternMatcher: Sendable {
    /// Places that a pattern may have: a byte of its folded text or a `?` each.
    static let maximumPlaces = 64

    /// Patterns that share a number. 4 KiB.
    private struct Group: Sendable {
        /// By byte: the places that it fits.
        var fits = [UInt64](repeating: 0, count: 256)
        /// By byte: the places that stay as they are.
        var stays = [UInt64](repeating: 0, count: 256)
        var firstPlaces: UInt64 = 0
        var lastPlaces: UInt64 = 0
        var placeCount = 0
        /// The pattern of each last place.
        var patterns: [Int: Int] = [:]
    }

    private var groups: [Group] = []

    /// Of patterns that `Pattern` could read.
    init(_ patterns: [Pattern]) {
        for (number, pattern) in patterns.enumerated() { add(pattern, number) }
    }

    private mutating func add(_ pattern: Pattern, _ number: Int) {
        let count = pattern.places.count
        if groups.last.map({ $0.placeCount + count > Self.maximumPlaces }) ?? true { groups.append(Group()) }
        let group = groups.count - 1
        let first = groups[group].placeCount
        for (offset, place) in pattern.places.enumerated() {
            let bit: UInt64 = 1 << UInt64(first + offset)
            for byte in UInt8.min...UInt8.max {
                if place.fits(byte) { groups[group].fits[Int(byte)] |= bit }
                if place.stays(byte) { groups[group].stays[Int(byte)] |= bit }
            }
        }
        groups[group].firstPlaces |= 1 << UInt64(first)
        groups[group].lastPlaces |= 1 << UInt64(first + count - 1)
        groups[group].patterns[first + count - 1] = number
        groups[group].placeCount += count
    }

    /// The number of a pattern that the text holds, or nil.
    func firstMatch(in text: FoldedText) -> Int? {
        for group in groups { if let number = Self.match(group, text.bytes) { return number } }
        return nil
    }

    private static func match(_ group: Group, _ bytes: [UInt8]) -> Int? {
        group.fits.withUnsafeBufferPointer { fits in
            group.stays.withUnsafeBufferPointer { stays in
                var places: UInt64 = 0
                for byte in bytes {
                    let moved = places << 1 | group.firstPlaces
                    places = moved & fits[Int(byte)] | places & stays[Int(byte)]
                    let ends = places & group.lastPlaces
                    if ends != 0 { return group.patterns[ends.trailingZeroBitCount] }
                }
                return nil
            }
        }
    }
}

/// A pattern as it was read: literal characters, `*` for any characters but white space or none, `?` for any one of them; `\` takes the
/// meaning from the next of these.
struct Pattern {
    struct Place {
        /// Nil for any one character.
        var byte: UInt8?
        /// Whether a star follows.
        var hasStar = false

        func fits(_ other: UInt8) -> Bool { byte.map { $0 == other } ?? (isVisible(other) && !isContinuation(other)) }

        func stays(_ other: UInt8) -> Bool {
            hasStar && isVisible(other) || byte == nil && isContinuation(other)
        }

        private func isVisible(_ byte: UInt8) -> Bool { byte != FoldedText.space && byte != FoldedText.partEnd }

        /// Whether it is a later byte of a character in UTF-8.
        private func isContinuation(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }
    }

    private(set) var places: [Place] = []

    /// Reads a pattern; nil with the reason in `problem` when it is none.
    init(_ text: String) throws(PatternProblem) {
        var literal = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                guard "*?\\".unicodeScalars.contains(character) else {
                    throw PatternProblem(reason: "\\ stands before one of * ? \\ only")
                }
                literal.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "*" {
                append(&literal)
                if !places.isEmpty { places[places.count - 1].hasStar = true }
            } else if character == "?" {
                append(&literal)
                places.append(Place(byte: nil))
            } else {
                literal.unicodeScalars.append(character)
            }
        }
        if isEscaped { throw PatternProblem(reason: "it ends with \\") }
        append(&literal)
        guard places.contains(where: { $0.byte.map { $0 != FoldedText.space } ?? false }) else {
            throw PatternProblem(reason: "it needs a character besides white space, * and ?")
        }
        guard places.count <= PatternMatcher.maximumPlaces else {
            throw PatternProblem(
                reason: "\(places.count) bytes without stars; at most \(PatternMatcher.maximumPlaces) are allowed")
        }
    }

    /// Appends literal characters as texts have them. White space at the ends of a pattern is white space too.
    private mutating func append(_ literal: inout String) {
        var isSpace = false
        for scalar in literal.unicodeScalars {
            if scalar.properties.isWhitespace {
                if !isSpace { places.append(Place(byte: FoldedText.space)) }
                isSpace = true
            } else {
                let folded = FoldedText([String(scalar)]).bytes.dropLast()
                places.append(contentsOf: folded.map { Place(byte: $0) })
                if !folded.isEmpty { isSpace = false }
            }
        }
        literal = ""
    }
}

/// Why a pattern cannot be read.
struct PatternProblem: Error {
    let reason: String
}
