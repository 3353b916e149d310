import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import StarlingSchema

/// Answers bytes that are no HTTP request with a problem document, and closes the connection: after a parse error nobody
/// knows where the next request begins.
final class MalformedRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isAnswering = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: isAnswering = true
        case .body, .end: break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .end: isAnswering = false
        case .head, .body: break
        }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let parseError = error as? HTTPParserError, !isAnswering else {
            context.fireErrorCaught(error)
            return
        }
        let isTooLarge = parseError == .headerOverflow
        let problem = Problem(
            status: isTooLarge ? 431 : 400, code: isTooLarge ? "HEADERS_TOO_LARGE" : "MALFORMED_REQUEST",
            detail: "these bytes are not an HTTP/1.1 request: \(parseError)")
        let (head, body) = GatewayAnswer.problem(problem, closes: true)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }
}
