import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// The half of AccountService that is about tokens.
    func bindSessions(_ bindings: inout Bindings) {
        bindings.bind("Register", register)
        bindings.bind("Login", login)
        bindings.bind("Refresh", refresh)
        bindings.bind("Logout", logout)
        bindings.bind("KeySet", keySet)
    }

    private typealias Session = Starling_V1_SessionResponse

    @Sendable
    private func register(
        _ request: Starling_V1_RegisterRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_SessionResponse>
    ) {
        attemptLater(respond) { [self] () throws(Problem) in
            do throws(EngineError) {
                // Before the password costs anything.
                try AccountRules.checkUsername(request.username)
                try AccountRules.checkEmail(request.email)
                try AccountRules.checkPassword(request.password)
            } catch {
                throw Problem(error)
            }
            try checkCookies(request.cookies, call)
            let hash = try await accounts.passwords.hash(request.password)
            var context = call.write(by: UserID(rawValue: 0))
            context.fingerprint = accounts.fingerprint(request, opcode: call.opcode)
            let account = NewAccount(
                username: request.username, email: request.email, passwordHash: hash,
                displayName: request.displayName)
            let receipt = try await run(.account(.register(account)), context)
            guard case .account(let id) = receipt.outcome else {
                preconditionFailure("a registration is answered with the account")
            }
            // A repeated key proves the password by the fingerprint; the account's hash is another one by its salt.
            let checked = try await record(.id(id))?.passwordHash ?? hash
            var reply = try await begin(id, checkedHash: checked, isCookie: request.cookies)
            reply.isReplay = receipt.isReplay
            reply.response.lsn = receipt.lsn
            reply.response.durability = receipt.durability.schema
            return reply
        }
    }

    @Sendable
    private func login(
        _ request: Starling_V1_LoginRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_SessionResponse>
    ) {
        attemptLater(respond) { [self] () throws(Problem) in
            guard request.username.isEmpty != request.email.isEmpty else {
                throw .invalid("username", "either a username or an email is needed")
            }
            try checkCookies(request.cookies, call)
            let record = try await record(
                request.username.isEmpty ? .email(request.email) : .username(request.username))
            // Also without an account: an unknown name costs as much and says as much as a wrong password.
            let isRight = try await accounts.passwords.check(request.password, against: record?.passwordHash)
            guard isRight, let record else { throw .wrongCredentials }
            return try await begin(record.id, checkedHash: record.passwordHash, isCookie: request.cookies)
        }
    }

    private func checkCookies(_ wanted: Bool, _ call: Call) throws(Problem) {
        if wanted, !call.context.takesCookies { throw .invalid("cookies", "this door has none: leave it out") }
    }

    private func record(_ name: AccountName) async throws(Problem) -> AccountRecord? {
        let result = await withCheckedContinuation { continuation in
            engine.findAccount(name) { continuation.resume(returning: $0) }
        }
        do throws(EngineError) { return try result.get() } catch { throw Problem(error) }
    }

    /// Begins a session of somebody whose password was checked against `checkedHash`.
    private func begin(
        _ user: UserID, checkedHash: String, isCookie: Bool
    ) async throws(Problem) -> Reply<Starling_V1_SessionResponse> {
        let secret = RefreshToken.randomSecret()
        let command = AccountCommand.startSession(
            checkedHash: checkedHash, { RefreshToken(session: $0, generation: 0, secret: secret).hash },
            expiresAt: accounts.refreshExpiry)
        let receipt = try await run(.account(command), WriteContext(actor: user))
        guard case .session(.started(let session)) = receipt.outcome else {
            preconditionFailure("a session that begins is answered with its id")
        }
        let token = RefreshToken(session: session, generation: 0, secret: secret)
        return try await reply(user, token, receipt, isCookie: isCookie)
    }

    private func reply(
        _ user: UserID, _ refresh: RefreshToken, _ receipt: WriteReceipt, isCookie: Bool
    ) async throws(Problem) -> Reply<Starling_V1_SessionResponse> {
        let access: String
        do {
            access = try await accounts.tokens.sign(user: user, session: refresh.session, now: accounts.now)
        } catch {
            throw Problem(status: 500, code: "INTERNAL", detail: "the access token could not be signed")
        }
        let refreshText = refresh.text(key: accounts.secret)
        var response = Session()
        response.user = try await self.user(user, minimumLSN: receipt.lsn)
        response.expiresIn = UInt32(AccessTokens.lifetime)
        response.lsn = receipt.lsn
        response.durability = receipt.durability.schema
        if isCookie {
            return Reply(response: response, cookies: SessionCookies(tokens: (access, refreshText)))
        }
        response.accessToken = access
        response.refreshToken = refreshText
        return Reply(response: response)
    }

    @Sendable
    private func refresh(
        _ request: Starling_V1_RefreshRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_SessionResponse>
    ) {
        attemptLater(respond) { [self] () throws(Problem) in
            let isCookie = request.refreshToken.isEmpty
            let text = isCookie ? call.context.refreshCookie ?? "" : request.refreshToken
            guard let token = RefreshToken(text, key: accounts.secret) else { throw .refreshRefused }
            let next = RefreshToken(session: token.session, generation: token.generation &+ 1)
            let command = AccountCommand.refreshSession(
                token.session, generation: token.generation, token.hash, next: next.hash,
                expiresAt: accounts.refreshExpiry)
            let receipt: WriteReceipt
            do throws(Problem) {
                receipt = try await run(.account(command), WriteContext(actor: UserID(rawValue: 0)))
            } catch  where error.message.code == "SESSION_ENDED" {
                throw .refreshRefused
            }
            guard case .session(.refreshed(let user, _)) = receipt.outcome else { throw .refreshRefused }
            return try await reply(user, next, receipt, isCookie: isCookie)
        }
    }

    @Sendable
    private func logout(
        _ request: Starling_V1_LogoutRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_LogoutResponse>
    ) {
        attemptLater(respond) { [self] () throws(Problem) in
            let text = request.refreshToken.isEmpty ? call.context.refreshCookie ?? "" : request.refreshToken
            let session = RefreshToken(text, key: accounts.secret)?.session ?? call.context.session
            // Whoever is logged out already, or sends anything else, is logged out afterwards, too.
            if session != 0 {
                _ = try await run(.account(.endSession(session)), WriteContext(actor: UserID(rawValue: 0)))
            }
            let hasCookies = call.context.takesCookies && call.context.refreshCookie != nil
            return Reply(
                response: Starling_V1_LogoutResponse(), cookies: hasCookies ? SessionCookies(tokens: nil) : nil)
        }
    }

    @Sendable
    private func keySet(
        _ request: Starling_V1_KeySetRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_KeySetResponse>
    ) {
        respond(.success(Reply(response: .with { $0.keys = accounts.tokens.published })))
    }
}
