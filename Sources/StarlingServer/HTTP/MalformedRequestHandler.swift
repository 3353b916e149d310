import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import StarlingSchema

/// Answers bytes that are no HTTP request with a problem document, behind the answers to the requests before them, and says
/// that the connection ends: after a parse error nobody knows where the next request begins.
final class MalformedRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Requests that have come and are not answered.
    private var unanswered = 0
    private var isReadingBody = false
    /// Nothing that comes is a request any more.
    private var isBroken = false
    /// What is to be said when all before it is answered.
    private var deferred: Problem?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isBroken { return }
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            isReadingBody = true
        case .body: break
        case .end: isReadingBody = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            let isLast = isBroken && deferred == nil && unanswered == 1 && head.status.kind != .informational
            if isLast { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            context.write(data, promise: promise)
            if unanswered == 0, let problem = deferred {
                deferred = nil
                answer(problem, context: context)
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let problem = Self.problem(error) else { return context.fireErrorCaught(error) }
        guard !isBroken else { return }
        isBroken = true
        if isReadingBody {
            // Who waits for the body hears of it and answers; when there is an answer already, there is no more to say.
            if unanswered == 0 { return context.close(promise: nil) }
            context.fireErrorCaught(error)
        } else if unanswered > 0 {
            deferred = problem
        } else {
            answer(problem, context: context)
        }
    }

    private func answer(_ problem: Problem, context: ChannelHandlerContext) {
        let (head, body) = GatewayAnswer.problem(problem, closes: true)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private static func problem(_ error: any Error) -> Problem? {
        if let refused = error as? RefusedRequest { return refused.problem }
        guard let error = error as? HTTPParserError else { return nil }
        let isTooLarge = error == .headerOverflow
        return Problem(
            status: isTooLarge ? 431 : 400, code: isTooLarge ? "HEADERS_TOO_LARGE" : "MALFORMED_REQUEST",
            detail: "these bytes are not an HTTP/1.1 request: \(error)")
    }
}
