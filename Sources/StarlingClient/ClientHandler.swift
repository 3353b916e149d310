import NIOCore
import StarlingSchema
import StarlingWire

/// The client's end of a connection: sends frames, and hands answers to those who wait for them. Lives on its channel's
/// event loop.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Completion = (Result<ByteBuffer, ClientError>) -> Void

    private let token: [UInt8]
    private let preface: EventLoopPromise<ServerPreface>
    private var hasPreface = false
    private var unread: ByteBuffer?
    private var waiting: [UInt64: Completion] = [:]
    private var nextCorrelation: UInt64 = 1
    private var context: ChannelHandlerContext?
    private var ending: ClientError?
    private let decoder = FrameDecoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))
    private let encoder = FrameEncoder(limits: WireLimits(maxPayloadBytes: WireLimits.greatestMaxPayloadBytes))

    init(token: [UInt8], preface: EventLoopPromise<ServerPreface>) {
        self.token = token
        self.preface = preface
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        var buffer = context.channel.allocator.buffer(capacity: 16)
        do throws(WireError) {
            try ClientPreface(token: token).encode(into: &buffer)
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        } catch {
            preface.fail(ClientError.refused("\(error)"))
            context.close(promise: nil)
        }
    }

    func send(
        opcode: UInt16, payload: [UInt8], context requestContext: Starling_V1_RequestContext?,
        completion: @escaping Completion
    ) {
        if let ending { return completion(.failure(ending)) }
        guard let context, context.channel.isActive else {
            return completion(.failure(.connectionLost("it is closed")))
        }
        let correlation = nextCorrelation
        nextCorrelation += 1
        var buffer = context.channel.allocator.buffer(capacity: payload.count + 64)
        do throws(WireError) {
            try encoder.writeRequest(
                opcode: opcode, correlation: correlation, context: requestContext, into: &buffer
            ) { $0.writeBytes(payload) }
        } catch {
            return completion(.failure(.requestTooLarge("\(error)")))
        }
        waiting[correlation] = completion
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if var before = unread {
            before.writeBuffer(&buffer)
            buffer = before
            unread = nil
        }
        do throws(WireError) {
            if !hasPreface, let answer = try ServerPreface.decode(from: &buffer) {
                hasPreface = true
                preface.succeed(answer)
            }
            while hasPreface, let frame = try decoder.next(from: &buffer) { take(frame) }
            if buffer.readableBytes > 0 {
                buffer.discardReadBytes()
                unread = buffer
            }
        } catch {
            end(.malformedAnswer("\(error)"), context: context)
        }
    }

    private func take(_ frame: Frame) {
        let problem = frame.header.flags.contains(.problem) ? Self.problem(frame.payload) : nil
        if let completion = waiting.removeValue(forKey: frame.header.correlation) {
            completion(problem.map { .failure(.problem($0)) } ?? .success(frame.payload))
        } else if frame.header.opcode == ProtocolOpcode.goAway, let problem {
            ending = .problem(problem)
        }
    }

    private static func problem(_ payload: ByteBuffer) -> Starling_V1_Problem {
        let decoded = try? payload.withUnsafeReadableBytes {
            try MessageCoding.decode(Starling_V1_Problem.self, from: $0.bytes)
        }
        return decoded ?? .init()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(ending ?? .connectionLost("the server closed it"), context: context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.connectionLost("\(error)"), context: context)
    }

    private func end(_ error: ClientError, context: ChannelHandlerContext) {
        ending = ending ?? error
        if !hasPreface {
            hasPreface = true
            preface.fail(error)
        }
        let lost = waiting
        waiting = [:]
        for completion in lost.values { completion(.failure(error)) }
        self.context = nil
        context.close(promise: nil)
    }
}
