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
        /// As it was changed last.
        var fact: ExpectedFact.Post
        /// Of a comment the record that made its post.
        var postLSN: UInt64?
        var isDeleted = false
        var edits: UInt16 = 0
        /// The record that holds the newest body.
        var bodyLSN: UInt64
        /// Whether others see it.
        var state = PostState.published
        /// Whether it ever was otherwise.
        var wasHeld = false
        /// By account.
        var reactions: [Int: ReactionKind] = [:]

        var isComment: Bool { postLSN != nil }
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
    /// Posts and comments.
    private(set) var posts: [Post] = []
    private(set) var notifications: NotificationModel
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
    /// By the numbers of reader and author.
    private(set) var interactions: [[Int]: [Interaction]] = [:]
    /// The celebrity threshold as last set while running.
    private(set) var threshold: Int?
    /// Whether a follows b, at `a * population + b`.
    private var edges: [Bool]
    private var numbers: [UInt64: Int] = [:]
    private let population: Int

    init(population: Int, keyRetention: UInt64, notificationsKept: Int) {
        notifications = NotificationModel(limit: notificationsKept)
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
        case .followed(let edge):
            if add(edge) { notify(edge.followee, .follow, by: edge.follower, fact.milliseconds) }
        case .unfollowed(let follower, let followee): remove(follower, followee)
        case .imported(let rows, let requests, _, _):
            for row in rows { add(row) }
            for row in requests { ask(row) }
        case .posted(let post):
            posts.append(
                Post(
                    id: post.id, lsn: lsn, milliseconds: post.milliseconds, author: use(post.author), fact: post,
                    bodyLSN: lsn, state: post.waits ? .pending : .published, wasHeld: post.waits))
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
            endRequest(use(user), use(target))
            endRequest(use(target), use(user))
            relations.block(use(user), use(target), since: since / 1_000)
        case .unblocked(let user, let target): relations.unblock(use(user), use(target))
        case .muted(let user, let target, let until):
            relations.mute(use(user), use(target), until: until == 0 ? .max : until)
        case .unmuted(let user, let target): relations.unmute(use(user), use(target))
        case .privacySet(let user, let value): isPrivate[use(user)] = value
        case .requested(let edge):
            ask(edge)
            notify(edge.followee, .followRequest, by: edge.follower, fact.milliseconds)
        case .accepted(let target, let users, let since):
            for user in users {
                add(.init(follower: user, followee: target, sinceMilliseconds: since))
                notify(user, .followAccepted, by: target, since)
            }
        case .requestRemoved(let user, let target, _): endRequest(use(user), use(target))
        case .acknowledged, .timePassed: break
        case .reacted(let user, let target, let kind): react(user, target, kind, fact.milliseconds)
        case .commented(let comment): add(comment)
        case .commentEdited(let comment, _, let text): change(comment) { $0.fact.text = text }
        case .commentDeleted(let comment, _): deleteComment(comment)
        case .edited(let post):
            change(post.id) { $0.fact = post }
            if post.waits { judge(post.id, .pending, fact.milliseconds) }
        case .judged(let post, let isShown, _, _): judge(post, isShown ? .published : .blocked, fact.milliseconds)
        case .marked(let user, let mark): notifications.marks[user] = mark
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

    /// Whether it is new.
    @discardableResult
    private mutating func add(_ edge: ExpectedFact.Edge) -> Bool {
        let follower = use(edge.follower)
        let followee = use(edge.followee)
        if follows(follower, followee) { return false }
        endRequest(follower, followee)
        edges[follower * population + followee] = true
        followerCounts[followee] += 1
        edgeCount += 1
        return true
    }

    private mutating func ask(_ edge: ExpectedFact.Edge) {
        relations.ask(use(edge.follower), use(edge.followee), since: edge.sinceMilliseconds / 1_000)
    }

    private mutating func endRequest(_ requester: Int, _ target: Int) {
        if !relations.isWaiting(requester, target) { return }
        relations.removeRequest(requester, target)
        notifications.takeBack(.followRequest, by: users[requester], about: 0, from: users[target])
    }

    private mutating func remove(_ follower: UInt64, _ followee: UInt64) {
        guard let first = numbers[follower], let second = numbers[followee], follows(first, second) else { return }
        edges[first * population + second] = false
        followerCounts[second] -= 1
        edgeCount -= 1
        notifications.takeBack(.follow, by: follower, about: 0, from: followee)
    }

    private mutating func add(_ comment: ExpectedFact.Comment) {
        guard let post = place(of: comment.post) else { return }
        let words = ExpectedFact.Post(
            id: comment.id, milliseconds: comment.milliseconds, author: comment.author, text: comment.text, kind: .text,
            mediaURL: "", isPublic: posts[post].fact.isPublic, replyTo: 0, repostOf: 0)
        posts.append(
            Post(
                id: comment.id, lsn: lsn, milliseconds: comment.milliseconds, author: use(comment.author), fact: words,
                postLSN: posts[post].lsn, bodyLSN: lsn))
        interact(comment.author, withAuthorAt: post, weight: 2)
        notify(posts[post].fact.author, .comment, by: comment.author, about: lsn, comment.milliseconds)
    }

    private mutating func deleteComment(_ id: UInt64) {
        guard let comment = place(of: id), let post = posts[comment].postLSN.flatMap({ place(ofPostAt: $0) }) else {
            return
        }
        posts[comment].isDeleted = true
        notifications.takeBack(
            .comment, by: posts[comment].fact.author, about: posts[comment].lsn, from: posts[post].fact.author)
    }

    private mutating func change(_ id: UInt64, _ body: (inout Post) -> Void) {
        guard let place = place(of: id) else { return }
        body(&posts[place])
        posts[place].edits += 1
        posts[place].bodyLSN = lsn
    }

    private mutating func judge(_ id: UInt64, _ state: PostState, _ time: UInt64) {
        guard let place = place(of: id), posts[place].state != state else { return }
        posts[place].state = state
        if state != .published { posts[place].wasHeld = true }
        let (author, subject) = (posts[place].fact.author, posts[place].lsn)
        if state == .blocked {
            notify(author, .postBlocked, by: 0, about: subject, time)
        } else {
            notifications.takeBack(.postBlocked, by: 0, about: subject, from: author)
        }
    }

    private mutating func react(_ user: UInt64, _ target: UInt64, _ kind: ReactionKind?, _ time: UInt64) {
        guard let place = place(of: target) else { return }
        let old = posts[place].reactions.updateValue(kind ?? .like, forKey: use(user))
        if kind == nil { posts[place].reactions[use(user)] = nil }
        let (author, subject) = (posts[place].fact.author, posts[place].lsn)
        if kind == nil {
            notifications.takeBack(.reaction, by: user, about: subject, from: author)
        } else if old == nil {
            interact(user, withAuthorAt: place, weight: 1)
            notify(author, .reaction, by: user, about: subject, time)
        }
    }

    private mutating func interact(_ user: UInt64, withAuthorAt place: Int, weight: Double) {
        let (reader, author) = (use(user), posts[place].author)
        if reader == author { return }
        interactions[[reader, author], default: []].append(Interaction(second: seconds, weight: weight))
    }

    private mutating func notify(
        _ user: UInt64, _ kind: NotificationKind, by actor: UInt64, about subject: UInt64 = 0, _ time: UInt64
    ) {
        guard user != actor else { return }
        notifications.add(
            .init(number: lsn, kind: kind, actor: actor, subject: subject, milliseconds: time), to: user)
    }

    private mutating func remember(_ fact: ExpectedFact) {
        guard let (actor, answer) = KeyModel.answer(to: fact.change, lsn: lsn) else { return }
        keys.record(
            KeyModel.Key(actor: actor, text: fact.key),
            KeyModel.Entry(fingerprint: fact.fingerprint, lsn: lsn, milliseconds: milliseconds, answer: answer))
    }
}
