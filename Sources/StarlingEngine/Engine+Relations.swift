import StarlingSystem

/// How a user stands to an account.
public struct Relationship: Sendable, Equatable {
    /// Whether the user follows the account.
    public var isFollowing: Bool
    /// Whether the account follows the user.
    public var isFollowedBy: Bool
    /// Whether the user has asked to follow the account, which has not answered.
    public var isPending: Bool
    /// Whether the user blocks the account.
    public var isBlocking: Bool
    /// Whether the account blocks the user.
    public var isBlockedBy: Bool
    /// Whether the user mutes the account now.
    public var isMuting: Bool
    /// Until when, in seconds since 1970 by the log's time; nil when the mute has no end, or there is none.
    public var mutedUntilSeconds: UInt32?

    /// Of two accounts that have nothing to do with each other.
    static var none: Relationship {
        Relationship(
            isFollowing: false, isFollowedBy: false, isPending: false, isBlocking: false, isBlockedBy: false,
            isMuting: false)
    }

    /// Creates a relationship in which nothing is muted for a time.
    public init(
        isFollowing: Bool, isFollowedBy: Bool, isPending: Bool, isBlocking: Bool, isBlockedBy: Bool, isMuting: Bool
    ) {
        self.isFollowing = isFollowing
        self.isFollowedBy = isFollowedBy
        self.isPending = isPending
        self.isBlocking = isBlocking
        self.isBlockedBy = isBlockedBy
        self.isMuting = isMuting
    }
}

/// An account that a user mutes.
public struct MuteEntry: Sendable {
    /// What the list is ordered by: the order in which accounts were first used.
    let index: UserIndex
    /// The account.
    public let user: UserID
    /// Until when, in seconds since 1970 by the log's time; nil for ever.
    public let untilSeconds: UInt32?
}

/// A page of the accounts that a user mutes.
public struct MutePage: Sendable {
    /// The accounts, in the order of their first use.
    public var entries: [MuteEntry]
    /// Where the next page begins; nil at the end.
    public var next: PagePosition?
    /// The last record that the page takes account of.
    public var asOfLSN: UInt64
}

extension Engine {
    /// How `user` stands to `target`, and `target` to `user`. Asks the workers of both.
    public func relationship(
        of user: UserID, to target: UserID, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<Relationship, EngineError>) -> Void
    ) {
        let isFollowed: @Sendable (Result<Relationship, EngineError>) -> Void = { [self] own in
            guard case .success(let own) = own else { return completion(own) }
            let whole: @Sendable (Result<Bool, EngineError>) -> Void = { result in
                completion(
                    result.map {
                        var relationship = own
                        relationship.isFollowedBy = $0
                        return relationship
                    })
            }
            onWorker(of: target, minimumLSN: minimumLSN, whole) { [users] worker in
                guard let first = users.index(of: user), let second = users.index(of: target),
                    !worker.isDeleted(first), !worker.isDeleted(second)
                else { return false }
                return worker.follows(second, first)
            }
        }
        onWorker(of: user, minimumLSN: minimumLSN, isFollowed) { [users] worker in
            guard let first = users.index(of: user), let second = users.index(of: target) else { return .none }
            return worker.relationship(of: first, to: second)
        }
    }

    /// A page of those who asked to follow a private account and have no answer yet, newest first.
    public func followRequests(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<EdgePage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UInt32(clamping: $0.rawValue) }
        onWorker(of: user, minimumLSN: minimumLSN, completion) { [users] worker in
            let entries =
                users.index(of: user).map { worker.requestEntries(of: $0, below: bound, limit: limit + 1) } ?? []
            return EdgePage(entries, limit: limit, asOfLSN: worker.appliedLSN)
        }
    }

    /// A page of the accounts that `user` blocks, in the order of the accounts' first use.
    public func blocks(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<EdgePage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UserIndex(clamping: $0.rawValue) }
        onWorker(of: user, minimumLSN: minimumLSN, completion) { [users] worker in
            let entries =
                users.index(of: user).map { worker.blockEntries(of: $0, after: bound, limit: limit + 1) } ?? []
            return EdgePage(entries, limit: limit, asOfLSN: worker.appliedLSN)
        }
    }

    /// A page of the accounts that `user` mutes now, in the order of the accounts' first use.
    public func mutes(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<MutePage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UserIndex(clamping: $0.rawValue) }
        onWorker(of: user, minimumLSN: minimumLSN, completion) { [users] worker in
            let entries =
                users.index(of: user).map { worker.muteEntries(of: $0, after: bound, limit: limit + 1) } ?? []
            let shown = Array(entries.prefix(limit))
            let next = entries.count > limit ? shown.last.map { PagePosition(rawValue: UInt64($0.index)) } : nil
            return MutePage(entries: shown, next: next, asOfLSN: worker.appliedLSN)
        }
    }
}
