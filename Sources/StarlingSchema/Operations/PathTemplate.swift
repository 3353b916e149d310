/// The path of a route: literal segments, `{field}` segments, and perhaps a verb behind the last one:
/// `/v1/users/{user_id}/follow-requests/{requester_id}:accept`.
///
/// A part of the template syntax of `google.api.http`; a variable stands for exactly one segment.
public struct PathTemplate: Sendable, Hashable, CustomStringConvertible {
    /// One segment.
    public enum Segment: Sendable, Hashable {
        /// This text.
        case literal(String)
        /// Any text that is not empty: the value of the field with this name.
        case variable(String)
    }

    /// The segments in order.
    public let segments: [Segment]
    /// What follows the colon after the last segment.
    public let verb: String?

    /// The most segments of a path.
    public static let maxSegments = 32

    /// Reads a template.
    public init(_ text: String) throws(PathTemplateError) {
        guard text.utf8.first == UInt8(ascii: "/") else { throw .missingSlash(template: text) }
        var body = text.dropFirst()
        var verb: String?
        if let colon = body.lastIndex(of: ":"), !body[colon...].contains("/"), !body[colon...].contains("}") {
            verb = String(body[body.index(after: colon)...])
            body = body[..<colon]
        }
        var segments: [Segment] = []
        for part in body.split(separator: "/", omittingEmptySubsequences: false) {
            segments.append(try Self.segment(part, of: text))
        }
        guard segments.count <= Self.maxSegments else { throw .tooManySegments(template: text) }
        if let verb, !Self.isLiteral(verb[...]) { throw .badSegment(template: text, segment: ":\(verb)") }
        self.segments = segments
        self.verb = verb
        if let name = Self.repeatedName(in: variables) { throw .repeatedVariable(template: text, name: name) }
    }

    /// The names of the variables, in order.
    public var variables: [String] {
        segments.compactMap { if case .variable(let name) = $0 { name } else { nil } }
    }

    /// The template as text.
    public var description: String { text { $0 } }

    /// The template as text with other names for the variables.
    public func text(renaming rename: (String) -> String) -> String {
        var text = ""
        for segment in segments {
            switch segment {
            case .literal(let literal): text += "/\(literal)"
            case .variable(let name): text += "/{\(rename(name))}"
            }
        }
        return verb.map { "\(text):\($0)" } ?? text
    }

    private static func segment(_ part: Substring, of template: String) throws(PathTemplateError) -> Segment {
        if part.first == "{", part.last == "}" {
            let name = part.dropFirst().dropLast()
            let isName = name.utf8.allSatisfy { Self.isLetterOrDigit($0) || $0 == UInt8(ascii: "_") }
            guard !name.isEmpty, isName else { throw .badSegment(template: template, segment: String(part)) }
            return .variable(String(name))
        }
        guard isLiteral(part) else { throw .badSegment(template: template, segment: String(part)) }
        return .literal(String(part))
    }

    private static func isLiteral(_ part: Substring) -> Bool {
        !part.isEmpty && part.utf8.allSatisfy { isLetterOrDigit($0) || "-._~".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func repeatedName(in names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}

/// Why a text is not a path template.
public enum PathTemplateError: Error, Equatable {
    /// It does not begin with a slash.
    case missingSlash(template: String)
    /// A segment is neither plain text nor `{field}`.
    case badSegment(template: String, segment: String)
    /// It has more segments than any path may have.
    case tooManySegments(template: String)
    /// The same variable occurs twice.
    case repeatedVariable(template: String, name: String)
}
