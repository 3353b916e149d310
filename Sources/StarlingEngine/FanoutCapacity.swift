import Synchronization

/// How many deliveries a worker makes in a second in which it has work. The worker's thread notes, any thread reads.
final class DeliveryRate: @unchecked Sendable {
    private var deliveries = 0.0
    private var nanoseconds = 0.0
    private let published = Atomic<UInt64>(0)

    /// A slice with fewer says more about clocks and caches than about fan-out.
    static let leastDeliveries: UInt64 = 1_000
    /// What came so many deliveries ago counts for 1/e: about a second of work.
    private static let memory = 16_000_000.0
    /// Before so many, nothing is said: the first ones meet cold memory.
    private static let leastEvidence = 100_000.0

    /// Takes notice of a slice: what it delivered and how long it took, whatever else it did in that time.
    func note(deliveries count: UInt64, nanoseconds time: UInt64) {
        guard count >= Self.leastDeliveries, time > 0 else { return }
        let kept = max(0, 1 - Double(count) / Self.memory)
        deliveries = deliveries * kept + Double(count)
        nanoseconds = nanoseconds * kept + Double(time)
        guard deliveries >= Self.leastEvidence else { return }
        published.store(UInt64(max(1, deliveries * 1e9 / nanoseconds)), ordering: .relaxed)
    }

    /// Deliveries a second, nil while there is too little to go by.
    var perSecond: UInt64? {
        let rate = published.load(ordering: .relaxed)
        return rate == 0 ? nil : rate
    }
}

/// What the rule by cost goes by: the write capacity of all workers together, and the share of it that one author may take. Any
/// thread.
final class FanoutCapacity: Sendable {
    private let rates: [DeliveryRate]
    /// In place of what is measured; 0 for none.
    private let given: Atomic<UInt64>
    /// The bits of a Double.
    private let shareBits: Atomic<UInt64>

    init(rates: [DeliveryRate], given: UInt64?, share: Double) {
        self.rates = rates
        self.given = Atomic(given ?? 0)
        shareBits = Atomic(share.bitPattern)
    }

    /// Deliveries a second; nil until something was measured. A worker that has shown nothing yet counts as the others do.
    var perSecond: UInt64? {
        let fixed = given.load(ordering: .relaxed)
        if fixed > 0 { return fixed }
        var sum: UInt64 = 0
        var measured: UInt64 = 0
        for rate in rates {
            guard let one = rate.perSecond else { continue }
            sum &+= one
            measured += 1
        }
        return measured == 0 ? nil : sum &* UInt64(rates.count) / measured
    }

    /// Sets the capacity in place of what is measured, for tests.
    func give(_ capacity: UInt64) { given.store(capacity, ordering: .relaxed) }

    /// 0 to 1; 0 turns the rule off.
    var share: Double {
        get { Double(bitPattern: shareBits.load(ordering: .relaxed)) }
        set { shareBits.store((newValue > 0 ? min(newValue, 1) : 0).bitPattern, ordering: .relaxed) }
    }

    /// How many deliveries a day pushing one author may take now.
    var limit: CostLimit { CostLimit(share: share, of: perSecond) }
}
