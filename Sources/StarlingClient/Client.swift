import NIOCore
import NIOPosix
import StarlingSchema
import StarlingWire
import SwiftProtobuf
import Synchronization

/// A connection to a Starling server over TCP. Any thread may call; calls from one thread reach the server in their order,
/// and answers may come in any order. Close it when done.
public final class Client: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    private let table: OperationTable
    /// What the server allows.
    public let server: ServerLimits

    /// What a server said of itself when the connection began.
    public struct ServerLimits: Sendable {
        /// Calls that may be unanswered; more are refused.
        public var inFlight: Int
        /// Bytes of a request.
        public var payloadBytes: Int
        /// Name and version.
        public var name: String
    }

    private init(
        channel: any Channel, handler: NIOLoopBound<ClientHandler>, table: OperationTable, server: ServerLimits
    ) {
        self.channel = channel
        self.handler = handler
        self.table = table
        self.server = server
    }

    /// Connects and exchanges prefaces. `token` is an access token; empty for none.
    public static func connect(
        host: String, port: Int, token: String = "", group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws(ClientError) -> Client {
        do {
            let table = try OperationTable()
            let prefaces = group.next().makePromise(of: ServerPreface.self)
            let bootstrap = ClientBootstrap(group: group)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 128 << 10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            ClientHandler(token: Array(token.utf8), preface: prefaces))
                    }
                }
            let channel = try await connect(bootstrap, host, port, prefaces)
            let preface = try await prefaces.futureResult.get()
            guard preface.status == .ok else { throw ClientError.refused(preface.text) }
            let handler = try await channel.eventLoop.submit {
                NIOLoopBound(
                    try channel.pipeline.syncOperations.handler(type: ClientHandler.self), eventLoop: channel.eventLoop)
            }.get()
            let limits = ServerLimits(
                inFlight: Int(preface.maxInFlight), payloadBytes: Int(preface.maxPayloadBytes), name: preface.text)
            return Client(channel: channel, handler: handler, table: table, server: limits)
        } catch let error as ClientError {
            throw error
        } catch {
            throw .cannotConnect(address: "\(host):\(port)", reason: "\(error)")
        }
    }

    private static func connect(
        _ bootstrap: ClientBootstrap, _ host: String, _ port: Int, _ prefaces: EventLoopPromise<ServerPreface>
    ) async throws -> any Channel {
        do {
            return try await bootstrap.connect(host: host, port: port).get()
        } catch {
            prefaces.fail(error)
            throw error
        }
    }

    /// Calls an operation by its name in the schema. `completion` runs once, on the connection's event loop.
    public func call<Request: Message, Response: Message>(
        _ operation: String, _ request: Request, context: Starling_V1_RequestContext? = nil,
        completion: @escaping @Sendable (Result<Response, ClientError>) -> Void
    ) {
        guard let known = table.operation(named: operation), known.input.fullName == Request.protoMessageName,
            known.output.fullName == Response.protoMessageName
        else { return completion(.failure(.unknownOperation(operation))) }
        let payload = MessageCoding.encode(request)
        guard payload.count <= server.payloadBytes else {
            let text = "the request has \(payload.count) bytes; the server takes \(server.payloadBytes)"
            return completion(.failure(.requestTooLarge(text)))
        }
        let opcode = known.opcode
        let handler = handler
        channel.eventLoop.execute {
            handler.value.send(opcode: opcode, payload: payload, context: context) { result in
                completion(
                    result.flatMap { bytes in
                        do {
                            let answer = try bytes.withUnsafeReadableBytes {
                                try MessageCoding.decode(Response.self, from: $0.bytes)
                            }
                            return .success(answer)
                        } catch {
                            return .failure(.malformedAnswer("\(error)"))
                        }
                    })
            }
        }
    }

    /// Calls an operation and waits for its answer.
    public func call<Request: Message, Response: Message>(
        _ operation: String, _ request: Request, answer: Response.Type,
        context: Starling_V1_RequestContext? = nil
    ) async throws(ClientError) -> Response {
        let result: Result<Response, ClientError> = await withCheckedContinuation { continuation in
            call(operation, request, context: context) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Ends the connection. Calls without an answer fail with `connectionLost`.
    public func close() async { try? await channel.close() }
}
