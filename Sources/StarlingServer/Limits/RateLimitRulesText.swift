import StarlingLimits
import StarlingSchema
import SwiftProtobuf

/// The rules as a setting's text: a JSON array of `RateLimitRule`.
enum RateLimitRulesText {
    /// Rules beyond this number are surely a mistake.
    private static let most = 256

    /// Reads them.
    static func parse(_ text: String) throws(RateLimitRuleError) -> [RateLimitRule] {
        let message: Starling_V1_RateLimitRules
        do {
            message = try Starling_V1_RateLimitRules(jsonString: "{\"rules\":\(text.isEmpty ? "[]" : text)}")
        } catch {
            throw RateLimitRuleError(rule: "", reason: "the list cannot be read: \(error)")
        }
        guard message.rules.count <= most else {
            throw RateLimitRuleError(
                rule: "", reason: "there are \(message.rules.count) rules; at most \(most) are possible")
        }
        var rules: [RateLimitRule] = []
        for item in message.rules {
            guard !rules.contains(where: { $0.name == item.name }) else {
                throw RateLimitRuleError(rule: item.name, reason: "two rules have this name")
            }
            rules.append(try rule(item))
        }
        return rules
    }

    private static func rule(_ item: Starling_V1_RateLimitRule) throws(RateLimitRuleError) -> RateLimitRule {
        var key: Set<RateLimitRule.KeyPart> = []
        for name in item.key {
            guard let part = RateLimitRule.KeyPart(rawValue: name) else {
                throw RateLimitRuleError(rule: item.name, reason: "key: \"\(name)\" must be ip, user, route or method")
            }
            key.insert(part)
        }
        guard let rate = TokenRate(item.rate, burst: item.burst) else {
            throw RateLimitRuleError(
                rule: item.name,
                reason:
                    "rate \"\(item.rate)\" must be TOKENS/PERIOD, such as 5/s, 100/10s or 1000/h, with a burst of at"
                    + " least 1")
        }
        for route in item.routes where !operations.contains(route) {
            throw RateLimitRuleError(rule: item.name, reason: "routes: there is no operation \"\(route)\"")
        }
        for method in item.methods where HTTPMethod(rawValue: method) == nil {
            throw RateLimitRuleError(rule: item.name, reason: "methods: \"\(method)\" is none of GET, PUT, POST, ...")
        }
        return try RateLimitRule(
            name: item.name, key: key, rate: rate, methods: Set(item.methods), routes: Set(item.routes))
    }

    private static let operations: Set<String> = {
        do { return Set(try OperationTable().operations.map(\.name)) } catch {
            preconditionFailure("the embedded schema cannot be read: \(error)")
        }
    }()

    /// Writes them as they can be read again.
    static func text(_ rules: [RateLimitRule]) -> String {
        let items = rules.map { rule in
            Starling_V1_RateLimitRule.with {
                $0.name = rule.name
                $0.key = RateLimitRule.KeyPart.allCases.filter(rule.key.contains).map(\.rawValue)
                $0.rate = rule.rate.description
                $0.burst = rule.rate.burst
                $0.methods = rule.methods.sorted()
                $0.routes = rule.routes.sorted()
            }
        }
        do { return "[\(try items.map { try $0.jsonString() }.joined(separator: ","))]" } catch {
            preconditionFailure("rules are text and numbers: \(error)")
        }
    }
}
