/// How requests prove who acts, where the server asks for that.
public enum OpenAPISecurity {
    /// The cookie that may carry the access token.
    public static let accessCookie = "starling_access"

    static let schemes: JSONTree = [
        "bearer": [
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token of a session.",
        ],
        "cookie": [
            "type": "apiKey", "in": "cookie", "name": .string(accessCookie),
            "description":
                "The access token as a cookie. All but GET then need the header X-Starling-Csrf, with any value.",
        ],
    ]

    /// What an operation asks for: one of the schemes, or, where nobody need be known, nothing as well.
    static func requirement(of operation: Operation) -> JSONTree {
        let proven: [JSONTree] = [["bearer": .array([])], ["cookie": .array([])]]
        return .array(operation.isAnonymous ? [.object([])] + proven : proven)
    }
}
