/// The headers that go with operations. They are the HTTP form of `RequestContext`.
enum OpenAPIHeaders {
    /// The request headers, by their name among the components. With authentication nobody says who acts.
    static func parameters(isAuthenticated: Bool) -> [(name: String, value: JSONTree)] {
        isAuthenticated ? Array(all.dropFirst()) : all
    }

    private static let all: [(name: String, value: JSONTree)] = [
        (
            "ActorId",
            header(
                "X-Actor-Id", ["type": "string", "pattern": .string(DecimalPattern.positive64)],
                "Who acts: this server runs without authentication.")
        ),
        (
            "IdempotencyKey",
            header(
                "Idempotency-Key",
                [
                    "type": "string", "minLength": .integer(1), "maxLength": .integer(128),
                    "pattern": "^[!-~]([ -~]*[!-~])?$",
                ],
                "Makes a repeated write harmless: the first answer is returned again. Printable ASCII.")
        ),
        (
            "Durability",
            header(
                "X-Durability", ["type": "string", "enum": ["memory", "os", "disk"]],
                "How safe the write has to be before it is answered.")
        ),
        (
            "MinLsn",
            header(
                "X-Min-Lsn", ["type": "string", "pattern": .string(DecimalPattern.unsigned64)],
                "Wait until the write with this number is visible, for at most one second.")
        ),
    ]

    /// References to the headers that a request of this operation may have.
    static func references(for operation: Operation, isAuthenticated: Bool) -> [JSONTree] {
        if operation.isAdmin { return [] }
        let own = operation.isWrite ? ["IdempotencyKey", "Durability"] : ["MinLsn"]
        let names = (isAuthenticated ? [] : ["ActorId"]) + own
        return names.map { ["$ref": .string("#/components/parameters/\($0)")] }
    }

    /// The headers of an answer of this operation.
    static func answerHeaders(of operation: Operation) -> JSONTree? {
        var headers: [(name: String, value: JSONTree)] = []
        if operation.location != nil {
            headers.append(
                ("Location", ["description": "Where the new thing can be found.", "schema": ["type": "string"]]))
        }
        if operation.isWrite {
            headers.append(
                (
                    "Idempotent-Replayed",
                    [
                        "description": "`true` if this is the first answer again.",
                        "schema": ["type": "string", "enum": ["true"]],
                    ]
                ))
        }
        return headers.isEmpty ? nil : .object(headers)
    }

    private static func header(_ name: String, _ schema: JSONTree, _ description: String) -> JSONTree {
        ["name": .string(name), "in": "header", "description": .string(description), "schema": schema]
    }
}
