/// Where the thing that an operation created can be found: a path with fields of the answer, `/v1/posts/{post.id}`.
public struct LocationTemplate: Sendable {
    enum Part: Sendable {
        case text(String)
        /// The numbers of the fields that lead to the value.
        case value([Int])
    }

    let parts: [Part]
    /// The template as the schema has it.
    public let text: String

    /// Nil if the template is not a path over singular integer or string fields of `message`.
    init?(_ text: String, message: MessageDescriptor, schema: Schema) {
        guard text.first == "/" else { return nil }
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            guard let close = rest[open...].firstIndex(of: "}") else { return nil }
            let path = rest[rest.index(after: open)..<close]
            guard let numbers = Self.numbers(along: path, message: message, schema: schema) else { return nil }
            parts.append(.text(String(rest[..<open])))
            parts.append(.value(numbers))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
        self.text = text
    }

    private static func numbers(along path: Substring, message: MessageDescriptor, schema: Schema) -> [Int]? {
        var numbers: [Int] = []
        var current: MessageDescriptor? = message
        for name in path.split(separator: ".", omittingEmptySubsequences: false) {
            guard let field = current?.field(named: String(name)), !field.isRepeated else { return nil }
            numbers.append(field.number)
            switch field.type {
            case .message(let index): current = schema.message(at: index)
            case .signed32, .signed64, .unsigned32, .unsigned64, .string: current = nil
            case .double, .float, .bool, .bytes, .enumeration: return nil
            }
        }
        return current == nil && !numbers.isEmpty ? numbers : nil
    }
}
