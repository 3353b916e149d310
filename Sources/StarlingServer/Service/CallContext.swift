import StarlingEngine
import StarlingLimits
import StarlingLog
import StarlingSchema

/// What came with a request beside its message, whatever door it came by.
struct CallContext: Sendable {
    /// Who acts, as far as the door knows.
    var actor: UserID?
    /// The idempotency key, or nil.
    var idempotencyKey: String?
    /// A read waits for this record; 0 for none.
    var minimumLSN: UInt64 = 0
    /// What a write has to reach before it is answered; nil for the server's own level. Reads do not mind it.
    var durability: AcknowledgementLevel?
    /// As what the door has charged the request, one token, before it was decoded; nil where nothing is charged.
    var charge: LimitedRequest?
    /// The session whose token came with the request; 0 without one.
    var session: UInt64 = 0
    /// The refresh token that came as a cookie.
    var refreshCookie: String?
    /// Whether the door can set cookies.
    var takesCookies = false
}

/// Tokens that are to be set as cookies, or, when there are none, cookies that are to be removed.
struct SessionCookies: Sendable {
    var tokens: (access: String, refresh: String)?
}

/// An answer of an operation.
struct Reply<Response: Sendable>: Sendable {
    var response: Response
    /// Whether it is the first answer of a repeated idempotency key.
    var isReplay = false
    var cookies: SessionCookies?
}

/// How an operation gives its answer. It may run on any thread and must be short.
typealias Respond<Response: Sendable> = @Sendable (Result<Reply<Response>, Problem>) -> Void

/// Why a request failed, as every door shows it.
struct Problem: Error, Sendable {
    var message: Starling_V1_Problem
}
