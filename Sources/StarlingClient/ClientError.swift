import StarlingSchema

/// Why a call over TCP failed.
public enum ClientError: Error, Sendable, CustomStringConvertible {
    /// The server could not be reached.
    case cannotConnect(address: String, reason: String)
    /// The server refused the connection in its preface.
    case refused(String)
    /// The server answered that the request failed.
    case problem(Starling_V1_Problem)
    /// The connection ended before the answer: the request may or may not have been carried out. Repeat it with the same
    /// idempotency key.
    case connectionLost(String)
    /// The server sent bytes that are no answer.
    case malformedAnswer(String)
    /// The schema has no such operation with these messages.
    case unknownOperation(String)
    /// The request is larger than the server takes.
    case requestTooLarge(String)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
        case .refused(let reason): "the server refused the connection: \(reason)"
        case .problem(let problem): "\(problem.status) \(problem.code): \(problem.detail)"
        case .connectionLost(let reason): "the connection was lost before the answer: \(reason)"
        case .malformedAnswer(let reason): "the server's answer cannot be read: \(reason)"
        case .unknownOperation(let name): "there is no operation \(name) with these messages"
        case .requestTooLarge(let reason): reason
        }
    }
}
