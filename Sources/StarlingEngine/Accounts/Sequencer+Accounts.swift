import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// Commands about accounts. Names are given away here, one after the other, so two can never get the same one.
extension Sequencer {
    func processAccount(_ command: AccountCommand, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        switch command {
        case .register(let account): return try register(account, context)
        case .changeProfile(let update): return try changeProfile(update, context)
        case .changeCredentials(let update): return try changeCredentials(update, context)
        case .delete: return try deleteAccount(context)
        case .find(let name): return receipt(.found(find(name).flatMap(accountRecord)))
        case .startSession(let checked, let hash, let expiresAt):
            return try startSession(context, checkedHash: checked, hash, expiresAt: expiresAt)
        case .refreshSession(let id, let generation, let hash, let next, let expiresAt):
            return try refreshSession(id, generation: generation, hash, next: next, expiresAt: expiresAt)
        case .endSession(let id): return try endSession(id)
        case .removeEdges(let edges): return try removeEdges(edges)
        }
    }

    func isDeleted(_ user: UserID) -> Bool {
        guard state.accounts.hasDeleted, let index = state.users.index(of: user) else { return false }
        return state.accounts.isDeleted(index)
    }

    /// Throws when the account acts no more.
    func checkNotDeleted(_ user: UserID) throws(EngineError) {
        if isDeleted(user) { throw .accountDeleted(user) }
    }

    private func register(_ account: NewAccount, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isAccount) { return first }
        try AccountRules.checkUsername(account.username)
        try AccountRules.checkEmail(account.email)
        try AccountRules.checkDisplayName(account.displayName)
        guard (1...AccountRules.maximumHashBytes).contains(account.passwordHash.utf8.count) else {
            throw .invalid(field: "passwordHash", reason: "it is empty or too long")
        }
        if state.accounts.user(named: account.username) != nil { throw .taken(field: "username") }
        if state.accounts.user(withEmail: account.email) != nil { throw .taken(field: "email") }
        guard state.users.hasRoom(for: 1) else { throw .full("users (limits.users)") }
        let body = Starling_V1_AccountBody.with {
            $0.username = account.username
            $0.email = AccountRules.normalized(account.email)
            $0.passwordHash = account.passwordHash
            $0.displayName = account.displayName.isEmpty ? account.username : account.displayName
        }
        try checkRoom(for: body)
        let id = mintUserID()
        try record(.accountRegistered(.with { $0.userID = id.rawValue }), context, body: body)
        return receipt(.account(id))
    }

    /// An id that nobody has used, of the kind that posts have. Ids that somebody uses without being registered are passed over.
    private func mintUserID() -> UserID {
        while true {
            let id = UserID(rawValue: state.mint.mint(milliseconds: now, slot: 0).rawValue)
            if state.users.index(of: id) == nil { return id }
        }
    }

    private func changeProfile(_ update: ProfileUpdate, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isAccount) { return first }
        try checkNotDeleted(context.actor)
        if let isPrivate = update.isPrivate, !update.hasTexts {
            // Whoever was never registered has no texts, but may be private.
            _ = try changePrivacy(isPrivate, by: context.actor, WriteContext(actor: context.actor))
            try acknowledge(.updateUser, context)
            return receipt(.account(context.actor))
        }
        let (_, old) = try ownAccount(context.actor)
        let body = try Self.body(old, with: update)
        try checkRoom(for: body)
        try changePrivacy(update, context.actor)
        try record(.profileChanged(.with { $0.userID = context.actor.rawValue }), context, body: body)
        return receipt(.account(context.actor))
    }

    private func changeCredentials(
        _ update: CredentialsUpdate, _ context: WriteContext
    ) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, Self.isAccount) { return first }
        let (user, old) = try ownAccount(context.actor)
        guard old.passwordHash == update.checkedHash else { throw .credentialsChanged }
        var body = try Self.body(old, with: update.profile)
        if let email = update.email {
            try AccountRules.checkEmail(email)
            if let owner = state.accounts.user(withEmail: email), owner != user { throw .taken(field: "email") }
            body.email = AccountRules.normalized(email)
        }
        if let hash = update.passwordHash {
            guard (1...AccountRules.maximumHashBytes).contains(hash.utf8.count) else {
                throw .invalid(field: "passwordHash", reason: "it is empty or too long")
            }
            body.passwordHash = hash
        }
        try checkRoom(for: body)
        try changePrivacy(update.profile, context.actor)
        let change = Starling_V1_CredentialsChanged.with {
            $0.userID = context.actor.rawValue
            $0.keptSession = update.keptSession
        }
        try record(.credentialsChanged(change), context, body: body)
        return receipt(.account(context.actor))
    }

    /// A record of its own, and before the one with the key: a request that comes again after a crash in between does the rest.
    private func changePrivacy(_ update: ProfileUpdate, _ actor: UserID) throws(EngineError) {
        if let isPrivate = update.isPrivate { _ = try changePrivacy(isPrivate, by: actor, WriteContext(actor: actor)) }
    }

    private static func body(
        _ old: Starling_V1_AccountBody, with update: ProfileUpdate
    ) throws(EngineError) -> Starling_V1_AccountBody {
        var body = old
        if let name = update.displayName {
            try AccountRules.checkDisplayName(name)
            body.displayName = name.isEmpty ? old.username : name
        }
        if let bio = update.bio {
            try AccountRules.checkBio(bio)
            body.bio = bio
        }
        if let url = update.pictureURL {
            try AccountRules.checkPictureURL(url)
            body.pictureURL = url
        }
        return body
    }

    /// Any account can be deleted, also one that was used without being registered.
    private func deleteAccount(_ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .deleted = $0 { true } else { false } }) { return first }
        guard let user = state.users.index(of: context.actor) else { throw .userNotFound(context.actor) }
        if state.accounts.isDeleted(user) {
            try acknowledge(.deleteUser, context)
            return receipt(.deleted(changed: false))
        }
        try record(.accountDeleted(.with { $0.userID = context.actor.rawValue }), context)
        opening.removeAll { $0 == user }
        return receipt(.deleted(changed: true))
    }

    private func removeEdges(_ edges: [AccountEdge]) throws(EngineError) -> WriteReceipt {
        let gone = edges.filter { edge in
            guard let follower = state.users.index(of: edge.follower),
                let followee = state.users.index(of: edge.followee),
                state.accounts.isDeleted(follower) || state.accounts.isDeleted(followee)
            else { return false }
            return state.hasTie(follower, followee)
        }
        if gone.isEmpty { return receipt(.done) }
        // As an unfollow: nothing refuses it.
        for _ in gone { memory.admit(.ties) }
        let fact = Starling_V1_EdgesRemoved.with {
            $0.users = gone.map(\.follower.rawValue)
            $0.targets = gone.map(\.followee.rawValue)
        }
        try record(.edgesRemoved(fact), WriteContext(actor: UserID(rawValue: 0)))
        return receipt(.done)
    }

    private func ownAccount(_ actor: UserID) throws(EngineError) -> (UserIndex, Starling_V1_AccountBody) {
        try checkNotDeleted(actor)
        guard let user = state.users.index(of: actor), let body = state.accounts.body(user) else {
            throw .userNotFound(actor)
        }
        return (user, body)
    }

    private func find(_ name: AccountName) -> UserIndex? {
        switch name {
        case .id(let id): state.users.index(of: id)
        case .username(let name): state.accounts.user(named: name)
        case .email(let email): state.accounts.user(withEmail: email)
        }
    }

    private func accountRecord(_ user: UserIndex) -> AccountRecord? {
        guard let body = state.accounts.body(user) else { return nil }
        return AccountRecord(
            id: state.users.id(of: user), profile: PublicProfile(body), email: body.email,
            passwordHash: body.passwordHash)
    }

    private func checkRoom(for body: Starling_V1_AccountBody) throws(EngineError) {
        let bytes = (try? body.serializedBytes() as [UInt8]) ?? []
        guard state.accounts.heap.hasRoom(forBytes: bytes.count) else {
            throw .full("accounts (memory.arenaBytes)")
        }
    }

    private static func isAccount(_ answer: IdempotencyTable.Answer) -> Bool {
        if case .account = answer { true } else { false }
    }
}

