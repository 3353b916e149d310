import StarlingEngine

/// What feeds, lists and counters are by definition: no timelines, no floors, no workers, just the facts in their order.
/// Posts are named by the record that made them, because the id of a post that was never answered is not known.
struct FeedModel {
    struct Post {
        var id: UInt64
        let lsn: UInt64
        /// By its id.
        let milliseconds: UInt64
        let author: Int
        let fact: ExpectedFact.Post
        var isDeleted = false
    }

    struct LastSwitch {
        var milliseconds: UInt64
        var fact: ExpectedFact.Switch
    }

    /// Records folded.
    private(set) var lsn: UInt64 = 0
    /// Log time.
    private(set) var milliseconds: UInt64 = 0
    /// Accounts in the order of their first use.
    private(set) var users: [UInt64] = []
    private(set) var posts: [Post] = []
    private(set) var isPulled: [Bool] = []
    /// Each author's last switch between push and pull.
    private(set) var lastSwitches: [LastSwitch?] = []
    private(set) var isAway: [Bool] = []
    private(set) var followerCounts: [Int] = []
    private(set) var isPrivate: [Bool] = []
    /// Blocks, mutes and requests.
    var relations: RelationModel
    private(set) var keys: KeyModel
    private(set) var edgeCount = 0
    /// The celebrity threshold as last set while running.
    private(set) var threshold: Int?
    /// Whether a follows b, at `a * population + b`.
    private var edges: [Bool]
    private var numbers: [UInt64: Int] = [:]
    private let population: Int

    init(population: Int, keyRetention: UInt64) {
        self.population = population
        keys = KeyModel(retention: keyRetention)
        relations = RelationModel(population: population)
        edges = Array(repeating: false, count: population * population)
    }

    /// Where an account stands in `users`; nil for one that no record has used.
    func number(of user: UInt64) -> Int? { numbers[user] }

    func follows(_ follower: Int, _ followee: Int) -> Bool { edges[follower * population + followee] }

    func follows(_ follower: UInt64, _ followee: UInt64) -> Bool {
        guard let first = numbers[follower], let second = numbers[followee] else { return false }
        return follows(first, second)
    }

    /// The place of a post in `posts`, by the record that made it.
    func place(ofPostAt lsn: UInt64) -> Int? {
        var low = 0
        var high = posts.count
        while low < high {
            let middle = (low + high) / 2
            if posts[middle].lsn < lsn { low = middle + 1 } else { high = middle }
        }
        return low < posts.count && posts[low].lsn == lsn ? low : nil
    }

    /// The place of a post in `posts`, by its id.
    func place(of id: UInt64) -> Int? { id == 0 ? nil : posts.lastIndex { $0.id == id } }

    /// The nearest ids that are known of posts before and after that of a record.
    func knownIDs(aroundPostAt lsn: UInt64) -> (below: UInt64, above: UInt64) {
        guard let place = place(ofPostAt: lsn) else { return (0, .max) }
        let below = posts[..<place].last { $0.id != 0 }?.id ?? 0
        let above = posts[(place + 1)...].first { $0.id != 0 }?.id ?? .max
        return (below, above)
    }

    mutating func learn(_ id: UInt64, ofPostAt lsn: UInt64) {
        if let place = place(ofPostAt: lsn) { posts[place].id = id }
    }

    mutating func apply(_ fact: ExpectedFact) {
        lsn += 1
        milliseconds = max(milliseconds, fact.milliseconds)
        switch fact.change {
        case .followed(let edge): add(edge)
        case .unfollowed(let follower, let followee): remove(follower, followee)
        case .imported(let rows, let requests, _, _):
            for row in rows { add(row) }
            for row in requests { ask(row) }
        case .posted(let post):
            posts.append(
                Post(
                    id: post.id, lsn: lsn, milliseconds: post.milliseconds, author: use(post.author), fact: post))
        case .deleted(let post, _): if let place = place(of: post) { posts[place].isDeleted = true }
        case .switched(let change):
            let author = use(change.author)
            isPulled[author] = change.isPulled
            lastSwitches[author] = LastSwitch(milliseconds: fact.milliseconds, fact: change)
        case .thresholdSet(let value): threshold = Int(value)
        case .awaySet(let users, let away): for user in users { isAway[use(user)] = away }
        case .blocked(let user, let target, let since):
            remove(user, target)
            remove(target, user)
            relations.block(use(user), use(target), since: since / 1_000)
        case .unblocked(let user, let target): relations.unblock(use(user), use(target))
        case .muted(let user, let target, let until):
            relations.mute(use(user), use(target), until: until == 0 ? .max : until)
        case .unmuted(let user, let target): relations.unmute(use(user), use(target))
        case .privacySet(let user, let value): isPrivate[use(user)] = value
        case .requested(let edge): ask(edge)
        case .accepted(let target, let users, let since):
            for user in users { add(.init(follower: user, followee: target, sinceMilliseconds: since)) }
        case .requestRemoved(let user, let target, _): relations.removeRequest(use(user), use(target))
        case .acknowledged, .timePassed: break
        }
        if !fact.key.isEmpty { remember(fact) }
    }

    private mutating func use(_ user: UInt64) -> Int {
        if let number = numbers[user] { return number }
        numbers[user] = users.count
        users.append(user)
        isPulled.append(false)
        lastSwitches.append(nil)
        isAway.append(false)
        isPrivate.append(false)
        followerCounts.append(0)
        return users.count - 1
    }

    private mutating func add(_ edge: ExpectedFact.Edge) {
        let follower = use(edge.follower)
        let followee = use(edge.followee)
        if follows(follower, followee) { return }
        relations.removeRequest(follower, followee)
        edges[follower * population + followee] = true
        followerCounts[followee] += 1
        edgeCount += 1
    }

    private mutating func ask(_ edge: ExpectedFact.Edge) {
        relations.ask(use(edge.follower), use(edge.followee), since: edge.sinceMilliseconds / 1_000)
    }

    private mutating func remove(_ follower: UInt64, _ followee: UInt64) {
        guard let first = numbers[follower], let second = numbers[followee], follows(first, second) else { return }
        edges[first * population + second] = false
        followerCounts[second] -= 1
        edgeCount -= 1
    }

    private mutating func remember(_ fact: ExpectedFact) {
        guard let (actor, answer) = KeyModel.answer(to: fact.change, lsn: lsn) else { return }
        keys.record(
            KeyModel.Key(actor: actor, text: fact.key),
            KeyModel.Entry(fingerprint: fact.fingerprint, lsn: lsn, milliseconds: milliseconds, answer: answer))
    }
}
