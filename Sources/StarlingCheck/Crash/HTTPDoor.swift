import NIOCore
import NIOHTTP1
import NIOPosix
import StarlingSchema
import SwiftProtobuf

/// An HTTP/1.1 connection with pipelining.
struct HTTPDoor: Door {
    private let channel: any Channel
    private let handler: NIOLoopBound<PipeliningHandler>

    init(port: Int, group: any EventLoopGroup) async throws {
        do {
            let bootstrap = ClientBootstrap(group: group)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(PipeliningHandler())
                    }
                }
            let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
            self.channel = channel
            handler = try await channel.eventLoop.submit {
                NIOLoopBound(
                    try channel.pipeline.syncOperations.handler(type: PipeliningHandler.self),
                    eventLoop: channel.eventLoop)
            }.get()
        } catch {
            throw DoorFailure.lost("cannot connect to port \(port): \(error)")
        }
    }

    func call<Request, Response>(
        _ call: DoorCall<Request, Response>, completion: @escaping @Sendable (Result<Response, DoorFailure>) -> Void
    ) {
        var body: [UInt8] = []
        if call.hasBody {
            do { body = try call.request.jsonUTF8Bytes() } catch {
                return completion(.failure(.unknown("the request is no JSON: \(error)")))
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .init(rawValue: call.method), uri: call.target)
        head.headers.add(name: "Host", value: "localhost")
        if call.actor != 0 { head.headers.add(name: "X-Actor-Id", value: "\(call.actor)") }
        if let key = call.key { head.headers.add(name: "Idempotency-Key", value: key) }
        if let level = call.durability.header { head.headers.add(name: "X-Durability", value: level) }
        if call.hasBody { head.headers.add(name: "Content-Type", value: "application/json") }
        if call.hasBody || call.method != "GET" { head.headers.add(name: "Content-Length", value: "\(body.count)") }
        channel.eventLoop.execute { [handler, head, body] in
            handler.value.send(head, body) { completion($0.flatMap(Self.answer)) }
        }
    }

    private static func answer<Response: Message>(_ answer: HTTPReply) -> Result<Response, DoorFailure> {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        do {
            if (200..<300).contains(answer.status) {
                return .success(try Response(jsonUTF8Bytes: answer.body, options: options))
            }
            return .failure(DoorFailure(try Starling_V1_Problem(jsonUTF8Bytes: answer.body, options: options)))
        } catch {
            return .failure(.unknown("status \(answer.status), and the body cannot be read: \(error)"))
        }
    }

    func close() async { try? await channel.close() }
}

/// An answer, whole.
struct HTTPReply: Sendable {
    var status = 0
    var body: [UInt8] = []
}

/// Sends requests one behind the other and gives each the answer that comes in its turn. Lives on its channel's event
/// loop.
final class PipeliningHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart
    typealias Completion = (Result<HTTPReply, DoorFailure>) -> Void

    private var waiting = CircularBuffer<Completion>()
    private var reply = HTTPReply()
    private var context: ChannelHandlerContext?
    private var ending: DoorFailure?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func send(_ head: HTTPRequestHead, _ body: [UInt8], completion: @escaping Completion) {
        guard ending == nil, let context, context.channel.isActive else {
            return completion(.failure(ending ?? .lost("the connection is closed")))
        }
        waiting.append(completion)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !body.isEmpty { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): reply = HTTPReply(status: Int(head.status.code))
        case .body(let bytes): reply.body += bytes.readableBytesView
        case .end: if let first = waiting.popFirst() { first(.success(reply)) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.lost("the server closed the connection"), context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(.lost("\(error)"), context) }

    private func end(_ failure: DoorFailure, _ context: ChannelHandlerContext) {
        ending = ending ?? failure
        let lost = waiting
        waiting = []
        for completion in lost { completion(.failure(failure)) }
        context.close(promise: nil)
    }
}
