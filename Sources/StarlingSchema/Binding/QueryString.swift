/// The items of the query of a URL, in order.
struct QueryString {
    struct Item {
        let name: String
        /// As it was sent, not yet decoded.
        let value: Substring
    }

    let items: [Item]

    /// The most items of a query.
    static let maxItems = 1024

    init(_ query: String) throws(BindingError) {
        let parts = query.split(separator: "&", maxSplits: Self.maxItems, omittingEmptySubsequences: true)
        guard parts.count <= Self.maxItems else {
            throw BindingError(.outOfRange, field: "", message: "the query has more than \(Self.maxItems) parameters")
        }
        var items: [Item] = []
        for part in parts {
            let equals = part.firstIndex(of: "=")
            let name = try Self.decode(part[..<(equals ?? part.endIndex)], field: "")
            let value = equals.map { part[part.index(after: $0)...] } ?? ""
            items.append(Item(name: name, value: value))
        }
        self.items = items
    }

    static func decode(_ text: Substring, field: String) throws(BindingError) -> String {
        do {
            return try PercentEncoding.decode(text, plusIsSpace: true)
        } catch {
            throw BindingError(.malformedEncoding, field: field, message: error.message)
        }
    }
}
