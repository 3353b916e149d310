import StarlingSystem

/// What became of one post's fan-out.
public struct DeliveryRecord: Sendable, Equatable {
    /// Followers that the author had when the post came.
    public var targeted: Int
    /// Of these, those whose timeline it was written to.
    public var pushed: Int
    /// Of these, those who merge it at read.
    public var pulled: Int
    /// Of these, those who were away.
    public var skippedAway: Int
    /// Whether every worker is done with it.
    public var isComplete: Bool
    /// How many microseconds after its commit half of the followers had it; of several workers' times the longest. Nil while
    /// it is being delivered, and for a post that was replayed at a start.
    public var medianMicroseconds: Int?
    /// The same for 99 of 100 followers.
    public var lateMicroseconds: Int?
}

extension Engine {
    /// The delivery record of a post; nil when there is no such post, when it is deleted or held back, or when more than
    /// `EngineConfiguration.deliveryRecords` posts came after it. Asks all workers.
    public func delivery(
        of post: PostID, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<DeliveryRecord?, EngineError>) -> Void
    ) {
        guard let ordinal = posts.findPost(post, among: posts.publishedCount), posts.deletedLSN(ordinal) == 0 else {
            return completion(.success(nil))
        }
        let lsn = posts.rows[Int(ordinal)].lsn
        let merge: @Sendable ([DeliveryPart]) -> DeliveryRecord? = { DeliveryPart.merge($0) }
        onAllWorkers(minimumLSN: minimumLSN, completion, merge) { worker in
            DeliveryPart(
                row: worker.deliveryRow(of: ordinal), isDone: worker.hasDelivered(ordinal, lsn: lsn),
                isHeld: worker.isHeld(ordinal))
        }
    }

    /// After how many seconds without a read a reader is away; 0 for never. A change counts from now on, and not over a restart.
    public var awayAfterSeconds: UInt32 {
        get { awayPolicy.seconds }
        set { awayPolicy.seconds = newValue }
    }
}

/// One worker's part of a delivery.
private struct DeliveryPart: Sendable {
    var row: DeliveryRow?
    /// Whether the worker is done with the post. Then a missing row was overwritten, or is another worker's since the readers
    /// were divided anew.
    var isDone: Bool
    var isHeld: Bool

    static func merge(_ parts: [DeliveryPart]) -> DeliveryRecord? {
        if parts.contains(where: \.isHeld) { return nil }
        let isComplete = parts.allSatisfy(\.isDone)
        let rows = parts.compactMap(\.row)
        if rows.isEmpty, isComplete { return nil }
        let sum = rows.reduce(into: DeliveryRow()) { $0.add($1) }
        return DeliveryRecord(
            targeted: Int(sum.followers), pushed: Int(sum.pushed), pulled: Int(sum.pulled), skippedAway: Int(sum.away),
            isComplete: isComplete,
            medianMicroseconds: isComplete && sum.medianMicroseconds > 0 ? Int(sum.medianMicroseconds) : nil,
            lateMicroseconds: isComplete && sum.lateMicroseconds > 0 ? Int(sum.lateMicroseconds) : nil)
    }
}
