import HTTPTypes
import StarlingEngine
import StarlingLog

/// What HTTP carries in header fields and TCP in a request's context.
enum RequestHeaders {
    static func context(_ fields: HTTPFields) throws(Problem) -> CallContext {
        var context = CallContext()
        if let text = try single(.actorID, fields) {
            guard let id = number(text), id != 0 else { throw .invalid("X-Actor-Id", "it must be a user id") }
            context.actor = UserID(rawValue: id)
        }
        context.idempotencyKey = try single(.idempotencyKey, fields)
        if let text = try single(.minimumLSN, fields) {
            guard let lsn = number(text) else { throw .invalid("X-Min-Lsn", "it must be a position in the log") }
            context.minimumLSN = lsn
        }
        if let text = try single(.durability, fields) {
            guard let level = AcknowledgementLevel(rawValue: text.lowercased()) else {
                throw .invalid("X-Durability", "it must be memory, os or disk")
            }
            context.durability = level
        }
        return context
    }

    /// A number as it stands in a path or a body: digits only, and no more of them than it needs.
    private static func number(_ text: String) -> UInt64? {
        guard text == "0" || text.utf8.first.map({ (49...57).contains($0) }) == true else { return nil }
        return UInt64(text)
    }

    /// The token of `Authorization: Bearer`; nil without that field. Another scheme is refused.
    static func bearer(_ fields: HTTPFields) throws(Problem) -> String? {
        guard let value = try single(.authorization, fields) else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].lowercased() == "bearer", !parts[1].isEmpty else { throw .tokenRefused }
        return String(parts[1])
    }

    /// The field's value; a field that is sent twice means nothing.
    private static func single(_ name: HTTPField.Name, _ fields: HTTPFields) throws(Problem) -> String? {
        let values = fields[values: name]
        if values.count > 1 { throw .invalid(name.rawName, "it is sent \(values.count) times") }
        return values.first
    }

    /// Throws unless a body is declared as JSON.
    static func checkMediaType(_ fields: HTTPFields) throws(Problem) {
        let declared = fields[.contentType] ?? ""
        let type = declared.split(separator: ";", maxSplits: 1).first.map { $0.trimmingASCIISpace().lowercased() } ?? ""
        if type == "application/json" { return }
        throw Problem(
            status: 415, code: "UNSUPPORTED_MEDIA_TYPE",
            detail: "the body is declared as \"\(declared.prefix(100))\"; send Content-Type: application/json")
    }
}

extension Substring {
    /// Without spaces and tabs at its ends.
    fileprivate func trimmingASCIISpace() -> Substring {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
