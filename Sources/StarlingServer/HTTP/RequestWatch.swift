import NIOCore
import NIOHTTP1
import StarlingLimits

/// Ends a connection whose client is too slow with a request. Fed by the handlers on both sides of the HTTP decoder; lives on
/// its event loop.
final class RequestWatch {
    private var pace: RequestPace
    private var timer: DeadlineTimer?

    init(_ limits: RequestPaceLimits, channel: any Channel) {
        pace = RequestPace(limits: limits, now: DeadlineTimer.now)
        timer = DeadlineTimer(
            eventLoop: channel.eventLoop, deadline: { [unowned self] in pace.deadline },
            expired: { channel.close(promise: nil) })
    }

    /// Tells the pace of an event, and when it was.
    @discardableResult
    func note<Result>(_ event: (inout RequestPace, UInt64) -> Result) -> Result { event(&pace, DeadlineTimer.now) }

    /// To be called after events: the deadline may have come nearer.
    func update() { timer?.update() }

    func stop() {
        timer?.stop()
        timer = nil
    }
}

/// Sees the bytes of requests before they are decoded.
final class RequestWatchHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let watch: RequestWatch

    init(_ watch: RequestWatch) { self.watch = watch }

    func channelActive(context: ChannelHandlerContext) {
        watch.update()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch.stop()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        guard watch.note({ $0.bytesCame(count, now: $1) }) else {
            return context.fireErrorCaught(HTTPParserError.invalidChunkSize)
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        watch.update()
        context.fireChannelReadComplete()
    }
}
