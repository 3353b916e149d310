import StarlingEngine
import StarlingSchema
import Testing

@testable import StarlingServer

/// How every refusal of the engine looks from outside.
@Suite struct ProblemTests {
    private static let post = PostID(rawValue: 7)
    private static let user = UserID(rawValue: 8)

    private static let cases: [(error: EngineError, expected: String, retryAfter: UInt32)] = [
        (.invalid(field: "text", reason: "too long"), "400 INVALID_ARGUMENT", 0),
        (.selfFollow(user), "422 SELF_FOLLOW", 0), (.postNotFound(post), "404 POST_NOT_FOUND", 0),
        (.userNotFound(user), "404 USER_NOT_FOUND", 0), (.notAuthor(post: post, actor: user), "403 NOT_AUTHOR", 0),
        (.idempotencyKeyReused("k"), "422 IDEMPOTENCY_KEY_REUSED", 0),
        (.overloaded(retryAfterMilliseconds: 100), "503 OVERLOADED", 1), (.full("posts"), "507 LIMIT_REACHED", 0),
        (.outOfSpace("no room"), "507 OUT_OF_SPACE", 10),
        (.notYetVisible(lsn: 9, appliedLSN: 8), "503 NOT_YET_VISIBLE", 1),
        (.closed, "503 SHUTTING_DOWN", 5), (.unknownOutcome("fdatasync"), "500 OUTCOME_UNKNOWN", 0),
        (.configuration("x"), "500 INTERNAL", 0), (.memory("x"), "500 INTERNAL", 0),
        (.unreadableBody("x"), "500 INTERNAL", 0),
    ]

    @Test func everyErrorHasItsStatusAndCode() {
        for (error, expected, retryAfter) in Self.cases {
            let problem = Problem(error).message
            #expect("\(problem.status) \(problem.code)" == expected)
            #expect(problem.retryAfterSeconds == retryAfter && problem.hasRetryAfterSeconds == (retryAfter > 0))
            #expect(!problem.title.isEmpty && problem.title != "Error", "\(expected)")
            #expect(problem.type == "urn:starling:problem:" + problem.code.lowercased().replacing("_", with: "-"))
            #expect(problem.detail.contains("\(error)"), "\(expected): \(problem.detail)")
        }
    }

    /// "Surely not done" is said of all but the one where nobody knows.
    @Test func onlyAnUnknownOutcomeMayHaveHappened() {
        for (error, expected, _) in Self.cases {
            let problem = Problem(error).message
            if case .unknownOutcome = error {
                #expect(!problem.hasAccepted)
            } else {
                #expect(problem.hasAccepted && !problem.accepted, "\(expected)")
            }
        }
    }

    /// Every case once; the names come from the cases themselves, so that a new one cannot be forgotten unseen.
    @Test func noCaseIsTestedTwice() {
        let names = Self.cases.map { String(String(reflecting: $0.error).prefix { $0 != "(" }) }
        #expect(Set(names).count == Self.cases.count)
    }

    @Test func invalidFieldsAreNamed() {
        let problem = Problem(.invalid(field: "rows[3].text", reason: "too long")).message
        #expect(problem.errors.map(\.field) == ["rows[3].text"] && problem.errors.map(\.message) == ["too long"])
        #expect(Problem(.selfFollow(Self.user)).message.errors.isEmpty)
    }
}
