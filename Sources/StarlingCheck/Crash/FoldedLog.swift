import StarlingLog
import StarlingSchema
import SwiftProtobuf

/// What a log says, folded by other code than the engine's: every record, and the posts and edges that it comes to.
/// What no log may say is a `Violation` already here: an id or key or text twice, an id that does not rise.
struct FoldedLog: Sendable {
    /// One record.
    struct Record: Sendable {
        var fact: Starling_V1_Fact.OneOf_Fact?
        var actor: UInt64
        var key: String
        /// The words of a post.
        var text: String
        var chain: UInt64
    }

    struct Post: Sendable {
        var id: UInt64
        var author: UInt64
        var text: String
        var isDeleted = false
    }

    /// An idempotency key belongs to an actor.
    struct Key: Hashable, Sendable {
        var actor: UInt64
        var text: String
    }

    /// Record n is at n - 1.
    private(set) var records: [Record] = []
    /// In the order of the log, which is the order of their ids.
    private(set) var posts: [Post] = []
    private var placeOfPost: [UInt64: Int] = [:]
    private(set) var lsnOfKey: [Key: UInt64] = [:]
    private(set) var placeOfText: [String: Int] = [:]
    private(set) var edges = Set<CheckedWrite.Edge>()
    private var followees: [UInt64: Set<UInt64>] = [:]
    private var followers: [UInt64: Set<UInt64>] = [:]
    private(set) var users = Set<UInt64>()

    var lastLSN: UInt64 { UInt64(records.count) }

    func record(_ lsn: UInt64) -> Record? {
        lsn >= 1 && lsn <= lastLSN ? records[Int(lsn) - 1] : nil
    }

    func post(_ id: UInt64) -> Post? { placeOfPost[id].map { posts[$0] } }

    /// Folds the next record.
    mutating func fold(_ view: LogRecordView) throws {
        guard view.lsn == lastLSN + 1 else { throw Violation("record \(view.lsn) follows record \(lastLSN)") }
        let fact = try Starling_V1_Fact(serializedBytes: Array(view.value))
        var text = ""
        if let body = view.body { text = try Starling_V1_PostBody(serializedBytes: Array(body)).text }
        records.append(
            Record(
                fact: fact.fact, actor: view.key, key: fact.idempotencyKey, text: text, chain: view.chain))
        if !fact.idempotencyKey.isEmpty {
            let key = Key(actor: view.key, text: fact.idempotencyKey)
            if let first = lsnOfKey.updateValue(view.lsn, forKey: key) {
                throw Violation("key \(key.text) of user \(key.actor) is stored twice: at \(first) and \(view.lsn)")
            }
        }
        try fold(fact, text: text, lsn: view.lsn)
    }

    private mutating func fold(_ fact: Starling_V1_Fact, text: String, lsn: UInt64) throws {
        switch fact.fact {
        case .followed(let edge): add(edge.userID, edge.targetID)
        case .unfollowed(let edge):
            edges.remove(CheckedWrite.Edge(follower: edge.userID, followee: edge.targetID))
            followees[edge.userID]?.remove(edge.targetID)
            followers[edge.targetID]?.remove(edge.userID)
        case .followsImported(let rows):
            for (user, target) in zip(rows.users, rows.targets) { add(user, target) }
        case .postCreated(let post): try add(post, text: text, lsn: lsn)
        case .postDeleted(let post):
            guard let place = placeOfPost[post.postID], posts[place].author == post.authorID else {
                throw Violation("record \(lsn) deletes post \(post.postID), which is not there")
            }
            posts[place].isDeleted = true
        case .fanoutModeChanged, .celebrityThresholdChanged, .readersAwayChanged, .acknowledged: break
        case .blocked, .unblocked, .muted, .unmuted, .accountPrivacyChanged, .followRequested, .followRequestsAccepted,
            .followRequestRemoved, .timePassed, .reacted, .unreacted, .commentCreated, .commentEdited,
            .commentDeleted, .postEdited, .notificationsRead, .postApproved, .postBlocked, .moderationRulesChanged:
            throw Violation("record \(lsn) is of a kind that the load never asks for")
        // The load has no accounts.
        case .accountRegistered, .profileChanged, .credentialsChanged, .accountDeleted, .sessionStarted,
            .sessionRefreshed, .sessionRevoked, .edgesRemoved:
            throw Violation("record \(lsn) is about an account, which the load has none of")
        case nil: throw Violation("record \(lsn) holds no fact")
        }
    }

    private mutating func add(_ follower: UInt64, _ followee: UInt64) {
        users.formUnion([follower, followee])
        edges.insert(CheckedWrite.Edge(follower: follower, followee: followee))
        followees[follower, default: []].insert(followee)
        followers[followee, default: []].insert(follower)
    }

    private mutating func add(_ post: Starling_V1_PostCreated, text: String, lsn: UInt64) throws {
        if let last = posts.last, post.postID <= last.id {
            throw Violation("record \(lsn) creates post \(post.postID) after post \(last.id)")
        }
        users.insert(post.authorID)
        placeOfPost[post.postID] = posts.count
        if let first = placeOfText.updateValue(posts.count, forKey: text) {
            throw Violation("\"\(text)\" was sent once and is posted twice: \(posts[first].id) and \(post.postID)")
        }
        posts.append(Post(id: post.postID, author: post.authorID, text: text))
    }

    /// By definition: the posts of all accounts that the reader follows, newest first, each once, without the deleted.
    func feed(_ reader: UInt64) -> [UInt64] {
        guard let authors = followees[reader], !authors.isEmpty else { return [] }
        return posts.reversed().lazy.filter { !$0.isDeleted && authors.contains($0.author) }.map(\.id)
    }

    func followerCount(_ user: UInt64) -> Int { followers[user]?.count ?? 0 }

    func followingCount(_ user: UInt64) -> Int { followees[user]?.count ?? 0 }

    var visiblePosts: Int { posts.count { !$0.isDeleted } }

    /// Posts that are not deleted, by author.
    func postCounts() -> [UInt64: Int] {
        posts.reduce(into: [:]) { if !$1.isDeleted { $0[$1.author, default: 0] += 1 } }
    }
}
