import HTTPTypes
import NIOCore
import StarlingSchema

/// Lets pages of other origins use the interface (CORS): only those origins that are listed, compared as they are. None are
/// listed by default, and then no answer speaks of it. Cookies are never asked for.
struct CrossOrigin: Sendable {
    let origins: Set<String>

    /// Whether text is an origin as browsers send it: `https://example.org` or `http://localhost:3000`.
    static func isOrigin(_ text: String) -> Bool { text.wholeMatch(of: #/https?://[a-z0-9.\-\[\]:]+/#) != nil }

    private static let requestFields =
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Actor-Id, X-Durability, X-Min-Lsn"
    private static let answerFields = "Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After"
    private static let maximumAge = "600"

    /// The origin of the request, when it is listed.
    private func allowed(_ fields: HTTPFields) -> String? {
        guard !origins.isEmpty, let origin = fields[.origin], origins.contains(origin) else { return nil }
        return origin
    }

    /// Adds to an answer what the browser needs to show it to the page.
    func mark(_ answer: inout HTTPResponse, to request: HTTPFields) {
        guard !origins.isEmpty else { return }
        // Caches must not give the answer for one origin to another.
        answer.headerFields.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = allowed(request) else { return }
        answer.headerFields[.accessControlAllowOrigin] = origin
        answer.headerFields[.accessControlExposeHeaders] = Self.answerFields
    }

    /// The answer to a browser's question before a request, when its origin is listed.
    func preflight(
        _ method: HTTPRequest.Method, _ fields: HTTPFields, allow: [StarlingSchema.HTTPMethod]
    ) -> (HTTPResponse, ByteBuffer)? {
        guard method == .options, allowed(fields) != nil, fields[.accessControlRequestMethod] != nil else { return nil }
        var answer = HTTPFields()
        answer[.accessControlAllowMethods] = allow.map(\.rawValue).joined(separator: ", ")
        answer[.accessControlAllowHeaders] = Self.requestFields
        answer[.accessControlMaxAge] = Self.maximumAge
        answer[.contentTypeOptions] = "nosniff"
        return (HTTPResponse(status: .noContent, headerFields: answer), ByteBuffer())
    }
}
