/// The way from the request to one of its fields, for messages to the user: `rows[3].userId`.
struct FieldPath {
    private enum Step {
        case field(String)
        case element(Int)
    }

    private var steps: [Step] = []

    mutating func enter(field name: String) { steps.append(.field(name)) }

    mutating func enter(element index: Int) { steps.append(.element(index)) }

    mutating func leave() { steps.removeLast() }

    /// Whether the path ends at a field as a whole, not at an element of a list.
    var isAtField: Bool {
        if case .field = steps.last { true } else { false }
    }

    var text: String {
        var text = ""
        for step in steps {
            switch step {
            case .field(let name): text += text.isEmpty ? name : ".\(name)"
            case .element(let index): text += "[\(index)]"
            }
        }
        return text
    }
}
