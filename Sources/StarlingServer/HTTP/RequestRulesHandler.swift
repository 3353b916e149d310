import HTTPTypes
import NIOCore
import NIOHTTP1
import StarlingLimits
import StarlingSchema

/// A request that is HTTP, and yet is not taken, by what its header says about itself.
struct RefusedRequest: Error {
    let problem: Problem
}

/// Keeps a connection to the rules of HTTP/1.1 that the decoder leaves open: one `Host`, no other transfer coding than
/// `chunked`, no expectation but the one there is; and ends the connection behind the last answer, so that the client gets it
/// whole.
final class RequestRulesHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let watch: RequestWatch
    /// Requests whose answer has not been written.
    private var unanswered = 0
    /// No further request is taken; the connection ends behind the last answer.
    private var isEnding = false
    private var isInterim = false
    private var endTimer: Scheduled<Void>?

    /// How long the client has to read the last answer before the connection is cut. A connection that is closed while
    /// something unread arrives is reset, and the answer may be lost.
    private static let lingering = TimeAmount.seconds(1)

    init(_ watch: RequestWatch) { self.watch = watch }

    func channelInactive(context: ChannelHandlerContext) {
        endTimer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if endTimer != nil { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            watch.note { $0.headerEnded(now: $1) }
            // Whatever follows a request that was the last one is not looked at.
            guard !isEnding else { return }
            unanswered += 1
            if let problem = Self.violation(head) {
                isEnding = true
                return context.fireErrorCaught(RefusedRequest(problem: problem))
            }
            isEnding = !head.isKeepAlive
        case .body(let bytes): watch.note { pace, _ in pace.bodyCame(bytes.readableBytes) }
        case .end: watch.note { $0.requestEnded(now: $1) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            isInterim = (100..<200).contains(head.status.code)
            if isInterim { return context.writeAndFlush(data, promise: promise) }
            if head.headers["connection"].contains(where: { $0.lowercased() == "close" }) {
                isEnding = true
            } else if isEnding, unanswered <= 1 {
                head.headers.replaceOrAdd(name: "Connection", value: "close")
            }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            unanswered -= 1
            watch.note { $0.answered(now: $1) }
            guard isEnding, unanswered <= 0 else {
                context.write(data, promise: promise)
                return watch.update()
            }
            context.writeAndFlush(data, promise: promise)
            end(context)
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        guard endTimer == nil else { return }
        watch.stop()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        endTimer = context.eventLoop.scheduleTask(in: Self.lingering) { bound.value.close(promise: nil) }
        context.close(mode: .output, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if endTimer != nil, case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private static func violation(_ head: HTTPRequestHead) -> Problem? {
        guard head.version == .http1_1 || head.version == .http1_0 else {
            return malformed("only HTTP/1.0 and HTTP/1.1 are spoken here")
        }
        let hosts = head.headers["host"].count
        if hosts > 1 || (hosts == 0 && head.version == .http1_1) {
            return malformed("it must have one Host, and has \(hosts)")
        }
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            guard codings.count == 1, codings[0].lowercased() == "chunked", head.version == .http1_1 else {
                return malformed("the only transfer coding that is understood is chunked, in HTTP/1.1")
            }
            if head.headers.contains(name: "content-length") {
                return malformed("it has a Content-Length and a Transfer-Encoding")
            }
        }
        if head.headers["content-length"].count > 1 { return malformed("it has several Content-Lengths") }
        if head.method == .CONNECT { return malformed("this is no proxy") }
        let expectations = head.headers["expect"]
        if let other = expectations.first(where: { $0.lowercased() != "100-continue" }) {
            return Problem(
                status: 417, code: "EXPECTATION_FAILED", detail: "Expect: \(other.prefix(100)) is not understood")
        }
        return nil
    }

    private static func malformed(_ detail: String) -> Problem {
        Problem(status: 400, code: "MALFORMED_REQUEST", detail: "this is no request that can be taken: \(detail)")
    }
}