/// Commands about sessions.
extension Sequencer {
    private func startSession(
        _ context: WriteContext, checkedHash: String, _ hash: RefreshHashes, expiresAt: UInt64
    ) throws(EngineError) -> WriteReceipt {
        let (_, body) = try ownAccount(context.actor)
        guard body.passwordHash == checkedHash else { throw .credentialsChanged }
        guard let id = state.sessions.nextID else { throw .full("sessions (limits.users)") }
        let fact = Starling_V1_SessionStarted.with {
            $0.sessionID = id
            $0.userID = context.actor.rawValue
            $0.refreshHash = hash(id).words
            $0.expiresMs = expiresAt
        }
        try record(.sessionStarted(fact), WriteContext(actor: context.actor))
        return receipt(.session(.started(id)))
    }

    private func refreshSession(
        _ id: UInt64, generation: UInt32, _ hash: RefreshHash, next: RefreshHash, expiresAt: UInt64
    ) throws(EngineError) -> WriteReceipt {
        guard let session = state.sessions[id], session.expires > now else { throw .sessionEnded }
        let user = state.users.id(of: session.user)
        guard session.generation == generation, session.hash == hash else {
            try recordEnd(id, of: user, .reuse)
            return receipt(.session(.reused))
        }
        let fact = Starling_V1_SessionRefreshed.with {
            $0.sessionID = id
            $0.userID = user.rawValue
            $0.generation = generation + 1
            $0.refreshHash = next.words
            $0.expiresMs = expiresAt
        }
        try record(.sessionRefreshed(fact), WriteContext(actor: user))
        return receipt(.session(.refreshed(user: user, generation: generation + 1)))
    }

    private func endSession(_ id: UInt64) throws(EngineError) -> WriteReceipt {
        guard let session = state.sessions[id] else { return receipt(.session(.ended(changed: false))) }
        try recordEnd(id, of: state.users.id(of: session.user), .logout)
        return receipt(.session(.ended(changed: true)))
    }

    private func recordEnd(
        _ id: UInt64, of user: UserID, _ reason: Starling_V1_SessionRevoked.Reason
    ) throws(EngineError) {
        let fact = Starling_V1_SessionRevoked.with {
            $0.sessionID = id
            $0.userID = user.rawValue
            $0.reason = reason
        }
        try record(.sessionRevoked(fact), WriteContext(actor: user))
    }
}

extension PublicProfile {
    init(_ body: Starling_V1_AccountBody) {
        self.init(
            username: body.username, displayName: body.displayName, bio: body.bio, pictureURL: body.pictureURL)
    }
}
