/// An account that is to be made. The texts must keep `AccountRules`.
public struct NewAccount: Sendable {
    /// The name, as its owner writes it.
    public var username: String
    /// The address.
    public var email: String
    /// The hash of the password with its parameters; the engine does not look into it.
    public var passwordHash: String
    /// The name that is shown; empty for the username.
    public var displayName: String

    /// Creates an account's texts.
    public init(username: String, email: String, passwordHash: String, displayName: String = "") {
        self.username = username
        self.email = email
        self.passwordHash = passwordHash
        self.displayName = displayName
    }
}

/// What an account is to show of itself from now on; nil for what stays.
public struct ProfileUpdate: Sendable {
    /// The name that is shown.
    public var displayName: String?
    /// Some words about the account.
    public var bio: String?
    /// Where its picture is; empty for none.
    public var pictureURL: String?
    /// Whether who wants to follow has to ask. As `Command.setAccountPrivacy`; the only part that an account has which was never
    /// registered.
    public var isPrivate: Bool?

    /// Creates an update.
    public init(
        displayName: String? = nil, bio: String? = nil, pictureURL: String? = nil, isPrivate: Bool? = nil
    ) {
        self.displayName = displayName
        self.bio = bio
        self.pictureURL = pictureURL
        self.isPrivate = isPrivate
    }

    var hasTexts: Bool { displayName != nil || bio != nil || pictureURL != nil }
}

/// Another password or address; nil for what stays.
public struct CredentialsUpdate: Sendable {
    /// The hash of the password that was checked: when the account's is another one by now, nothing is changed.
    public var checkedHash: String
    /// The hash of the new password.
    public var passwordHash: String?
    /// The new address.
    public var email: String?
    /// The session that goes on; 0 for none. All others end.
    public var keptSession: UInt64
    /// What changes of the profile with it.
    public var profile = ProfileUpdate()

    /// Creates an update.
    public init(checkedHash: String, passwordHash: String? = nil, email: String? = nil, keptSession: UInt64 = 0) {
        self.checkedHash = checkedHash
        self.passwordHash = passwordHash
        self.email = email
        self.keptSession = keptSession
    }
}

/// What names an account.
public enum AccountName: Sendable, Equatable {
    /// Its id.
    case id(UserID)
    /// Its username, in any case.
    case username(String)
    /// Its address, in any case.
    case email(String)
}

/// A command about an account or a session.
public enum AccountCommand: Sendable {
    /// Makes an account. The actor is 0: who registers has no id yet.
    case register(NewAccount)
    /// The actor changes what its account shows.
    case changeProfile(ProfileUpdate)
    /// The actor changes its password or address.
    case changeCredentials(CredentialsUpdate)
    /// The actor deletes its account. Its name and address are free again.
    case delete
    /// Looks for an account, as of everything that was submitted before. Changes nothing.
    case find(AccountName)
    /// The actor logs in: a session begins, good until `expiresAt` (milliseconds since 1970) unless refreshed. A random number
    /// is part of what the hash is of.
    case startSession(checkedHash: String, RefreshHashes, expiresAt: UInt64)
    /// Somebody presents the refresh token number `generation` of a session, which the server has made for certain. The newest one
    /// is replaced; any other one ends the session, because two have it.
    case refreshSession(UInt64, generation: UInt32, RefreshHash, next: RefreshHash, expiresAt: UInt64)
    /// A session ends.
    case endSession(UInt64)
    /// Edges, requests, blocks and mutes of deleted accounts end; others are left alone. The engine says so itself.
    case removeEdges([AccountEdge])
}

/// Makes the hash of a session's first refresh token, which holds the session's id. Runs on the writer's thread.
public typealias RefreshHashes = @Sendable (_ session: UInt64) -> RefreshHash

/// What is known of an account, for those who check passwords. Not to be shown to anybody.
public struct AccountRecord: Sendable {
    /// The account.
    public var id: UserID
    /// Its public side.
    public var profile: PublicProfile
    /// Its address.
    public var email: String
    /// The hash of its password with its parameters.
    public var passwordHash: String
}

/// What everybody may know of an account.
public struct PublicProfile: Sendable, Equatable {
    /// The name, unique without regard to case.
    public var username: String
    /// The name that is shown.
    public var displayName: String
    /// Some words about the account.
    public var bio: String
    /// Where its picture is; empty for none.
    public var pictureURL: String
}

/// What became of a command about a session.
public enum SessionOutcome: Sendable, Equatable {
    /// It began.
    case started(UInt64)
    /// It has a new refresh token, number `generation`.
    case refreshed(user: UserID, generation: UInt32)
    /// It ended because a refresh token was used twice.
    case reused
    /// It is over; false when it was already.
    case ended(changed: Bool)
}
