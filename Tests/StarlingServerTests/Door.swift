import Foundation
import StarlingClient
import StarlingSchema
import StarlingTestSupport
import SwiftProtobuf

/// A way to call operations: each is called by the schema's name, and answers with the schema's messages.
protocol Door: Sendable {
    func call<Request: Message, Answer: Message & Equatable>(
        _ operation: String, _ request: Request, answer: Answer.Type, _ context: Starling_V1_RequestContext
    ) async throws -> Answered<Answer>
}

/// What a door answered.
enum Answered<Answer: Message & Equatable>: Equatable {
    case success(Answer)
    case problem(Starling_V1_Problem)

    /// The answer; the test fails when there was a problem.
    func success() throws -> Answer {
        switch self {
        case .success(let answer): answer
        case .problem(let problem): throw ClientError.problem(problem)
        }
    }

    /// Status and code, such as `404 POST_NOT_FOUND`; `ok` without a problem.
    var verdict: String {
        switch self {
        case .success: "ok"
        case .problem(let problem): "\(problem.status) \(problem.code)"
        }
    }
}

/// The TCP door, through the client library.
struct TCPDoor: Door {
    let client: Client

    func call<Request: Message, Answer: Message & Equatable>(
        _ operation: String, _ request: Request, answer: Answer.Type, _ context: Starling_V1_RequestContext
    ) async throws -> Answered<Answer> {
        do throws(ClientError) {
            return .success(try await client.call(operation, request, answer: answer, context: context))
        } catch {
            if case .problem(let problem) = error { return .problem(problem) }
            throw error
        }
    }
}

/// The HTTP doors. Makes the HTTP request from the message by one of the operation's routes, and the message from the
/// JSON, with SwiftProtobuf's own JSON and nothing of the server's.
struct HTTPDoor: Door {
    let daemon: TestDaemon
    /// Which route of the operation is used, when it has that many; otherwise the last one.
    var route = 0
    let table: OperationTable

    init(_ daemon: TestDaemon, route: Int = 0) throws {
        self.daemon = daemon
        self.route = route
        table = try OperationTable()
    }

    struct NoSuchOperation: Error { let name: String }

    func call<Request: Message, Answer: Message & Equatable>(
        _ operation: String, _ request: Request, answer: Answer.Type, _ context: Starling_V1_RequestContext
    ) async throws -> Answered<Answer> {
        guard let operation = table.operation(named: operation) else { throw NoSuchOperation(name: operation) }
        let binding = operation.bindings[min(route, operation.bindings.count - 1)]
        let (target, body) = try Self.parts(of: request, binding)
        let connection = try operation.isAdmin ? daemon.admin() : daemon.http()
        let reply = try await connection.request(
            binding.method.rawValue, target, Self.fields(context), body: body)
        if reply.status == operation.successStatus { return .success(try Answer(jsonUTF8Bytes: reply.body)) }
        return .problem(try Starling_V1_Problem(jsonUTF8Bytes: reply.body))
    }

    /// The target and the body that carry `request` by this route.
    private static func parts(of request: some Message, _ binding: HTTPBinding) throws -> (String, [UInt8]?) {
        let object = try JSONSerialization.jsonObject(with: try request.jsonUTF8Data())
        var members = object as? [String: Any] ?? [:]
        var path = ""
        for segment in binding.template.segments {
            switch segment {
            case .literal(let text): path += "/\(text)"
            case .variable(let name): path += "/\(members.removeValue(forKey: camelCase(name)) ?? "0")"
            }
        }
        if let verb = binding.template.verb { path += ":\(verb)" }
        if binding.hasBody { return (path, Array(try JSONSerialization.data(withJSONObject: members))) }
        let items = members.sorted { $0.key < $1.key }.map { name, value in
            let text = (value as? [Any])?.map { "\($0)" }.joined(separator: ",") ?? queryText(value)
            return "\(name)=\(text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
        }
        return (items.isEmpty ? path : path + "?" + items.joined(separator: "&"), nil)
    }

    private static func queryText(_ value: Any) -> String {
        if let flag = value as? Bool, "\(type(of: value))".contains("Bool") { return flag ? "true" : "false" }
        return "\(value)"
    }

    private static func camelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        return parts[0] + parts.dropFirst().map(\.capitalized).joined()
    }

    private static func fields(_ context: Starling_V1_RequestContext) -> [String: String] {
        var fields: [String: String] = [:]
        if context.actorID != 0 { fields["X-Actor-Id"] = "\(context.actorID)" }
        if !context.idempotencyKey.isEmpty { fields["Idempotency-Key"] = context.idempotencyKey }
        if context.minLsn != 0 { fields["X-Min-Lsn"] = "\(context.minLsn)" }
        if context.durability != .unspecified { fields["X-Durability"] = "\(context.durability)".uppercased() }
        return fields
    }
}

extension Door {
    /// Calls without a context.
    func call<Request: Message, Answer: Message & Equatable>(
        _ operation: String, _ request: Request, answer: Answer.Type
    ) async throws -> Answered<Answer> {
        try await call(operation, request, answer: answer, .init())
    }

    func call<Request: Message, Answer: Message & Equatable>(
        _ operation: String, _ request: Request, answer: Answer.Type, actor: UInt64
    ) async throws -> Answered<Answer> {
        try await call(operation, request, answer: answer, .with { $0.actorID = actor })
    }

    @discardableResult
    func follow(_ follower: UInt64, _ followee: UInt64) async throws -> Starling_V1_FollowResponse {
        let request = Starling_V1_FollowRequest.with {
            $0.userID = follower
            $0.targetID = followee
        }
        return try await call("Follow", request, answer: Starling_V1_FollowResponse.self).success()
    }

    func post(_ author: UInt64, _ text: String, key: String = "") async throws -> Starling_V1_CreatePostResponse {
        let request = Starling_V1_CreatePostRequest.with {
            $0.authorID = author
            $0.text = text
        }
        return try await call(
            "CreatePost", request, answer: Starling_V1_CreatePostResponse.self, .with { $0.idempotencyKey = key }
        ).success()
    }
}
