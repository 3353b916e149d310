import StarlingEngine

/// What feeds are by definition: no timelines, no cursors, no modes, just the posts and the edges.
struct FeedModel {
    struct Post {
        var id: PostID
        var author: UInt64
        var isDeleted = false
    }

    struct Edge: Hashable {
        var follower: UInt64
        var followee: UInt64
    }

    private(set) var posts: [Post] = []
    /// In no particular order, but the same in every run.
    private(set) var edges: [Edge] = []
    private var places: [Edge: Int] = [:]
    private var followeesOf: [UInt64: Set<UInt64>] = [:]
    private var followersOf: [UInt64: Set<UInt64>] = [:]

    mutating func follow(_ follower: UInt64, _ followee: UInt64) -> Bool {
        let edge = Edge(follower: follower, followee: followee)
        guard places[edge] == nil else { return false }
        places[edge] = edges.count
        edges.append(edge)
        followeesOf[follower, default: []].insert(followee)
        followersOf[followee, default: []].insert(follower)
        return true
    }

    mutating func unfollow(_ follower: UInt64, _ followee: UInt64) -> Bool {
        guard let place = places.removeValue(forKey: Edge(follower: follower, followee: followee)) else { return false }
        let last = edges.removeLast()
        if place < edges.count {
            edges[place] = last
            places[last] = place
        }
        followeesOf[follower]?.remove(followee)
        followersOf[followee]?.remove(follower)
        return true
    }

    mutating func add(_ id: PostID, by author: UInt64) { posts.append(Post(id: id, author: author)) }

    mutating func delete(at place: Int) -> Bool {
        defer { posts[place].isDeleted = true }
        return !posts[place].isDeleted
    }

    mutating func delete(_ id: PostID) {
        if let place = posts.lastIndex(where: { $0.id == id }) { posts[place].isDeleted = true }
    }

    /// The visible posts of all accounts that the reader follows, newest first; the first `limit` of them.
    func feed(_ reader: UInt64, limit: Int = .max) -> [PostID] {
        guard let authors = followeesOf[reader], !authors.isEmpty else { return [] }
        return newest(limit) { authors.contains($0) }
    }

    func posts(of author: UInt64) -> [PostID] { newest(.max) { $0 == author } }

    private func newest(_ limit: Int, by isWanted: (UInt64) -> Bool) -> [PostID] {
        var result: [PostID] = []
        var place = posts.count
        while place > 0, result.count < limit {
            place -= 1
            if !posts[place].isDeleted, isWanted(posts[place].author) { result.append(posts[place].id) }
        }
        return result
    }

    func followees(_ reader: UInt64) -> Set<UInt64> { followeesOf[reader] ?? [] }

    func followers(_ author: UInt64) -> Set<UInt64> { followersOf[author] ?? [] }
}
