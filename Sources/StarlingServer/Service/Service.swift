import NIOPosix
import StarlingEngine
import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// The operations of the schema, each bound to what does it. Both doors call it; neither knows an operation by name.
final class Service: Sendable {
    let table: OperationTable
    let engine: Engine
    let cursors: CursorSigner
    let settings: RuntimeSettings
    let limiter: RequestLimiter
    let accounts: AccountServices
    let authenticator: Authenticator
    /// Where post bodies are read: that may wait for the disk, and workers and event loops must not.
    let bodyReaders: NIOThreadPool
    private let limits: RequestLimits
    private let handlers: [UInt16: Handler]

    /// An answer before it is encoded.
    struct Answer: Sendable {
        var message: any Message
        var isReplay: Bool
        var cookies: SessionCookies?
    }

    /// One operation: decodes the payload, does the work, answers.
    typealias Handler =
        @Sendable (_ payload: [UInt8], CallContext, @escaping @Sendable (Result<Answer, Problem>) -> Void) -> Void

    /// Binds every operation of the table; one without something that does it is a defect of this build.
    init(
        table: OperationTable, engine: Engine, cursors: CursorSigner, settings: RuntimeSettings,
        limiter: RequestLimiter, accounts: AccountServices, bodyReaders: NIOThreadPool
    ) throws(UnboundOperation) {
        self.table = table
        self.engine = engine
        self.cursors = cursors
        self.settings = settings
        self.limiter = limiter
        self.accounts = accounts
        self.bodyReaders = bodyReaders
        authenticator = Authenticator(engine: engine, accounts: accounts, isOn: settings.isAuthenticated)
        limits = RequestLimits(schema: table.schema)
        var bindings = Bindings(table: table, limits: limits, limiter: limiter)
        let operations = OperationSet(
            engine: engine, cursors: cursors, settings: settings, accounts: accounts, bodyReaders: bodyReaders)
        operations.bindGraph(&bindings)
        operations.bindPosts(&bindings)
        operations.bindFeed(&bindings)
        operations.bindEngagement(&bindings)
        operations.bindNotifications(&bindings)
        operations.bindModeration(&bindings)
        operations.bindAdmin(&bindings)
        operations.bindTopics(&bindings)
        operations.bindSessions(&bindings)
        operations.bindAccounts(&bindings)
        handlers = bindings.handlers
        if let missing = table.operations.first(where: { bindings.handlers[$0.opcode] == nil }) {
            throw UnboundOperation(name: missing.fullName)
        }
    }

    /// Calls an operation with its request in binary. `respond` runs once, on any thread.
    func call(
        _ operation: Operation, payload: [UInt8], _ context: CallContext,
        respond: @escaping @Sendable (Result<Answer, Problem>) -> Void
    ) {
        if context.idempotencyKey != nil, !operation.isWrite {
            respond(.failure(.invalid("Idempotency-Key", "this operation does not write")))
            return
        }
        guard let handler = handlers[operation.opcode] else {
            preconditionFailure("init has checked that every operation is bound")
        }
        handler(payload, context, respond)
    }
}

/// An operation of the schema that nothing does.
struct UnboundOperation: Error, CustomStringConvertible {
    let name: String
    var description: String { "no code is bound to the operation \(name) of the schema" }
}

extension AcknowledgementLevel {
    /// The level as the schema shows it.
    var schema: Starling_V1_Durability {
        switch self {
        case .memory: .memory
        case .os: .os
        case .disk: .disk
        }
    }
}

/// Collects what does each operation, with the decoding and checking that all share.
struct Bindings {
    let table: OperationTable
    let limits: RequestLimits
    let limiter: RequestLimiter
    private(set) var handlers: [UInt16: Service.Handler] = [:]

    init(table: OperationTable, limits: RequestLimits, limiter: RequestLimiter) {
        self.table = table
        self.limits = limits
        self.limiter = limiter
    }

    /// Binds the operation `name`, whose messages are those of `body`.
    mutating func bind<Request: Message, Response: Message>(
        _ name: String,
        _ body: @escaping @Sendable (Request, Call, @escaping Respond<Response>) -> Void
    ) {
        guard let operation = table.operation(named: name), operation.input.fullName == Request.protoMessageName,
            operation.output.fullName == Response.protoMessageName
        else { preconditionFailure("\(name) is not an operation of the schema with these messages") }
        let (limits, limiter) = (limits, limiter)
        let opcode = operation.opcode
        handlers[opcode] = { payload, context, respond in
            let request: Request
            do {
                request = try MessageCoding.decode(Request.self, from: payload.span.bytes)
                try limits.check(request)
            } catch let error as BindingError {
                return respond(.failure(Problem(error)))
            } catch {
                return respond(.failure(.invalid("", "\(error)")))
            }
            if let problem = limiter.chargeParts(of: request, context.charge) { return respond(.failure(problem)) }
            let call = Call(context: context, opcode: opcode, request: request)
            body(request, call) { result in
                respond(
                    result.map {
                        Service.Answer(message: $0.response, isReplay: $0.isReplay, cookies: $0.cookies)
                    })
            }
        }
    }
}

/// One call of an operation, for those who need to know who acts.
struct Call: Sendable {
    let context: CallContext
    let opcode: UInt16
    /// The request's hash under this operation, to tell a repetition from another request. Only needed with a key.
    let fingerprint: Hash128

    init(context: CallContext, opcode: UInt16, request: some Message) {
        self.context = context
        self.opcode = opcode
        // Encoded anew, so that the same request is the same over both doors.
        fingerprint =
            context.idempotencyKey == nil
            ? .zero
            : MessageCoding.encode(request).withUnsafeBytes {
                Murmur3.hash($0, seed: Hash128(high: 0, low: UInt64(opcode)))
            }
    }

    /// The actor: the one that the message names, or else the one that came with the request; they must not differ.
    func actor(named field: UInt64) throws(Problem) -> UserID {
        guard let actor = context.actor else {
            if field == 0 { throw .actorRequired }
            return UserID(rawValue: field)
        }
        if field != 0, field != actor.rawValue { throw .actorMismatch }
        return actor
    }

    /// The write's context for the engine.
    func write(by actor: UserID) -> WriteContext {
        WriteContext(
            actor: actor, idempotencyKey: context.idempotencyKey, fingerprint: fingerprint,
            durability: context.durability)
    }
}
