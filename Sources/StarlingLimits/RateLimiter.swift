import StarlingSystem
import Synchronization

/// Who asks for what: what a request is charged by.
public struct LimitedRequest: Sendable {
    /// The client's address; nil where there is none.
    public var address: IPAddress?
    /// Who acts; nil when the request does not say.
    public var user: UInt64?
    /// What is asked for.
    public var route: LimitedRoute
    /// Tokens: 1, or as many as the request has rows.
    public var cost: UInt64

    /// A request.
    public init(address: IPAddress?, user: UInt64?, route: LimitedRoute, cost: UInt64 = 1) {
        self.address = address
        self.user = user
        self.route = route
        self.cost = cost
    }
}

/// What the limiter said about a request.
public struct RateLimitVerdict: Sendable, Equatable {
    /// A rule that covers the request, and how its bucket stands after it.
    public struct Standing: Sendable, Equatable {
        /// The rule's name.
        public let rule: String
        /// The most tokens that the bucket holds.
        public let burst: UInt64
        /// Seconds in which an empty bucket fills.
        public let window: UInt64
        /// Whole tokens that are left.
        public let remaining: UInt64
        /// Seconds until the bucket is full.
        public let fullAfter: UInt64
    }

    /// Why a request is refused.
    public struct Refusal: Sendable, Equatable {
        /// The rule's name.
        public let rule: String
        /// Seconds until there are enough tokens; nil when there never will be, since the request costs more than the
        /// bucket holds.
        public let retryAfter: UInt64?
    }

    /// How the buckets of all rules that cover the request stand.
    public internal(set) var standings: [Standing] = []
    /// The rule that refuses it; nil when it may go on.
    public internal(set) var refusal: Refusal?

    /// What is said where no rule applies.
    public static let free = RateLimitVerdict()
}

/// Charges requests to token buckets by rules. One for all doors. Any thread may call.
///
/// Cost of a charge: nothing without rules; else one hash and one lock held for a few loads, for each rule that covers it.
public final class RateLimiter: Sendable {
    /// The rules in force and their buckets. A value that is replaced as a whole.
    private struct Table: Sendable {
        var rules: [RateLimitRule] = []
        var buckets: [BucketTable] = []
        /// Indexes into `rules` by route number and method.
        var byRoute: [RouteKey: [Int]] = [:]
        /// Rules that are about no operation in particular, for routes that nobody has announced.
        var unbound: [Int] = []
    }

    private struct RouteKey: Hashable, Sendable {
        var number: UInt16
        var method: String
    }

    private let table = Mutex(Table())
    private let hasRules = Atomic(false)
    private let routes: [LimitedRoute]
    private let clock: any TimeSource
    private let places: Int
    /// What keys are hashed with, so that nobody can choose keys that meet in one place.
    let secret: Hash128

    /// Without rules.
    ///
    /// - Parameters:
    ///   - routes: all operations with all methods.
    ///   - places: how many keys each rule remembers.
    ///   - secret: what keys are hashed with; the same after a restart, or restored levels mean nothing.
    public init(routes: [LimitedRoute], places: Int, clock: any TimeSource, secret: Hash128) {
        self.routes = routes
        self.places = places
        self.clock = clock
        self.secret = secret
    }

    /// Whether there are rules. Without any nothing needs to be asked.
    public var isActive: Bool { hasRules.load(ordering: .acquiring) }

    /// The rules in force.
    public var rules: [RateLimitRule] { table.withLock { $0.rules } }

    /// Puts rules in force. A rule with the name and key of one before goes on with its buckets: a new rate is no new start.
    public func setRules(_ rules: [RateLimitRule]) {
        let now = clock.monotonicNanoseconds()
        table.withLock { table in
            var next = Table(rules: rules)
            next.buckets = rules.map { rule in
                guard let index = table.rules.firstIndex(where: { $0.name == rule.name && $0.key == rule.key }) else {
                    return BucketTable(rate: rule.rate, places: places)
                }
                let before = table.buckets[index]
                return before.rate == rule.rate ? before : Self.converted(before, rule.rate, places, now: now)
            }
            for route in routes {
                let covering = rules.indices.filter { rules[$0].covers(route) }
                if !covering.isEmpty { next.byRoute[RouteKey(number: route.number, method: route.method)] = covering }
            }
            next.unbound = rules.indices.filter { rules[$0].routes.isEmpty }
            table = next
        }
        hasRules.store(!rules.isEmpty, ordering: .releasing)
    }

    private static func converted(_ before: BucketTable, _ rate: TokenRate, _ places: Int, now: UInt64) -> BucketTable {
        let table = BucketTable(rate: rate, places: places)
        let levels = before.levels(now: now)
        for (key, level) in levels.buckets { table.restore(rate.level(level, from: before.rate), of: key, now: now) }
        table.restoreOverflow(rate.level(levels.overflow, from: before.rate), now: now)
        return table
    }

