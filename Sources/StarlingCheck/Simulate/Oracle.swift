import StarlingEngine
import StarlingSystem

/// Says what each command must do and be answered, by a second and much simpler implementation of the rules, and keeps
/// the log that must come of it.
struct Oracle {
    /// Settings that the rules depend on.
    struct Rules {
        var population: Int
        var hysteresisPercent: Int
        var keyRetention: UInt64
        var maximumKeys: Int
        var notificationsKept: Int
        var moderation = ModerationMode.off
        /// The celebrity threshold that is configured; else the one that was kept.
        var threshold: Int?
        /// At the beginning.
        var cost = CostRule()
    }

    /// How many deliveries a day pushing one author may take.
    struct CostRule {
        /// Of the capacity; 0 turns the rule off.
        var share = 0.0
        /// Deliveries a second; nil for unknown.
        var capacity: UInt64?

        /// Nil when the rule is off or has nothing to go by.
        var limit: UInt64? {
            guard share > 0, let capacity else { return nil }
            return UInt64(share * Double(capacity) * 86_400)
        }
    }

    let rules: Rules
    /// Every record that was sequenced; the one at `i` has lsn `i + 1`.
    private(set) var history: [ExpectedFact] = []
    private(set) var model: FeedModel
    /// In force now.
    var threshold: Int
    var cost: CostRule
    /// Ids up to this time may have been given away before the last start.
    private(set) var reservedIDs: UInt64 = 0
    /// Authors that were switched, for the probes.
    private(set) var switches = Switches()

    struct Switches {
        var toPull = 0
        var toPush = 0
        var toPullForCost = 0
        var toPushForCost = 0
    }

    init(rules: Rules) {
        self.rules = rules
        threshold = rules.threshold ?? EngineConfiguration.defaultCelebrityThreshold
        cost = rules.cost
        model = Self.emptyModel(rules)
    }

    private static func emptyModel(_ rules: Rules) -> FeedModel {
        FeedModel(
            population: rules.population, keyRetention: rules.keyRetention,
            notificationsKept: rules.notificationsKept)
    }

    var lastLSN: UInt64 { UInt64(history.count) }

    /// The state after a record.
    func model(at lsn: UInt64) -> FeedModel {
        if lsn >= lastLSN { return model }
        var earlier = Self.emptyModel(rules)
        for fact in history.prefix(Int(lsn)) { earlier.apply(fact) }
        return earlier
    }

    mutating func record(_ change: ExpectedFact.Change, _ context: WriteContext, now: UInt64) {
        let fact = ExpectedFact(
            milliseconds: now, actor: context.actor.rawValue, key: context.idempotencyKey ?? "",
            fingerprint: context.idempotencyKey == nil ? .zero : context.fingerprint, change: change)
        history.append(fact)
        model.apply(fact)
        if case .switched(let change) = change { count(change) }
    }

    private mutating func count(_ change: ExpectedFact.Switch) {
        let costs = change.cost == nil ? 0 : 1
        if change.isPulled {
            switches.toPull += 1
            switches.toPullForCost += costs
        } else {
            switches.toPush += 1
            switches.toPushForCost += costs
        }
    }

    /// Takes notice of the id that the post of record `lsn` has got. Ids rise with the records, and never change. They are not
    /// learned in the order of the records: a write that asks for less is answered before one that asks for more.
    mutating func learn(_ id: UInt64, ofPostAt lsn: UInt64) throws(InvariantViolation) {
        guard lsn >= 1, lsn <= lastLSN, let known = history[Int(lsn - 1)].postID else {
            throw InvariantViolation(.phantom, "post \(id) is said to come of record \(lsn), which makes no post")
        }
        if known == id { return }
        guard known == 0 else {
            throw InvariantViolation(.identifiers, "the post of record \(lsn) has id \(id), it had \(known)")
        }
        let (below, above) = model.knownIDs(aroundPostAt: lsn)
        guard id > below, id < above else {
            throw InvariantViolation(
                .identifiers, "post \(id) of record \(lsn) is not between \(below) and \(above)")
        }
        history[Int(lsn - 1)].postID = id
        model.learn(id, ofPostAt: lsn)
    }

    /// Forgets the records after `lsn`, which a crash took, and whatever is not kept over a restart. New ids are later than
    /// `reserved`.
    mutating func restart(lastLSN lsn: UInt64, reservedIDs reserved: UInt64 = 0) {
        reservedIDs = reserved
        defer { threshold = rules.threshold ?? model.threshold ?? EngineConfiguration.defaultCelebrityThreshold }
        guard lsn < lastLSN else { return }
        model = model(at: lsn)
        history.removeLast(history.count - Int(lsn))
    }
}
