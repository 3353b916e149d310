import NIOCore
import StarlingClient
import StarlingSchema
import SwiftProtobuf

/// A call of an operation, as both doors understand it.
struct DoorCall<Request: Message & Sendable, Response: Message & Sendable>: Sendable {
    /// Its name in the schema: what TCP needs.
    var operation: String
    var request: Request
    /// What HTTP needs.
    var method: String
    var target: String
    /// Whether HTTP sends the request as its body; otherwise the target says everything.
    var hasBody = false
    var actor: UInt64 = 0
    var key: String?
    /// How safe a write has to be before it is answered; unspecified for the server's own level.
    var durability = Starling_V1_Durability.unspecified
}

/// Why a call has no answer that says that it was done.
enum DoorFailure: Error, Sendable, CustomStringConvertible {
    /// The server says that nothing was done.
    case refused(status: Int, code: String, detail: String)
    /// It may or may not have been done.
    case unknown(String)
    /// The connection is gone, so it may or may not have been done, and nothing more can be sent.
    case lost(String)

    init(_ problem: Starling_V1_Problem) {
        if problem.hasAccepted, !problem.accepted {
            self = .refused(status: Int(problem.status), code: problem.code, detail: problem.detail)
        } else {
            self = .unknown("\(problem.status) \(problem.code): \(problem.detail)")
        }
    }

    var description: String {
        switch self {
        case .refused(let status, let code, let detail): "\(status) \(code): \(detail)"
        case .unknown(let reason), .lost(let reason): reason
        }
    }
}

/// A connection to a daemon, over one of its protocols.
protocol Door: Sendable {
    /// Calls may be unanswered at a time; answers come on an event loop.
    func call<Request, Response>(
        _ call: DoorCall<Request, Response>, completion: @escaping @Sendable (Result<Response, DoorFailure>) -> Void)
    func close() async
}

extension Door {
    /// Calls, and waits for the answer.
    func call<Request, Response>(_ call: DoorCall<Request, Response>) async throws(DoorFailure) -> Response {
        let result: Result<Response, DoorFailure> = await withCheckedContinuation { continuation in
            self.call(call) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

/// A connection by Starling's own protocol.
struct TCPDoor: Door {
    private let client: Client

    init(port: Int, group: any EventLoopGroup) async throws {
        do {
            client = try await Client.connect(host: "127.0.0.1", port: port, group: group)
        } catch {
            throw DoorFailure.lost("\(error)")
        }
    }

    func call<Request, Response>(
        _ call: DoorCall<Request, Response>, completion: @escaping @Sendable (Result<Response, DoorFailure>) -> Void
    ) {
        let context = Starling_V1_RequestContext.with {
            $0.actorID = call.actor
            $0.idempotencyKey = call.key ?? ""
            $0.durability = call.durability
        }
        client.call(call.operation, call.request, context: context) { (result: Result<Response, ClientError>) in
            completion(result.mapError(Self.failure))
        }
    }

    private static func failure(_ error: ClientError) -> DoorFailure {
        switch error {
        case .problem(let problem): DoorFailure(problem)
        case .connectionLost, .cannotConnect, .refused: .lost("\(error)")
        case .malformedAnswer, .unknownOperation, .requestTooLarge: .unknown("\(error)")
        }
    }

    func close() async { await client.close() }
}