    /// Takes the request's cost from the buckets of all rules that cover it, or from none and says which rule refuses.
    public func charge(_ request: LimitedRequest) -> RateLimitVerdict {
        guard isActive else { return .free }
        let table = table.withLock { $0 }
        let covering = Self.covering(request.route, table)
        guard !covering.isEmpty else { return .free }
        let now = clock.monotonicNanoseconds()
        var verdict = RateLimitVerdict()
        var taken: [(BucketTable, UInt64, UInt64)] = []
        for index in covering {
            let (rule, buckets) = (table.rules[index], table.buckets[index])
            let key = key(of: request, by: rule)
            let units = rule.rate.units(of: request.cost)
            let outcome = buckets.take(units ?? .max, of: key, now: now)
            verdict.standings.append(Self.standing(rule, outcome.level))
            if outcome.isTaken, let units {
                taken.append((buckets, units, key))
            } else {
                let wait = units.map { max(1, TokenRate.seconds(rule.rate.nanoseconds(from: outcome.level, to: $0))) }
                verdict.refusal = .init(rule: rule.name, retryAfter: wait)
                for (buckets, units, key) in taken { buckets.giveBack(units, of: key) }
                break
            }
        }
        return verdict
    }

    private static func covering(_ route: LimitedRoute, _ table: Table) -> [Int] {
        if let found = table.byRoute[RouteKey(number: route.number, method: route.method)] { return found }
        guard route.number == 0 else { return [] }
        return table.unbound.filter { table.rules[$0].covers(route) }
    }

    private static func standing(_ rule: RateLimitRule, _ level: UInt64) -> RateLimitVerdict.Standing {
        let rate = rule.rate
        return .init(
            rule: rule.name, burst: rate.burst, window: rate.window, remaining: level / rate.period,
            fullAfter: TokenRate.seconds(rate.nanoseconds(from: level, to: rate.capacity)))
    }

    /// What the rule counts the request by, hashed.
    private func key(of request: LimitedRequest, by rule: RateLimitRule) -> UInt64 {
        var words: InlineArray<5, UInt64> = [0, 0, 0, 0, 0]
        let named = rule.key.contains(.user) ? request.user : nil
        if let named {
            words[0] = named
            words[4] |= 1
        }
        // Who does not say who it is, is its address.
        if rule.key.contains(.ip) || (rule.key.contains(.user) && named == nil),
            let address = request.address?.subscriber
        {
            words[1] = address.high
            words[2] = address.low
            words[4] |= 2
        }
        if rule.key.contains(.route) { words[3] = UInt64(request.route.number) + 1 }
        if rule.key.contains(.method) {
            for byte in request.route.method.utf8.prefix(7) { words[4] = words[4] << 8 | UInt64(byte) }
        }
        return words.span.bytes.withUnsafeBytes { SipHash.hash(words[4], $0, key: secret) }
    }

    // MARK: Over restarts

    /// The levels of all buckets that are not full, to be kept.
    public func levels() -> RateLimitLevels {
        let now = clock.monotonicNanoseconds()
        let table = table.withLock { $0 }
        return RateLimitLevels(
            secret: secret, wallMilliseconds: clock.wallMilliseconds(),
            rules: zip(table.rules, table.buckets).map { rule, buckets in
                let levels = buckets.levels(now: now)
                return .init(
                    name: rule.name, key: rule.key, rate: rule.rate, buckets: levels.buckets, overflow: levels.overflow)
            })
    }

    /// Takes up kept levels for the rules in force, with what came back since then by the wall clock. They must have been
    /// kept under the same `secret`.
    public func restore(_ levels: RateLimitLevels) {
        let now = clock.monotonicNanoseconds()
        let wall = clock.wallMilliseconds()
        let passed = wall > levels.wallMilliseconds ? wall - levels.wallMilliseconds : 0
        let (nanoseconds, overflow) = passed.multipliedReportingOverflow(by: 1_000_000)
        let table = table.withLock { $0 }
        for (rule, buckets) in zip(table.rules, table.buckets) {
            guard let kept = levels.rules.first(where: { $0.name == rule.name && $0.key == rule.key }) else { continue }
            let refill = { (level: UInt64) in
                rule.rate.refilled(rule.rate.level(level, from: kept.rate), after: overflow ? .max : nanoseconds)
            }
            for (key, level) in kept.buckets { buckets.restore(refill(level), of: key, now: now) }
            buckets.restoreOverflow(refill(kept.overflow), now: now)
        }
    }
}
