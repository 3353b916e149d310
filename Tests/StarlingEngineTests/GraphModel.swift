import StarlingEngine

/// What follows, requests, blocks, mutes and private accounts mean, in the simplest form: sets of pairs and a list of posts.
struct GraphModel {
    struct Pair: Hashable {
        var user: UInt64
        var target: UInt64

        init(_ user: UInt64, _ target: UInt64) {
            self.user = user
            self.target = target
        }

        var reversed: Pair { Pair(target, user) }
    }

    struct Post {
        var id: PostID
        var author: UInt64
        var isPublic: Bool
        var isDeleted = false
    }

    private(set) var posts: [Post] = []
    private(set) var follows: Set<Pair> = []
    /// The oldest first.
    private(set) var requests: [Pair] = []
    private(set) var blocks: Set<Pair> = []
    /// Until when, in seconds; `.max` for ever.
    private(set) var mutes: [Pair: UInt32] = [:]
    private(set) var privates: Set<UInt64> = []
    /// The second in which log time is.
    var second: UInt32 = 0

    func isBlocked(_ pair: Pair) -> Bool { blocks.contains(pair) || blocks.contains(pair.reversed) }

    func isMuted(_ pair: Pair, at second: UInt32) -> Bool { mutes[pair].map { $0 > second } ?? false }

    // MARK: Commands. Nil when it is refused.

    mutating func follow(_ pair: Pair) -> FollowOutcome? {
        if follows.contains(pair) { return .init(state: .following, changed: false) }
        if isBlocked(pair) { return nil }
        if privates.contains(pair.target) {
            if requests.contains(pair) { return .init(state: .pending, changed: false) }
            requests.append(pair)
            return .init(state: .pending, changed: true)
        }
        follows.insert(pair)
        return .init(state: .following, changed: true)
    }

    mutating func unfollow(_ pair: Pair) -> FollowOutcome {
        let changed = follows.remove(pair) != nil || removeRequest(pair)
        return .init(state: .none, changed: changed)
    }

    private mutating func removeRequest(_ pair: Pair) -> Bool {
        guard let place = requests.firstIndex(of: pair) else { return false }
        requests.remove(at: place)
        return true
    }

    mutating func accept(_ pair: Pair) -> Bool? {
        guard removeRequest(pair) else { return follows.contains(pair) ? false : nil }
        follows.insert(pair)
        return true
    }

    mutating func reject(_ pair: Pair) -> Bool { removeRequest(pair) }

    mutating func block(_ pair: Pair) -> Bool {
        guard blocks.insert(pair).inserted else { return false }
        for one in [pair, pair.reversed] {
            follows.remove(one)
            _ = removeRequest(one)
        }
        return true
    }

    mutating func unblock(_ pair: Pair) -> Bool { blocks.remove(pair) != nil }

    /// `now` is the second in which a record would be written.
    mutating func mute(_ pair: Pair, until: UInt32?, now: UInt32) -> Bool? {
        if let until, until <= now { return nil }
        if isMuted(pair, at: now), mutes[pair] == until ?? .max { return false }
        mutes[pair] = until ?? .max
        return true
    }

    mutating func unmute(_ pair: Pair, now: UInt32) -> Bool {
        guard isMuted(pair, at: now) else { return false }
        mutes[pair] = nil
        return true
    }

    mutating func setPrivate(_ user: UInt64, _ isPrivate: Bool) -> Bool {
        guard isPrivate else {
            guard privates.remove(user) != nil else { return false }
            follows.formUnion(requests.filter { $0.target == user })
            requests.removeAll { $0.target == user }
            return true
        }
        return privates.insert(user).inserted
    }

    /// An account is gone with all that it had to do with others.
    mutating func deleteAccount(_ user: UInt64) {
        follows = follows.filter { $0.user != user && $0.target != user }
        requests.removeAll { $0.user == user || $0.target == user }
        blocks = blocks.filter { $0.user != user && $0.target != user }
        mutes = mutes.filter { $0.key.user != user && $0.key.target != user }
        privates.remove(user)
        for place in posts.indices where posts[place].author == user { posts[place].isDeleted = true }
    }

    mutating func add(_ post: Post) { posts.append(post) }

    mutating func delete(at place: Int) -> Bool {
        defer { posts[place].isDeleted = true }
        return !posts[place].isDeleted
    }

    // MARK: Reads

    func sees(_ viewer: UInt64?, _ post: Post) -> Bool {
        if post.isDeleted { return false }
        if viewer == post.author { return true }
        let isForAll = post.isPublic && !privates.contains(post.author)
        guard let viewer else { return isForAll }
        let pair = Pair(viewer, post.author)
        return !isBlocked(pair) && (isForAll || follows.contains(pair))
    }

    func feed(_ reader: UInt64) -> [PostID] {
        posts.reversed().filter {
            let pair = Pair(reader, $0.author)
            return follows.contains(pair) && !isMuted(pair, at: second) && sees(reader, $0)
        }.map(\.id)
    }

    func posts(of author: UInt64, viewer: UInt64?) -> [PostID] {
        posts.reversed().filter { $0.author == author && sees(viewer, $0) }.map(\.id)
    }

    func relationship(_ pair: Pair) -> Relationship {
        var result = Relationship(
            isFollowing: follows.contains(pair), isFollowedBy: follows.contains(pair.reversed),
            isPending: requests.contains(pair), isBlocking: blocks.contains(pair),
            isBlockedBy: blocks.contains(pair.reversed), isMuting: isMuted(pair, at: second))
        if result.isMuting, mutes[pair] != .max { result.mutedUntilSeconds = mutes[pair] }
        return result
    }

    func followers(of user: UInt64) -> Set<UInt64> { Set(follows.filter { $0.target == user }.map(\.user)) }

    func followees(of user: UInt64) -> Set<UInt64> { Set(follows.filter { $0.user == user }.map(\.target)) }

    /// Who waits for the account, newest first.
    func requests(to user: UInt64) -> [UInt64] { requests.reversed().filter { $0.target == user }.map(\.user) }

    func showsFollowers(of user: UInt64, to viewer: UInt64?) -> Bool {
        guard privates.contains(user) else { return true }
        return viewer.map { $0 == user || follows.contains(Pair($0, user)) } ?? false
    }
}
