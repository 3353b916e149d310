extension FeedModel {
    /// The visible posts of all accounts that the reader follows, newest first: those below the post in `place`, at most
    /// `limit`.
    func feed(_ reader: UInt64, below place: Int = .max, limit: Int = .max) -> [UInt64] {
        feedPosts(reader, below: place, limit: limit).map(\.id)
    }

    /// The same, as posts.
    func feedPosts(_ reader: UInt64, below place: Int = .max, limit: Int = .max) -> [Post] {
        guard let number = number(of: reader) else { return [] }
        return newest(below: place, limit) { follows(number, $0.author) }
    }

    /// An author's posts that `viewer` may see, newest first.
    func posts(of author: UInt64, viewer: UInt64?, below place: Int = .max, limit: Int = .max) -> [UInt64] {
        guard let number = number(of: author) else { return [] }
        let seesAll = sees(number, viewer)
        return newest(below: place, limit) { $0.author == number && (seesAll || $0.fact.isPublic) }.map(\.id)
    }

    /// Whether the viewer may see what the author shows to followers only.
    func sees(_ author: Int, _ viewer: UInt64?) -> Bool {
        guard let viewer, let number = number(of: viewer) else { return false }
        return number == author || follows(number, author)
    }

    /// The ids among `ids` of posts that are there and that the viewer may see.
    func visible(_ ids: [UInt64], to viewer: UInt64?) -> [UInt64] {
        ids.filter { id in
            guard let place = place(of: id), !posts[place].isComment, !posts[place].isDeleted else { return false }
            return posts[place].fact.isPublic || sees(posts[place].author, viewer)
        }
    }

    private func newest(below bound: Int, _ limit: Int, _ isWanted: (Post) -> Bool) -> [Post] {
        var result: [Post] = []
        var place = min(bound, posts.count)
        while place > 0, result.count < limit {
            place -= 1
            if !posts[place].isDeleted, !posts[place].isComment, isWanted(posts[place]) { result.append(posts[place]) }
        }
        return result
    }

    /// Accounts that a user follows, in the order of the accounts' first use.
    func followees(_ user: UInt64) -> [UInt64] {
        guard let number = number(of: user) else { return [] }
        return users.indices.filter { follows(number, $0) }.map { users[$0] }
    }

    /// Accounts that follow a user, in the order of their first use.
    func followers(_ user: UInt64) -> [UInt64] {
        guard let number = number(of: user) else { return [] }
        return users.indices.filter { follows($0, number) }.map { users[$0] }
    }

    func postCount(_ user: UInt64) -> Int {
        guard let number = number(of: user) else { return 0 }
        return posts.count { $0.author == number && !$0.isComment && !$0.isDeleted }
    }

    /// Posts of the account with this number, deleted ones too, in the 24 hours up to its newest one.
    func postsPerDay(_ number: Int) -> Int {
        let times = posts.filter { $0.author == number && !$0.isComment }.map(\.milliseconds)
        guard let newest = times.last else { return 0 }
        return times.count { $0 + 86_400_000 >= newest }
    }

    /// Posts that are not deleted.
    var livePosts: Int { posts.count { !$0.isComment && !$0.isDeleted } }

    /// The place of a post that is there and that the viewer may see.
    func shownPost(_ id: UInt64, to viewer: UInt64) -> Int? {
        guard let place = place(of: id), !posts[place].isComment else { return nil }
        return isShown(place, to: viewer) ? place : nil
    }

    /// The place of a comment that is there, on a post that is there and that the viewer may see.
    func shownComment(_ id: UInt64, to viewer: UInt64) -> Int? {
        guard let place = place(of: id), !posts[place].isDeleted, let post = postPlace(ofCommentAt: place),
            isShown(post, to: viewer)
        else { return nil }
        return place
    }

    /// The place of the post that a comment is about; nil for a post.
    func postPlace(ofCommentAt place: Int) -> Int? { posts[place].postLSN.flatMap { self.place(ofPostAt: $0) } }

    private func isShown(_ place: Int, to viewer: UInt64) -> Bool {
        !posts[place].isDeleted && (posts[place].fact.isPublic || sees(posts[place].author, viewer))
    }

    /// The comments on a post, newest first.
    func comments(onPostAt place: Int) -> [Post] {
        posts.filter { $0.postLSN == posts[place].lsn && !$0.isDeleted }.reversed()
    }

    /// Posts that repeat one.
    func repostCount(ofPostAt place: Int) -> Int {
        posts.count { !$0.isComment && !$0.isDeleted && $0.fact.repostOf == posts[place].id && $0.fact.repostOf != 0 }
    }
}
