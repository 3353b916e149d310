import NIOCore
import StarlingLimits

/// The first handler of an HTTP connection, next to the socket: decides whether the connection stays, and ends it when the
/// client stops taking what is sent.
final class ConnectionGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let admission: ConnectionAdmission
    private let stalled: UInt64
    private var admitted: IPAddress?
    private var timer: DeadlineTimer?
    /// Bytes handed to the socket so far, and how many of them had left when progress was looked at last.
    private var written: UInt64 = 0
    private var left: UInt64 = 0
    private var lookedAt: UInt64 = 0

    /// Bytes in a second that a client must take at least once it is behind.
    private static let leastRate: UInt64 = 1_024

    /// - Parameter stalled: how long a client that is behind may be slower than 1 KiB a second.
    init(admission: ConnectionAdmission, stalled: TimeAmount) {
        self.admission = admission
        self.stalled = stalled.unsignedNanoseconds
    }

    func channelActive(context: ChannelHandlerContext) {
        let address = IPAddress(context.remoteAddress) ?? IPAddress(ipv4: 0)
        guard admission.admit(address, now: DeadlineTimer.now) == .admitted else { return context.close(promise: nil) }
        admitted = address
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.stop()
        timer = nil
        if let admitted { admission.release(admitted) }
        admitted = nil
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        written &+= UInt64(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            timer?.stop()
            timer = nil
        } else {
            watch(context)
        }
        context.fireChannelWritabilityChanged()
    }

    private func watch(_ context: ChannelHandlerContext) {
        left = gone(context)
        lookedAt = DeadlineTimer.now
        timer?.stop()
        timer = DeadlineTimer(
            eventLoop: context.eventLoop, deadline: { [self] in lookedAt &+ stalled },
            expired: { [self] in
                let now = gone(context)
                let asked = max(1, stalled / 1_000_000_000 * Self.leastRate)
                guard now &- left >= asked else { return context.close(promise: nil) }
                (left, lookedAt) = (now, DeadlineTimer.now)
                timer?.update()
            })
        timer?.update()
    }

    /// Bytes that the system has taken.
    private func gone(_ context: ChannelHandlerContext) -> UInt64 {
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        return written &- UInt64(max(0, waiting))
    }
}
