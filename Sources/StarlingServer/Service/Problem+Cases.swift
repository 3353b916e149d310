import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension Problem {
    /// A problem with its title from a table of codes; `accepted` false means that surely nothing was done.
    init(
        status: UInt32, code: String, detail: String, accepted: Bool? = false,
        errors: [Starling_V1_FieldError] = [], retryAfterSeconds: UInt32? = nil
    ) {
        message = .with {
            $0.type = "urn:starling:problem:" + code.lowercased().replacing("_", with: "-")
            $0.title = Self.titles[status] ?? "Error"
            $0.status = status
            $0.code = code
            $0.detail = detail
            if let accepted { $0.accepted = accepted }
            $0.errors = errors
            if let retryAfterSeconds { $0.retryAfterSeconds = retryAfterSeconds }
        }
    }

    private static let titles: [UInt32: String] = [
        400: "Bad request", 401: "Unauthorized", 403: "Forbidden", 404: "Not found", 405: "Method not allowed",
        409: "Conflict", 410: "Gone", 413: "Content too large", 415: "Unsupported media type",
        417: "Expectation failed", 422: "Unprocessable request", 429: "Too many requests",
        431: "Request header fields too large", 500: "Internal error", 503: "Temporarily unavailable",
        507: "Insufficient storage",
    ]

    /// A field of the request is not acceptable.
    static func invalid(_ field: String, _ message: String) -> Problem {
        Problem(
            status: 400, code: "INVALID_ARGUMENT", detail: field.isEmpty ? message : "\(field): \(message)",
            errors: [
                .with {
                    $0.field = field
                    $0.message = message
                }
            ])
    }

    /// Another account has the name or the address.
    static func taken(_ field: String, _ detail: String) -> Problem {
        Problem(
            status: 409, code: field == "email" ? "EMAIL_TAKEN" : "USERNAME_TAKEN", detail: detail,
            errors: [
                .with {
                    $0.field = field
                    $0.message = "another account has it"
                }
            ])
    }

    /// The request does not say who acts.
    static let actorRequired = Problem(
        status: 401, code: "ACTOR_REQUIRED",
        detail: "this operation needs to know who acts: send the header X-Actor-Id, or actor_id over TCP")

    /// The request names two actors.
    static let actorMismatch = Problem(
        status: 403, code: "ACTOR_MISMATCH",
        detail: "the actor of the request is not the user that the path or the message names")

    /// The actor may not judge posts.
    static let notModerator = Problem(
        status: 403, code: "NOT_MODERATOR",
        detail: "this is for moderators: the users that the setting moderation.moderators names")

    /// A body is not taken.
    static func bodyTooLarge(_ size: String, limit: Int) -> Problem {
        Problem(
            status: 413, code: "BODY_TOO_LARGE", detail: "the body is \(size); at most \(limit) bytes are allowed")
    }

    /// Another change came first.
    static let editConflictCode = "EDIT_CONFLICT"

    /// A row of a batch acts for somebody else.
    static func foreignRow(_ field: String) -> Problem {
        Problem(
            status: 403, code: "ACTOR_MISMATCH", detail: "\(field): a row may only act for the actor",
            errors: [
                .with {
                    $0.field = field
                    $0.message = "it is not the actor"
                }
            ])
    }

    /// No access token came with a request that needs one.
    static let tokenRequired = Problem(
        status: 401, code: "TOKEN_REQUIRED",
        detail:
            "this operation needs an access token: log in, and send Authorization: Bearer TOKEN, or the token in the preface "
            + "of a TCP connection")

    /// The access token is not good. Why, is not said.
    static let tokenRefused = Problem(
        status: 401, code: "TOKEN_REFUSED",
        detail: "the access token has expired, its session has ended, or it is none: refresh it or log in again")

    /// The name or the password is wrong. Which, is not said.
    static let wrongCredentials = Problem(
        status: 401, code: "WRONG_CREDENTIALS", detail: "there is no account with this name and this password")

    /// The refresh token is not good. Why, is not said.
    static let refreshRefused = Problem(
        status: 401, code: "REFRESH_REFUSED", detail: "the refresh token is not good, or no longer: log in again")

    /// A request with cookies that another site could have made.
    static let crossSite = Problem(
        status: 403, code: "CSRF_HEADER_MISSING",
        detail:
            "a request that is authenticated by a cookie and is no GET needs the header X-Starling-Csrf, with any value"
    )

    /// A schema error of the request.
    init(_ error: BindingError) {
        self = .invalid(error.field, error.message)
    }

    /// What the engine refused.
    init(_ error: EngineError) {
        let detail = "\(error)"
        switch error {
        case .invalid(let field, let reason): self = .invalid(field, reason)
        case .selfFollow: self.init(status: 422, code: "SELF_FOLLOW", detail: detail)
        case .blocked: self.init(status: 403, code: "BLOCKED", detail: detail)
        case .privateAccount: self.init(status: 403, code: "PRIVATE_ACCOUNT", detail: detail)
        case .requestNotFound: self.init(status: 404, code: "FOLLOW_REQUEST_NOT_FOUND", detail: detail)
        case .postNotFound: self.init(status: 404, code: "POST_NOT_FOUND", detail: detail)
        case .userNotFound: self.init(status: 404, code: "USER_NOT_FOUND", detail: detail)
        case .notAuthor: self.init(status: 403, code: "NOT_AUTHOR", detail: detail)
        case .commentNotFound: self.init(status: 404, code: "COMMENT_NOT_FOUND", detail: detail)
        case .notCommentAuthor: self.init(status: 403, code: "NOT_AUTHOR", detail: detail)
        case .editConflict: self.init(status: 409, code: Self.editConflictCode, detail: detail)
        case .accountDeleted: self.init(status: 404, code: "ACCOUNT_DELETED", detail: detail)
        case .taken(let field): self = .taken(field, detail)
        case .credentialsChanged: self.init(status: 409, code: "CREDENTIALS_CHANGED", detail: detail)
        case .sessionEnded: self.init(status: 401, code: "SESSION_ENDED", detail: detail)
        case .idempotencyKeyReused: self.init(status: 422, code: "IDEMPOTENCY_KEY_REUSED", detail: detail)
        case .overloaded: self.init(status: 503, code: "OVERLOADED", detail: detail, retryAfterSeconds: 1)
        case .full: self.init(status: 507, code: "LIMIT_REACHED", detail: detail)
        case .outOfSpace: self.init(status: 507, code: "OUT_OF_SPACE", detail: detail, retryAfterSeconds: 10)
        case .notYetVisible: self.init(status: 503, code: "NOT_YET_VISIBLE", detail: detail, retryAfterSeconds: 1)
        case .snapshotFailed: self.init(status: 503, code: "SNAPSHOT_FAILED", detail: detail, retryAfterSeconds: 10)
        case .backupFailed: self.init(status: 422, code: "BACKUP_FAILED", detail: detail)
        case .closed: self.init(status: 503, code: "SHUTTING_DOWN", detail: detail, retryAfterSeconds: 5)
        case .unknownOutcome: self.init(status: 500, code: "OUTCOME_UNKNOWN", detail: detail, accepted: nil)
        case .configuration, .memory, .unreadableBody: self.init(status: 500, code: "INTERNAL", detail: detail)
        }
    }
}
