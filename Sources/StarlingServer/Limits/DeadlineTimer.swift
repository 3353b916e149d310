import NIOCore

/// Watches a deadline that moves: asks for it when it may have passed, and tells when it has. Moving it to later costs nothing
/// until then. Lives on its event loop.
final class DeadlineTimer {
    private let eventLoop: any EventLoop
    private var scheduled: Scheduled<Void>?
    private var scheduledFor = UInt64.max
    private var deadline: (() -> UInt64?)?
    private var expired: (() -> Void)?

    /// - Parameters:
    ///   - deadline: when it has passed, on the clock of `now`; nil while there is none.
    ///   - expired: what happens then. Both are let go by `stop`.
    init(eventLoop: any EventLoop, deadline: @escaping () -> UInt64?, expired: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.deadline = deadline
        self.expired = expired
    }

    /// Nanoseconds on the event loops' clock.
    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    /// To be called when the deadline may have come nearer.
    func update() {
        guard let next = deadline?() else { return }
        if scheduled != nil, scheduledFor <= next { return }
        schedule(next)
    }

    /// Watches no more.
    func stop() {
        scheduled?.cancel()
        (scheduled, deadline, expired) = (nil, nil, nil)
    }

    private func schedule(_ deadline: UInt64) {
        scheduled?.cancel()
        scheduledFor = deadline
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        scheduled = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(deadline)) { bound.value.fire() }
    }

    private func fire() {
        scheduled = nil
        guard let next = deadline?() else { return }
        if next <= Self.now { expired?() } else { schedule(next) }
    }
}

extension TimeAmount {
    /// As a number without a sign; less than nothing is nothing.
    var unsignedNanoseconds: UInt64 { UInt64(max(0, nanoseconds)) }
}
