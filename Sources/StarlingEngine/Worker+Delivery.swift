import StarlingSystem

/// How long deliveries take.
extension Worker {
    /// Posts times followers that were looked at so far.
    var handled: UInt64 { pushed &+ pulled &+ skippedAway }

    /// The newest `count` posts are delivered; they were committed at `start`, in monotonic nanoseconds, or replayed (0).
    func noteDelivered(_ count: UInt64, since start: UInt64) {
        guard start != 0 else { return }
        let now = time.monotonicNanoseconds()
        let delay = now > start ? now - start : 0
        delays.record(delay, times: count)
        let newest = delivery.post
        let first = newest - PostOrdinal(min(count, UInt64(newest))) + 1
        for post in first...newest { deliveries.setDelay(of: post, microseconds: Self.microseconds(delay)) }
    }

    /// The slice ended inside of a post's fan-out.
    func noteProgress(since start: UInt64) {
        guard start != 0, isInsideRecord else { return }
        let done = UInt64(delivery.pushed) + UInt64(delivery.away)
        let all = UInt64(delivery.followers)
        let isHalf = delivery.medianMicroseconds == 0 && done * 2 >= all
        let isLate = delivery.lateMicroseconds == 0 && done * 100 >= all * 99
        guard isHalf || isLate else { return }
        let now = time.monotonicNanoseconds()
        let delay = Self.microseconds(now > start ? now - start : 0)
        if isHalf { delivery.medianMicroseconds = delay }
        if isLate { delivery.lateMicroseconds = delay }
    }

    /// At least 1: 0 stands for not known.
    private static func microseconds(_ nanoseconds: UInt64) -> UInt32 { max(1, UInt32(clamping: nanoseconds / 1_000)) }

    /// What became of a post here; nil before it is applied, or when its record is kept no longer.
    func deliveryRow(of post: PostOrdinal) -> DeliveryRow? {
        if isInsideRecord, delivery.post == post { return nil }
        return deliveries[post]
    }
}
