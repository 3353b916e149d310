/// A JSON value whose objects keep the order of their members.
indirect enum JSONTree: Sendable, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    case object([(name: String, value: JSONTree)])
    case array([JSONTree])
    case string(String)
    case integer(UInt64)
    case bool(Bool)

    init(stringLiteral value: String) { self = .string(value) }

    init(booleanLiteral value: Bool) { self = .bool(value) }

    init(arrayLiteral elements: JSONTree...) { self = .array(elements) }

    init(dictionaryLiteral elements: (String, JSONTree)...) {
        self = .object(elements.map { (name: $0, value: $1) })
    }

    /// The object with one more member at its end. Other values stay what they are.
    func adding(_ name: String, _ value: JSONTree) -> JSONTree {
        guard case .object(let members) = self else { return self }
        return .object(members + [(name: name, value: value)])
    }

    /// Where the `$ref` members in this value point.
    var references: [String] {
        switch self {
        case .object(let members):
            members.flatMap { member in
                if member.name == "$ref", case .string(let target) = member.value { return [target] }
                return member.value.references
            }
        case .array(let elements): elements.flatMap(\.references)
        case .string, .integer, .bool: []
        }
    }

    func write(to writer: inout JSONWriter) {
        switch self {
        case .object(let members):
            writer.write("{")
            for (index, member) in members.enumerated() {
                if index > 0 { writer.write(",") }
                writer.write(string: member.name)
                writer.write(":")
                member.value.write(to: &writer)
            }
            writer.write("}")
        case .array(let elements):
            writer.write("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { writer.write(",") }
                element.write(to: &writer)
            }
            writer.write("]")
        case .string(let text): writer.write(string: text)
        case .integer(let number): writer.write(raw: "\(number)")
        case .bool(let value): writer.write(raw: value ? "true" : "false")
        }
    }
}
