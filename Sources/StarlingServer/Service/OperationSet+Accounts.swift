import StarlingEngine
import StarlingSchema
import SwiftProtobuf

extension OperationSet {
    /// The half of AccountService that is about accounts.
    func bindAccounts(_ bindings: inout Bindings) {
        bindings.bind("GetUser", getUser)
        bindings.bind("GetUsers", getUsers)
        bindings.bind("GetUserByUsername", getUserByUsername)
        bindings.bind("UpdateUser", updateUser)
        bindings.bind("DeleteUser", deleteUser)
        bindings.bind("ExportUser", exportUser)
    }

    /// An account as everybody sees it.
    func user(_ id: UserID, minimumLSN: UInt64) async throws(Problem) -> Starling_V1_User {
        let result = await withCheckedContinuation { continuation in
            engine.profile(of: id, minimumLSN: minimumLSN) { continuation.resume(returning: $0) }
        }
        let profile: Profile?
        do throws(EngineError) { profile = try result.get() } catch { throw Problem(error) }
        guard let profile else { throw Problem(.userNotFound(id)) }
        return AccountMessage.user(id, profile)
    }

    @Sendable
    private func getUser(
        _ request: Starling_V1_GetUserRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_User>
    ) {
        let user = UserID(rawValue: request.userID)
        engine.profile(
            of: user, minimumLSN: call.context.minimumLSN,
            completion: reading(respond) { (profile: Profile?) throws(Problem) in
                guard let profile else { throw Problem(.userNotFound(user)) }
                return AccountMessage.user(user, profile)
            })
    }

    @Sendable
    private func getUsers(
        _ request: Starling_V1_GetUsersRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_GetUsersResponse>
    ) {
        let ids = request.ids.map { UserID(rawValue: $0) }
        engine.profiles(
            of: ids, minimumLSN: call.context.minimumLSN,
            completion: reading(respond) { (profiles: [Profile?]) throws(Problem) in
                .with {
                    for (id, profile) in zip(ids, profiles) {
                        if let profile {
                            $0.items.append(AccountMessage.user(id, profile))
                        } else {
                            $0.missing.append(id.rawValue)
                        }
                    }
                }
            })
    }

    @Sendable
    private func getUserByUsername(
        _ request: Starling_V1_GetUserByUsernameRequest, _ call: Call, _ respond: @escaping Respond<Starling_V1_User>
    ) {
        engine.findAccount(.username(request.username)) { [self] result in
            switch result {
            case .failure(let error): respond(.failure(Problem(error)))
            case .success(nil):
                respond(
                    .failure(
                        Problem(
                            status: 404, code: "USER_NOT_FOUND",
                            detail: "there is no user with the name \(request.username)")))
            case .success(let record?):
                // What the name belongs to is committed; the worker may be a moment behind.
                let lsn = max(call.context.minimumLSN, engine.publishedLSN)
                engine.profile(
                    of: record.id, minimumLSN: lsn,
                    completion: reading(respond) { (profile: Profile?) throws(Problem) in
                        guard let profile else { throw Problem(.userNotFound(record.id)) }
                        return AccountMessage.user(record.id, profile)
                    })
            }
        }
    }

    @Sendable
    private func updateUser(
        _ request: Starling_V1_UpdateUserRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_UpdateUserResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try call.actor(named: request.userID)
            var context = call.write(by: user)
            context.fingerprint = accounts.fingerprint(request, opcode: call.opcode)
            if !request.hasPassword, !request.hasEmail {
                // At once, so that it keeps its place among the connection's writes.
                engine.submit(.account(.changeProfile(Self.profileUpdate(request))), context) { [self] result in
                    attemptLater(respond) { () throws(Problem) in try await updated(user, result) }
                }
                return
            }
            attemptLater(respond) { [self, context] () throws(Problem) in
                let command = try await credentialsCommand(request, user, call)
                let receipt = try await run(.account(command), context)
                return try await updated(user, .success(receipt))
            }
        }
    }

    private func updated(
        _ user: UserID, _ result: Result<WriteReceipt, EngineError>
    ) async throws(Problem) -> Reply<Starling_V1_UpdateUserResponse> {
        let receipt: WriteReceipt
        do throws(EngineError) { receipt = try result.get() } catch { throw Problem(error) }
        let account = try await self.user(user, minimumLSN: receipt.lsn)
        let response = Starling_V1_UpdateUserResponse.with {
            $0.user = account
            $0.lsn = receipt.lsn
            $0.durability = receipt.durability.schema
        }
        return Reply(response: response, isReplay: receipt.isReplay)
    }

    private static func profileUpdate(_ request: Starling_V1_UpdateUserRequest) -> ProfileUpdate {
        ProfileUpdate(
            displayName: request.hasDisplayName ? request.displayName : nil, bio: request.hasBio ? request.bio : nil,
            pictureURL: request.hasPictureURL ? request.pictureURL : nil,
            isPrivate: request.hasPrivate ? request.private : nil)
    }

    private func credentialsCommand(
        _ request: Starling_V1_UpdateUserRequest, _ user: UserID, _ call: Call
    ) async throws(Problem) -> AccountCommand {
        if request.hasPassword {
            do throws(EngineError) {
                try AccountRules.checkPassword(request.password)
            } catch {
                throw Problem(error)
            }
        }
        let result = await withCheckedContinuation { continuation in
            engine.findAccount(.id(user)) { continuation.resume(returning: $0) }
        }
        let record: AccountRecord?
        do throws(EngineError) { record = try result.get() } catch { throw Problem(error) }
        guard let record else { throw Problem(.userNotFound(user)) }
        guard try await accounts.passwords.check(request.currentPassword, against: record.passwordHash) else {
            throw Problem(
                status: 403, code: "WRONG_PASSWORD",
                detail: "currentPassword: it is needed to change the password or the address, and it is not right",
                errors: [
                    .with {
                        $0.field = "currentPassword"
                        $0.message = "it is not right"
                    }
                ])
        }
        var update = CredentialsUpdate(
            checkedHash: record.passwordHash,
            passwordHash: request.hasPassword ? try await accounts.passwords.hash(request.password) : nil,
            email: request.hasEmail ? request.email : nil, keptSession: call.context.session)
        update.profile = Self.profileUpdate(request)
        return .changeCredentials(update)
    }

    @Sendable
    private func deleteUser(
        _ request: Starling_V1_DeleteUserRequest, _ call: Call,
        _ respond: @escaping Respond<Starling_V1_DeleteUserResponse>
    ) {
        attempt(respond) { () throws(Problem) in
            let user = try call.actor(named: request.userID)
            submit(.account(.delete), call.write(by: user), respond) { receipt in
                guard case .deleted(let changed) = receipt.outcome else {
                    preconditionFailure("a deletion is answered as one")
                }
                return .with {
                    $0.changed = changed
                    $0.lsn = receipt.lsn
                    $0.durability = receipt.durability.schema
                }
            }
        }
    }
}
