import StarlingLimits
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// The one limiter of all doors, in terms of the schema's operations.
struct RequestLimiter: Sendable {
    let limiter: RateLimiter

    /// The methods that requests without an operation are told apart by; others count as none of them.
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    init(table: OperationTable, places: Int, clock: any TimeSource, secret: Hash128) {
        let routes = table.operations.flatMap { operation in
            let methods = Set(operation.bindings.map(\.method.rawValue) + [Self.method(of: operation)])
            return methods.sorted().map {
                LimitedRoute(number: operation.opcode, name: operation.name, method: $0)
            }
        }
        limiter = RateLimiter(routes: routes, places: places, clock: clock, secret: secret)
    }

    /// Over TCP an operation counts as asked for by its first route.
    private static func method(of operation: Operation) -> String {
        operation.bindings.first?.method.rawValue ?? "POST"
    }

    /// What an operation is to the rules. `method` is nil over TCP.
    static func route(_ operation: Operation, method: String? = nil) -> LimitedRoute {
        LimitedRoute(number: operation.opcode, name: operation.name, method: method ?? Self.method(of: operation))
    }

    /// What a request is to the rules that reaches no operation.
    static func route(method: String) -> LimitedRoute {
        LimitedRoute(number: 0, name: "", method: methods.contains(method) ? method : "")
    }

    /// Charges a request; the problem to answer with when it is refused.
    func charge(_ request: LimitedRequest) -> Problem? {
        let verdict = limiter.charge(request)
        return verdict.refusal.map { Problem($0, cost: request.cost) }
    }

    /// Charges what a request of many parts costs beyond the one token that its door has taken.
    func chargeParts(of request: some Message, _ charge: LimitedRequest?) -> Problem? {
        // In this order: without rules nobody pays for the cast.
        guard limiter.isActive, var charge, let counted = request as? any CountedRequest, counted.partCount > 1 else {
            return nil
        }
        charge.cost = UInt64(counted.partCount - 1)
        return self.charge(charge)
    }
}

extension Problem {
    /// A rule refused a request.
    init(_ refusal: RateLimitVerdict.Refusal, cost: UInt64) {
        guard let seconds = refusal.retryAfter else {
            self.init(
                status: 429, code: "RATE_LIMITED",
                detail: "this request costs \(cost) tokens, more than the rule \"\(refusal.rule)\" ever has; send fewer"
                    + " rows at a time")
            return
        }
        self.init(
            status: 429, code: "RATE_LIMITED",
            detail: "the rule \"\(refusal.rule)\" has no tokens left for it; try again in \(seconds) s",
            retryAfterSeconds: UInt32(clamping: seconds))
    }
}

/// A request that is charged by the number of its parts.
protocol CountedRequest {
    /// How many there are.
    var partCount: Int { get }
}

extension Starling_V1_BatchFollowsRequest: CountedRequest {
    var partCount: Int { rows.count }
}

extension Starling_V1_BatchPostsRequest: CountedRequest {
    var partCount: Int { rows.count }
}

extension Starling_V1_GetUsersRequest: CountedRequest {
    var partCount: Int { ids.count }
}

extension Starling_V1_ProduceRequest: CountedRequest {
    var partCount: Int { records.count }
}

extension Starling_V1_GetPostsRequest: CountedRequest {
    var partCount: Int { ids.count }
}
