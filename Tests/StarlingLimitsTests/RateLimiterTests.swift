import StarlingSystem
import Testing

@testable import StarlingLimits

@Suite struct RateLimiterTests {
    static let routes = [
        LimitedRoute(number: 16, name: "Follow", method: "PUT"),
        LimitedRoute(number: 48, name: "CreatePost", method: "POST"),
        LimitedRoute(number: 49, name: "GetPost", method: "GET"), LimitedRoute(number: 0, name: "", method: "GET"),
    ]

    static func limiter(_ rules: [RateLimitRule], _ time: ManualTime, places: Int = 4_096) -> RateLimiter {
        let limiter = RateLimiter(routes: routes, places: places, clock: time, secret: Hash128(high: 1, low: 2))
        limiter.setRules(rules)
        return limiter
    }

    static func rule(
        _ name: String, _ key: Set<RateLimitRule.KeyPart>, _ rate: String, burst: UInt64, methods: Set<String> = [],
        routes: Set<String> = []
    ) throws -> RateLimitRule {
        try RateLimitRule(
            name: name, key: key, rate: try #require(TokenRate(rate, burst: burst)), methods: methods, routes: routes)
    }

    static func request(_ address: UInt32?, _ user: UInt64?, route: Int = 1, cost: UInt64 = 1) -> LimitedRequest {
        LimitedRequest(address: address.map { IPAddress(ipv4: $0) }, user: user, route: routes[route], cost: cost)
    }

    /// Each rule with a bucket for each key, in plain dictionaries and unbounded numbers.
    private struct Model {
        var rules: [RateLimitRule]
        var levels: [String: (level: UInt128, at: UInt64)] = [:]

        mutating func allows(_ request: LimitedRequest, now: UInt64) -> Bool {
            var after = levels
            for rule in rules where rule.covers(request.route) {
                var key = rule.name
                for part in RateLimitRule.KeyPart.allCases where rule.key.contains(part) {
                    switch part {
                    case .ip: key += "/ip \(request.address?.subscriber.description ?? "")"
                    case .user:
                        key +=
                            request.user.map { "/user \($0)" } ?? "/ip \(request.address?.subscriber.description ?? "")"
                    case .route: key += "/route \(request.route.number)"
                    case .method: key += "/method \(request.route.method)"
                    }
                }
                let capacity = UInt128(rule.rate.burst) * UInt128(rule.rate.period)
                let before = after[key] ?? (capacity, now)
                let level = min(capacity, before.level + UInt128(now - before.at) * UInt128(rule.rate.tokens))
                let units = UInt128(request.cost) * UInt128(rule.rate.period)
                guard level >= units else { return false }
                after[key] = (level - units, now)
            }
            levels = after
            return true
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func itDecidesAsTheModel(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let parts = RateLimitRule.KeyPart.allCases
        var rules: [RateLimitRule] = []
        for number in 0..<Int.random(in: 1...4, using: &random) {
            let key = Set(parts.filter { _ in Bool.random(using: &random) })
            rules.append(
                try Self.rule(
                    "r\(number)", key,
                    "\(Int.random(in: 1...20, using: &random))/\(Int.random(in: 1...90, using: &random))s",
                    burst: UInt64.random(in: 1...12, using: &random),
                    methods: Bool.random(using: &random) ? ["POST", "PUT"] : [],
                    routes: Bool.random(using: &random) ? ["CreatePost", "GetPost"] : []))
        }
        let time = ManualTime()
        let limiter = Self.limiter(rules, time)
        var model = Model(rules: rules)
        var refused = 0
        for _ in 0..<2_000 {
            time.pass(nanoseconds: UInt64.random(in: 0...600_000_000, using: &random))
            let request = Self.request(
                Bool.random(using: &random) ? UInt32.random(in: 1...3, using: &random) : nil,
                Bool.random(using: &random) ? UInt64.random(in: 1...3, using: &random) : nil,
                route: Int.random(in: 0..<4, using: &random), cost: UInt64.random(in: 1...3, using: &random))
            let verdict = limiter.charge(request)
            let expected = model.allows(request, now: time.monotonicNanoseconds())
            #expect((verdict.refusal == nil) == expected)
            guard let refusal = verdict.refusal else { continue }
            refused += 1
            let rule = try #require(rules.first { $0.name == refusal.rule })
            #expect((refusal.retryAfter == nil) == (request.cost > rule.rate.burst))
        }
        #expect(refused > 0)
    }

    /// After the seconds that a refusal names the same request is taken, and a second before it is not.
    @Test func retryAfterIsTrue() throws {
        let time = ManualTime()
        let limiter = Self.limiter([try Self.rule("a", [.ip], "3/7s", burst: 5)], time)
        for _ in 0..<5 { #expect(limiter.charge(Self.request(1, nil)).refusal == nil) }
        for cost in [1, 2, 5] as [UInt64] {
            let wait = try #require(limiter.charge(Self.request(1, nil, cost: cost)).refusal?.retryAfter)
            time.pass(nanoseconds: (wait - 1) * 1_000_000_000)
            #expect(limiter.charge(Self.request(1, nil, cost: cost)).refusal != nil)
            time.pass(seconds: 1)
            #expect(limiter.charge(Self.request(1, nil, cost: cost)).refusal == nil)
        }
        #expect(limiter.charge(Self.request(1, nil, cost: 6)).refusal?.retryAfter == nil, "never")
        #expect(limiter.charge(Self.request(1, nil, cost: .max)).refusal?.retryAfter == nil, "never")
    }

    /// What one rule refuses costs nothing at the others.
    @Test func aRefusalTakesNothing() throws {
        let time = ManualTime()
        let rules = [
            try Self.rule("wide", [.ip], "1/h", burst: 10), try Self.rule("narrow", [.user], "1/h", burst: 2),
        ]
        let limiter = Self.limiter(rules, time)
        for _ in 0..<20 { _ = limiter.charge(Self.request(1, 7)) }
        let standings = limiter.charge(Self.request(1, 7, cost: 0)).standings
        #expect(standings.map(\.remaining) == [8, 0] && standings.map(\.burst) == [10, 2])
        #expect(standings[0].fullAfter == 2 * 3_600 && standings[0].window == 10 * 3_600)
    }

    @Test func rulesAreForTheirRoutes() throws {
        let time = ManualTime()
        let rules = [
            try Self.rule("posts", [], "1/h", burst: 1, routes: ["CreatePost"]),
            try Self.rule("writes", [], "1/h", burst: 3, methods: ["POST", "PUT"]),
        ]
        let limiter = Self.limiter(rules, time)
        #expect(limiter.charge(Self.request(1, nil, route: 1)).standings.map(\.rule) == ["posts", "writes"])
        #expect(limiter.charge(Self.request(1, nil, route: 0)).standings.map(\.rule) == ["writes"])
        #expect(limiter.charge(Self.request(1, nil, route: 2)).standings.isEmpty)
        #expect(limiter.charge(Self.request(1, nil, route: 3)).standings.isEmpty)
        #expect(limiter.charge(Self.request(1, nil, route: 1)).refusal?.rule == "posts")
        #expect(limiter.charge(Self.request(2, 9, route: 0)).refusal == nil)
        #expect(limiter.charge(Self.request(3, 9, route: 0)).refusal?.rule == "writes", "all share it")
    }

    /// Whoever invents keys, in whatever number, gets no more out of all of them together than the table's buckets and the
    /// one that all others share hold.
    @Test func cyclingKeysBringsNothing() throws {
        let time = ManualTime()
        let limiter = Self.limiter([try Self.rule("a", [.user], "1/h", burst: 2)], time, places: 128)
        var taken = 0
        for _ in 0..<3 {
            for user in 1...20_000 as ClosedRange<UInt64> where limiter.charge(Self.request(1, user)).refusal == nil {
                taken += 1
            }
        }
        #expect(taken <= 2 * 128 + 2)
        // A key that was there is still known.
        #expect(limiter.charge(Self.request(1, 1)).refusal != nil)
        // When the buckets are full again the places are anybody's.
        time.pass(seconds: 7_200)
        #expect(limiter.charge(Self.request(1, 999_999)).refusal == nil)
    }

    @Test func newRulesGoOnWithTheOldBuckets() throws {
        let time = ManualTime()
        let limiter = Self.limiter([try Self.rule("a", [.user], "1/h", burst: 4)], time)
        for _ in 0..<4 { _ = limiter.charge(Self.request(1, 7)) }
        limiter.setRules([try Self.rule("a", [.user], "1/s", burst: 10)])
        #expect(limiter.charge(Self.request(1, 7)).refusal?.retryAfter == 1, "no fresh bucket")
        #expect(limiter.charge(Self.request(1, 8, cost: 10)).refusal == nil)
        limiter.setRules([try Self.rule("a", [.ip], "1/s", burst: 10)])
        #expect(limiter.charge(Self.request(1, 7)).refusal == nil, "another key is another rule")
        limiter.setRules([])
        #expect(limiter.charge(Self.request(1, 7, cost: 1_000)) == .free)
    }

    /// Two addresses of one IPv6 network share; so do an IPv4 address and its form in IPv6.
    @Test func addressesAreNormalised() throws {
        let limiter = Self.limiter([try Self.rule("a", [.ip], "1/h", burst: 1)], ManualTime())
        func charge(_ text: String) throws -> Bool {
            let request = LimitedRequest(address: try #require(IPAddress(text)), user: nil, route: Self.routes[1])
            return limiter.charge(request).refusal == nil
        }
        #expect(try charge("2001:db8:1:2::1"))
        #expect(try !charge("2001:db8:1:2:3:4:5:6"))
        #expect(try charge("2001:db8:1:3::1"))
        #expect(try charge("192.0.2.1"))
        #expect(try !charge("::ffff:192.0.2.1"))
    }

    @Test func chargesFromManyThreadsAreExact() async throws {
        let limiter = Self.limiter([try Self.rule("a", [], "1/d", burst: 5_000)], ManualTime())
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1_000).count { _ in limiter.charge(Self.request(1, nil)).refusal == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 5_000)
    }

    @Test(arguments: ["", "a b", "a\nb", "a\"b", String(repeating: "x", count: 65), "ä"])
    func namesThatCannotStandInAHeader(name: String) throws {
        let rate = try #require(TokenRate("1/s", burst: 1))
        #expect(throws: RateLimitRuleError.self) { try RateLimitRule(name: name, key: [], rate: rate) }
    }
}
