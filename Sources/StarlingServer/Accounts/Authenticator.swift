import HTTPTypes
import StarlingEngine
import StarlingSchema

/// Finds out who acts, on every door alike.
struct Authenticator: Sendable {
    let engine: Engine
    let accounts: AccountServices
    /// Without authentication the client says itself who acts, and no token is looked at.
    let isOn: Bool

    /// Whom a token names now; nil when it is not good.
    func identity(ofToken token: String) async -> Identity? {
        guard let identity = await accounts.tokens.verify(token, now: accounts.now), isCurrent(identity) else {
            return nil
        }
        return identity
    }

    /// Whether an identity still holds: a token expires, and a session can end at any moment. O(1), no lock.
    func isCurrent(_ identity: Identity) -> Bool {
        AccessTokens.isCurrent(identity, now: accounts.now) && engine.isSessionLive(identity.session)
    }

    /// Puts into `context` who acts by an HTTP request, or throws why nobody may.
    func authenticate(
        _ fields: HTTPFields, _ operation: Operation, _ context: inout CallContext
    ) async throws(Problem) {
        guard !operation.isAdmin else { return }
        let cookies = SessionCookieFields(fields)
        let isRead = operation.bindings.allSatisfy { $0.method == .get }
        context.refreshCookie = cookies.refresh
        if isOn { try await identify(fields, cookies, operation, isRead: isRead, &context) }
        if cookies.refresh != nil, !isRead, context.session == 0 { try Self.checkSameSite(fields) }
    }

    private func identify(
        _ fields: HTTPFields, _ cookies: SessionCookieFields, _ operation: Operation, isRead: Bool,
        _ context: inout CallContext
    ) async throws(Problem) {
        if fields.contains(.actorID) {
            throw .invalid("X-Actor-Id", "who acts is said by the access token: this server runs with authentication")
        }
        if let token = try RequestHeaders.bearer(fields) {
            guard let identity = await identity(ofToken: token) else { throw .tokenRefused }
            context.act(as: identity)
        } else if let token = cookies.access, let identity = await identity(ofToken: token) {
            if !isRead { try Self.checkSameSite(fields) }
            context.act(as: identity)
        } else if !operation.isAnonymous {
            throw cookies.access == nil ? .tokenRequired : .tokenRefused
        }
    }

    /// A page of another site cannot make a browser send this header without our consent, which we never give.
    private static func checkSameSite(_ fields: HTTPFields) throws(Problem) {
        if !fields.contains(.csrf) { throw .crossSite }
    }

    /// Puts into `context` who acts by a TCP frame. `identity` is what the connection's preface has proved.
    func authenticate(
        _ identity: Identity?, _ operation: Operation, _ context: inout CallContext
    ) throws(Problem) {
        guard isOn else { return }
        if context.actor != nil {
            throw .invalid("actorId", "who acts is said by the access token: this server runs with authentication")
        }
        guard let identity else {
            if operation.isAnonymous { return }
            throw .tokenRequired
        }
        if isCurrent(identity) {
            context.act(as: identity)
        } else if !operation.isAnonymous {
            throw .tokenRefused
        }
    }
}

extension CallContext {
    fileprivate mutating func act(as identity: Identity) {
        actor = identity.user
        session = identity.session
    }
}
