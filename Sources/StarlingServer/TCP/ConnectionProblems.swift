import StarlingEngine
import StarlingSchema
import StarlingWire

/// What a connection answers by itself, before or instead of an operation.
extension ConnectionHandler {
    static func classify(_ error: WireError) -> (status: UInt32, code: String, correlation: UInt64) {
        switch error {
        case .frameTooLarge(_, _, let correlation): (413, "FRAME_TOO_LARGE", correlation)
        case .unknownFlags(_, let correlation), .contextMissing(_, let correlation),
            .contextTooLong(_, _, let correlation), .badContext(_, let correlation):
            (400, "MALFORMED_FRAME", correlation)
        default: (400, "MALFORMED_FRAME", 0)
        }
    }

    static func tooManyInFlight(_ limit: UInt16) -> Problem {
        Problem(
            status: 429, code: "TOO_MANY_IN_FLIGHT",
            detail: "more than \(limit) requests of this connection are unanswered; wait for answers",
            retryAfterSeconds: 1)
    }

    static func unknownOpcode(_ opcode: UInt16) -> Problem {
        Problem(
            status: 404, code: "UNKNOWN_OPERATION",
            detail: "there is no operation with opcode \(opcode); see protocol.md")
    }

    static func adminOnly(_ operation: Operation) -> Problem {
        Problem(
            status: 403, code: "ADMIN_ONLY",
            detail: "\(operation.name) is served on the admin listener, not on a TCP listener that others can reach")
    }
}
