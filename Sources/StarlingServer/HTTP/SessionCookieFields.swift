import HTTPTypes

/// The cookies of a session. Scripts cannot read them, and browsers send them with requests of our own pages only.
struct SessionCookieFields {
    var access: String?
    var refresh: String?

    static let accessName = "starling_access"
    static let refreshName = "starling_refresh"
    /// Nobody else gets to see the refresh token.
    private static let refreshPath = "/v1/auth"

    /// What a request carries. A cookie that is sent twice means nothing.
    init(_ fields: HTTPFields) {
        access = Self.value(Self.accessName, fields)
        refresh = Self.value(Self.refreshName, fields)
    }

    private static func value(_ name: String, _ fields: HTTPFields) -> String? {
        var found: [Substring] = []
        for field in fields[values: .cookie] {
            for pair in field.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == name else { continue }
                found.append(parts[1])
            }
        }
        return found.count == 1 && !found[0].isEmpty ? String(found[0]) : nil
    }

    /// The header fields that set the cookies, or remove them. Tokens are base64url and dots, so nothing needs escaping.
    static func setting(_ cookies: SessionCookies, refreshSeconds: Int, isSecure: Bool) -> [String] {
        let attributes = "; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
        let (accessAge, refreshAge) = cookies.tokens == nil ? (0, 0) : (AccessTokens.lifetime, refreshSeconds)
        return [
            "\(accessName)=\(cookies.tokens?.access ?? ""); Path=/; Max-Age=\(accessAge)\(attributes)",
            "\(refreshName)=\(cookies.tokens?.refresh ?? ""); Path=\(refreshPath); Max-Age=\(refreshAge)\(attributes)",
        ]
    }
}
