import StarlingEngine
import StarlingSimulation

/// Blocks, mutes, private accounts and requests, run to their answers.
extension EngineFixture {
    /// Runs a command that answers with whether something changed.
    @discardableResult
    func change(_ command: Command, as actor: UInt64, key: String? = nil) throws -> Bool {
        let receipt = try run(command, as: actor, key: key)
        guard case .changed(let changed) = receipt.outcome else { throw UnexpectedOutcome() }
        return changed
    }

    @discardableResult
    func block(_ user: UInt64, _ target: UInt64) throws -> Bool {
        try change(.block(UserID(rawValue: target)), as: user)
    }

    @discardableResult
    func unblock(_ user: UInt64, _ target: UInt64) throws -> Bool {
        try change(.unblock(UserID(rawValue: target)), as: user)
    }

    @discardableResult
    func mute(_ user: UInt64, _ target: UInt64, until: UInt32? = nil) throws -> Bool {
        try change(.mute(UserID(rawValue: target), until: until), as: user)
    }

    @discardableResult
    func unmute(_ user: UInt64, _ target: UInt64) throws -> Bool {
        try change(.unmute(UserID(rawValue: target)), as: user)
    }

    @discardableResult
    func setPrivate(_ user: UInt64, _ isPrivate: Bool = true) throws -> Bool {
        try change(.setAccountPrivacy(isPrivate), as: user)
    }

    @discardableResult
    func accept(_ account: UInt64, _ requester: UInt64) throws -> Bool {
        try change(.acceptFollowRequest(UserID(rawValue: requester)), as: account)
    }

    @discardableResult
    func reject(_ account: UInt64, _ requester: UInt64) throws -> Bool {
        try change(.rejectFollowRequest(UserID(rawValue: requester)), as: account)
    }

    /// What becomes of a follow.
    func followOutcome(_ follower: UInt64, _ followee: UInt64, key: String? = nil) throws -> FollowOutcome {
        let receipt = try run(.follow(UserID(rawValue: followee)), as: follower, key: key)
        guard case .follow(let outcome) = receipt.outcome else { throw UnexpectedOutcome() }
        return outcome
    }

    func unfollowOutcome(_ follower: UInt64, _ followee: UInt64) throws -> FollowOutcome {
        let receipt = try run(.unfollow(UserID(rawValue: followee)), as: follower)
        guard case .follow(let outcome) = receipt.outcome else { throw UnexpectedOutcome() }
        return outcome
    }

    func relationship(_ user: UInt64, _ target: UInt64) throws -> Relationship {
        try read {
            engine.relationship(
                of: UserID(rawValue: user), to: UserID(rawValue: target), minimumLSN: engine.publishedLSN,
                completion: $0)
        }
    }

    /// Who waits for an account, newest first, page by page.
    func requests(to account: UInt64, limit: Int = 50) throws -> [UInt64] {
        try all { position in
            let page = try self.read {
                self.engine.followRequests(
                    of: UserID(rawValue: account), from: position, limit: limit,
                    minimumLSN: self.engine.publishedLSN, completion: $0)
            }
            return (page.entries.map(\.user.rawValue), page.next)
        }
    }

    func blocks(of user: UInt64, limit: Int = 50) throws -> [UInt64] {
        try all { position in
            let page = try self.read {
                self.engine.blocks(
                    of: UserID(rawValue: user), from: position, limit: limit,
                    minimumLSN: self.engine.publishedLSN, completion: $0)
            }
            return (page.entries.map(\.user.rawValue), page.next)
        }
    }

    func mutes(of user: UInt64, limit: Int = 50) throws -> [UInt64] {
        try all { position in
            let page = try self.read {
                self.engine.mutes(
                    of: UserID(rawValue: user), from: position, limit: limit,
                    minimumLSN: self.engine.publishedLSN, completion: $0)
            }
            return (page.entries.map(\.user.rawValue), page.next)
        }
    }

    /// The followers that `viewer` is shown; nil when they are hidden.
    func followers(of user: UInt64, viewer: UInt64?) throws -> Set<UInt64>? {
        do {
            let page = try read {
                engine.followers(
                    of: UserID(rawValue: user), viewer: viewer.map { UserID(rawValue: $0) }, limit: 1_000,
                    minimumLSN: engine.publishedLSN, completion: $0)
            }
            return Set(page.entries.map(\.user.rawValue))
        } catch let error as EngineError where error.name == "privateAccount" {
            return nil
        }
    }

    /// A post that only followers see.
    func postForFollowers(_ author: UInt64) throws -> PostID {
        var post = NewPost(author: UserID(rawValue: author), text: "for followers")
        post.visibility = .followers
        guard case .post(let id) = try run(.createPost(post), as: author).outcome else { throw UnexpectedOutcome() }
        return id
    }

    /// Seconds since 1970 by the clock.
    var second: UInt32 { UInt32(time.wallMilliseconds() / 1_000) }

    private func all(_ page: (PagePosition?) throws -> ([UInt64], PagePosition?)) throws -> [UInt64] {
        var result: [UInt64] = []
        var position: PagePosition?
        repeat {
            let (entries, next) = try page(position)
            result += entries
            position = next
        } while position != nil
        return result
    }
}
