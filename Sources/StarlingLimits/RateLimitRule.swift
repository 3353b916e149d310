/// A rule that limits requests: what is counted together, and how many tokens that may spend.
public struct RateLimitRule: Sendable, Equatable {
    /// What requests must have in common to be counted together.
    public enum KeyPart: String, Sendable, CaseIterable {
        /// The client's address; of IPv6 the /64 network.
        case ip
        /// Who acts. A request that does not say is counted by its address.
        case user
        /// The operation.
        case route
        /// The HTTP method; over TCP that of the operation's first route.
        case method
    }

    /// A name for headers and messages.
    public let name: String
    /// What is counted together; nothing means all requests.
    public let key: Set<KeyPart>
    /// How fast tokens come back, and how many there are.
    public let rate: TokenRate
    /// The methods that it is about; empty for all.
    public let methods: Set<String>
    /// The operations that it is about, by name; empty for all requests.
    public let routes: Set<String>

    /// A rule. Throws what is wrong with it.
    public init(
        name: String, key: Set<KeyPart>, rate: TokenRate, methods: Set<String> = [], routes: Set<String> = []
    ) throws(RateLimitRuleError) {
        let isName = (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(Self.isNameByte)
        guard isName else {
            throw RateLimitRuleError(rule: name, reason: "a name has 1 to 64 of a-z, A-Z, 0-9, -, _, .")
        }
        self.name = name
        self.key = key
        self.rate = rate
        self.methods = methods
        self.routes = routes
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Whether the rule is about this route.
    func covers(_ route: LimitedRoute) -> Bool {
        (methods.isEmpty || methods.contains(route.method)) && (routes.isEmpty || routes.contains(route.name))
    }
}

/// A rule that cannot be.
public struct RateLimitRuleError: Error, Equatable, CustomStringConvertible {
    /// The rule's name as it was given.
    public let rule: String
    /// What is wrong and what would be possible.
    public let reason: String

    /// An error.
    public init(rule: String, reason: String) {
        self.rule = rule
        self.reason = reason
    }

    /// One line.
    public var description: String { "rule \"\(rule)\": \(reason)" }
}

/// What a request wants, as rules see it.
public struct LimitedRoute: Sendable, Equatable {
    /// The operation's number, the same over every door; 0 where there is none.
    public let number: UInt16
    /// The operation's name; empty where there is none.
    public let name: String
    /// The HTTP method.
    public let method: String

    /// A route.
    public init(number: UInt16, name: String, method: String) {
        self.number = number
        self.name = name
        self.method = method
    }
}
