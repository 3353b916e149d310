/// What a method and a path lead to.
public enum RouteMatch: Sendable {
    /// An operation.
    case found(Route)
    /// No operation has this path.
    case notFound
    /// Operations have this path, but for these methods only, in alphabetic order.
    case methodNotAllowed(allow: [HTTPMethod])
    /// The path is longer than `RouteTable.maxPathBytes`, or has more segments than any route.
    case tooLong
    /// The percent-encoding of the path is broken. The text says how.
    case malformed(String)
}

/// An operation together with the route by which it was reached.
public struct Route: Sendable {
    /// The operation.
    public let operation: Operation
    /// The route.
    public let binding: HTTPBinding
    /// The fields of the request that the path carries, in the order of the template, percent-decoded.
    public let variables: [PathVariable]
}

/// A field of a request whose value is in the path.
public struct PathVariable: Sendable, Hashable {
    /// The field, in snake case.
    public let field: String
    /// The value, percent-decoded. Never empty.
    public let value: String

    /// A field and its value.
    public init(field: String, value: String) {
        self.field = field
        self.value = value
    }
}

/// Finds the operation for a method and a path.
///
/// A tree of segments. A literal goes before a variable; where that leads nowhere, the variable is tried, so that a
/// route is found whenever there is one. A lookup visits each node of the tree at most twice, whatever the path.
public struct RouteTable: Sendable {
    private struct Target {
        let method: HTTPMethod
        let operation: Int
        let binding: Int
    }

    private struct Node {
        var literals: [String: Int] = [:]
        var variable: Int?
        var targets: [String: [Target]] = [:]
    }

    private let operations: [Operation]
    private var nodes: [Node] = [Node()]

    /// The most bytes of a path, without the query.
    public static let maxPathBytes = 8192

    /// Enters the routes of `operations`.
    public init(_ operations: [Operation]) throws(OperationTableError) {
        self.operations = operations
        for (index, operation) in operations.enumerated() {
            for (bindingIndex, binding) in operation.bindings.enumerated() {
                let target = Target(method: binding.method, operation: index, binding: bindingIndex)
                try enter(target, at: binding.template, of: operation)
            }
        }
    }

    /// Finds the route. `path` is the raw path of the request target without the query. A slash at the end is a
    /// segment of its own and so leads nowhere. Cost: one step a segment.
    public func match(method: String, path: String) -> RouteMatch {
        guard path.utf8.count <= Self.maxPathBytes else { return .tooLong }
        guard path.utf8.first == UInt8(ascii: "/") else { return .notFound }
        let raw = path.dropFirst().split(
            separator: "/", maxSplits: PathTemplate.maxSegments, omittingEmptySubsequences: false)
        guard raw.count <= PathTemplate.maxSegments else { return .tooLong }
        var search = Search(method: HTTPMethod(rawValue: method), raw: raw)
        do {
            for segment in raw { search.segments.append(try PercentEncoding.decode(segment, plusIsSpace: false)) }
            try walk(node: 0, depth: 0, &search)
        } catch {
            return .malformed(error.message)
        }
        if let found = search.found {
            return .found(route(to: found.target, variables: found.values))
        }
        return search.allow.isEmpty ? .notFound : .methodNotAllowed(allow: search.allow.sorted())
    }

    private struct Search {
        let method: HTTPMethod?
        let raw: [Substring]
        var segments: [String] = []
        var values: [String] = []
        var allow: Set<HTTPMethod> = []
        var found: (target: Target, values: [String])?
    }

    private func walk(node: Int, depth: Int, _ search: inout Search) throws(PercentEncoding.Failure) {
        if depth == search.raw.count - 1, let colon = search.raw[depth].lastIndex(of: ":") {
            let raw = search.raw[depth]
            let verb = String(raw[raw.index(after: colon)...])
            let value = try PercentEncoding.decode(raw[..<colon], plusIsSpace: false)
            step(from: node, over: value, &search) { child, search in
                finish(at: child, verb: verb, &search)
            }
            if search.found != nil { return }
        }
        guard depth < search.raw.count else { return finish(at: node, verb: "", &search) }
        try step(from: node, over: search.segments[depth], &search) {
            child, search throws(PercentEncoding.Failure) in
            try walk(node: child, depth: depth + 1, &search)
        }
    }

    private func step<Failure: Error>(
        from node: Int, over segment: String, _ search: inout Search,
        _ proceed: (Int, inout Search) throws(Failure) -> Void
    ) throws(Failure) {
        if let child = nodes[node].literals[segment] {
            try proceed(child, &search)
            if search.found != nil { return }
        }
        if let child = nodes[node].variable, !segment.isEmpty {
            search.values.append(segment)
            try proceed(child, &search)
            search.values.removeLast()
        }
    }

    private func finish(at node: Int, verb: String, _ search: inout Search) {
        for target in nodes[node].targets[verb] ?? [] {
            if target.method == search.method {
                search.found = (target, search.values)
                return
            }
            search.allow.insert(target.method)
        }
    }

    private func route(to target: Target, variables values: [String]) -> Route {
        let operation = operations[target.operation]
        let binding = operation.bindings[target.binding]
        let variables = zip(binding.template.variables, values).map { PathVariable(field: $0, value: $1) }
        return Route(operation: operation, binding: binding, variables: variables)
    }

    private mutating func enter(
        _ target: Target, at template: PathTemplate, of operation: Operation
    ) throws(OperationTableError) {
        var node = 0
        for segment in template.segments {
            switch segment {
            case .literal(let text):
                if nodes[node].literals[text] == nil {
                    nodes[node].literals[text] = nodes.count
                    nodes.append(Node())
                }
                node = nodes[node].literals[text] ?? node
            case .variable:
                if nodes[node].variable == nil {
                    nodes[node].variable = nodes.count
                    nodes.append(Node())
                }
                node = nodes[node].variable ?? node
            }
        }
        let entered = nodes[node].targets[template.verb ?? ""] ?? []
        if let other = entered.first(where: { $0.method == target.method }) {
            throw .duplicateRoute(
                method: target.method, template: "\(template)",
                first: operations[other.operation].fullName, second: operation.fullName)
        }
        nodes[node].targets[template.verb ?? "", default: []].append(target)
    }
}
