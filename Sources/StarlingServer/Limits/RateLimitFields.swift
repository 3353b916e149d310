import HTTPTypes
import StarlingLimits

extension HTTPFields {
    /// Says how the buckets of the rules that cover a request stand: `RateLimit-Policy` and `RateLimit`
    /// (draft-ietf-httpapi-ratelimit-headers-10).
    mutating func add(_ standings: [RateLimitVerdict.Standing]) {
        guard !standings.isEmpty else { return }
        self[.rateLimitPolicy] = standings.map { "\"\($0.rule)\";q=\($0.burst);w=\($0.window)" }.joined(separator: ", ")
        self[.rateLimit] = standings.map { "\"\($0.rule)\";r=\($0.remaining);t=\($0.fullAfter)" }
            .joined(separator: ", ")
    }
}

extension HTTPField.Name {
    static let rateLimit = HTTPField.Name("RateLimit").unsafelyUnwrapped
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy").unsafelyUnwrapped
    static let forwardedFor = HTTPField.Name("X-Forwarded-For").unsafelyUnwrapped
}
