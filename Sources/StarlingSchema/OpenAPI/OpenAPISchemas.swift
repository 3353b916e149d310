/// The schema objects (JSON Schema 2020-12) of messages and enums.
struct OpenAPISchemas {
    let schema: Schema

    /// The messages that requests are made of: nothing is required in them.
    private let inRequests: Set<Int>

    private static let package = "starling.v1."
    private static let referencePrefix = "#/components/schemas/"

    /// - Parameter requests: the indexes of the requests.
    init(schema: Schema, requests: [Int]) {
        self.schema = schema
        var reached: Set<Int> = []
        var pending = requests
        while let index = pending.popLast() {
            guard reached.insert(index).inserted else { continue }
            for field in schema.message(at: index).fields {
                if case .message(let inner) = field.type { pending.append(inner) }
            }
        }
        inRequests = reached
    }

    /// Points to the component of a type. Its name there is the full name without the package.
    static func reference(_ fullName: String) -> JSONTree {
        let name = fullName.hasPrefix(package) ? String(fullName.dropFirst(package.count)) : fullName
        return ["$ref": .string(referencePrefix + name)]
    }

    /// All components that `trees` point to, and those that these point to, by name.
    func components(referencedFrom trees: [JSONTree]) -> [(name: String, value: JSONTree)] {
        var components: [String: JSONTree] = [:]
        var pending = trees.flatMap(\.references)
        while let reference = pending.popLast() {
            guard reference.hasPrefix(Self.referencePrefix) else { continue }
            let name = String(reference.dropFirst(Self.referencePrefix.count))
            guard components[name] == nil, let component = component(Self.package + name) else { continue }
            components[name] = component
            pending += component.references
        }
        return components.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    /// The component of a type. Answers print every field that has no presence, so those are required there.
    private func component(_ fullName: String) -> JSONTree? {
        if let index = schema.messageIndex(named: fullName) {
            let message = schema.message(at: index)
            return object(fields: message.fields, comment: message.comment, isAnswer: !inRequests.contains(index))
        }
        return schema.enumeration(named: fullName).map(enumeration)
    }

    /// An object with these fields.
    func object(fields: [FieldDescriptor], comment: String, isAnswer: Bool) -> JSONTree {
        var tree: JSONTree = ["type": "object"]
        if !comment.isEmpty { tree = tree.adding("description", .string(comment)) }
        if !fields.isEmpty {
            let properties = fields.map { (name: $0.jsonName, value: property($0, isAnswer: isAnswer)) }
            tree = tree.adding("properties", .object(properties))
        }
        let required = isAnswer ? fields.filter { !$0.hasPresence }.map { JSONTree.string($0.jsonName) } : []
        return required.isEmpty ? tree : tree.adding("required", .array(required))
    }

    /// A field with its comment.
    private func property(_ field: FieldDescriptor, isAnswer: Bool) -> JSONTree {
        let tree = value(of: field, inBody: !isAnswer)
        return field.comment.isEmpty ? tree : tree.adding("description", .string(field.comment))
    }

    /// The value of a field, whether one or many.
    ///
    /// - Parameter inBody: whether it is JSON from a client, where 64-bit integers may be numbers too.
    func value(of field: FieldDescriptor, inBody: Bool = false) -> JSONTree {
        guard field.isRepeated else { return single(field, inBody: inBody) }
        if case .message(let index) = field.type, schema.message(at: index).isMapEntry,
            let value = schema.message(at: index).field(number: 2)
        {
            return ["type": "object", "additionalProperties": single(value, inBody: inBody)]
        }
        let tree: JSONTree = ["type": "array", "items": single(field, inBody: inBody)]
        return field.limits.maxItems.map { tree.adding("maxItems", .integer(UInt64($0))) } ?? tree
    }

    private func single(_ field: FieldDescriptor, inBody: Bool) -> JSONTree {
        switch field.type {
        case .double, .float: return ["type": "number"]
        case .signed32: return numberBounds(field, ["type": "integer", "format": "int32"])
        case .unsigned32:
            let hasMinimum = field.limits.minimum != nil
            let tree: JSONTree = ["type": "integer", "format": "int64"]
            return numberBounds(field, hasMinimum ? tree : tree.adding("minimum", .integer(0)))
        case .signed64 where inBody:
            return ["type": ["string", "integer"], "format": "int64", "pattern": .string(DecimalPattern.signed64)]
        case .unsigned64 where inBody:
            return [
                "type": ["string", "integer"], "format": "uint64", "pattern": .string(DecimalPattern.unsigned64),
                "minimum": .integer(0), "maximum": .integer(.max),
            ]
        case .signed64: return ["type": "string", "format": "int64", "pattern": .string(DecimalPattern.signed64)]
        case .unsigned64: return ["type": "string", "format": "uint64", "pattern": .string(DecimalPattern.unsigned64)]
        case .bool: return ["type": "boolean"]
        case .string: return stringBounds(field, ["type": "string"])
        case .bytes: return ["type": "string", "contentEncoding": "base64"]
        case .enumeration(let index): return Self.reference(schema.enumeration(at: index).fullName)
        case .message(let index):
            let message = schema.message(at: index)
            return message.wellKnown == .timestamp
                ? ["type": "string", "format": "date-time"] : Self.reference(message.fullName)
        }
    }

    private func numberBounds(_ field: FieldDescriptor, _ tree: JSONTree) -> JSONTree {
        var tree = tree
        if let minimum = field.limits.minimum { tree = tree.adding("minimum", .integer(minimum)) }
        if let maximum = field.limits.maximum { tree = tree.adding("maximum", .integer(maximum)) }
        return tree
    }

    /// JSON Schema counts characters, of which there are never more than bytes.
    private func stringBounds(_ field: FieldDescriptor, _ tree: JSONTree) -> JSONTree {
        field.limits.maxBytes.map { tree.adding("maxLength", .integer(UInt64($0))) } ?? tree
    }

    private func enumeration(_ enumeration: EnumDescriptor) -> JSONTree {
        let lines = enumeration.values.filter { !$0.comment.isEmpty }.map { "- `\($0.name)`: \($0.comment)" }
        let description = ([enumeration.comment] + lines).filter { !$0.isEmpty }.joined(separator: "\n")
        let values = enumeration.values.map { JSONTree.string($0.name) }
        return ["type": "string", "enum": .array(values), "description": .string(description)]
    }
}
