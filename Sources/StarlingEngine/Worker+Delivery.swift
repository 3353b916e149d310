import StarlingSystem

/// How long deliveries take.
extension Worker {
    /// Posts times followers that were looked at so far.
    var handled: UInt64 { pushed &+ pulled &+ skippedAway }

    /// How long ago `start` was, in nanoseconds; nil for a post that is replayed.
    func delay(since start: UInt64) -> UInt64? {
        guard start != 0 else { return nil }
        let now = time.monotonicNanoseconds()
        return now > start ? now - start : 0
    }

    /// The newest `count` posts, but for `aside` of them that were put aside, are delivered; they were committed at `start`, in
    /// monotonic nanoseconds, or replayed (0).
    func noteDelivered(_ count: UInt64, aside: UInt64, since start: UInt64) {
        guard let delay = delay(since: start) else { return }
        delays.record(delay, times: count - aside)
        let newest = delivery.post
        let first = newest - PostOrdinal(min(count, UInt64(newest))) + 1
        for post in first...newest { deliveries.setDelay(of: post, delay) }
    }

    /// The slice ended inside of a post's fan-out.
    func noteProgress(since start: UInt64) {
        guard start != 0, nextReader != 0 else { return }
        noteProgress(of: &delivery, since: start)
    }

    /// A piece of a post that was put aside is delivered.
    func noteProgress(of fanout: LargeFanout) {
        guard fanout.start != 0 else { return }
        fanout.noteDelays { noteProgress(of: &$0, since: fanout.start) }
    }

    private func noteProgress(of row: inout DeliveryRow, since start: UInt64) {
        let done = UInt64(row.pushed) + UInt64(row.away)
        let all = UInt64(row.followers)
        let isHalf = row.medianMicroseconds == 0 && done * 2 >= all
        let isLate = row.lateMicroseconds == 0 && done * 100 >= all * 99
        guard isHalf || isLate, let delay = delay(since: start) else { return }
        let microseconds = DeliveryRow.microseconds(delay)
        if isHalf { row.medianMicroseconds = microseconds }
        if isLate { row.lateMicroseconds = microseconds }
    }

    /// Whether the post, of record `lsn`, was given to all of its followers here.
    func hasDelivered(_ post: PostOrdinal, lsn: UInt64) -> Bool {
        appliedLSN >= lsn && !largeFanouts.contains { $0.post == post }
    }

    /// How many of these posts, from the first on, were given to all of their followers here. The last one is applied.
    func deliveredCount(of posts: ClosedRange<PostOrdinal>) -> Int {
        let unfinished = largeFanouts.first { $0.post >= posts.lowerBound }?.post ?? .max
        return Int(min(unfinished, posts.upperBound + 1) - posts.lowerBound)
    }

    /// What became of a post here; nil before it is delivered, or when its record is kept no longer.
    func deliveryRow(of post: PostOrdinal) -> DeliveryRow? {
        if nextReader != 0, delivery.post == post { return nil }
        return deliveries[post]
    }
}
