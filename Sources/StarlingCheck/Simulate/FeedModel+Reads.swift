import StarlingEngine

extension FeedModel {
    /// The visible posts of all accounts that the reader follows, newest first: those below the post in `place`, at most
    /// `limit`.
    func feed(_ reader: UInt64, below place: Int = .max, limit: Int = .max) -> [UInt64] {
        feedPosts(reader, below: place, limit: limit).map(\.id)
    }

    /// The same, as posts.
    func feedPosts(_ reader: UInt64, below place: Int = .max, limit: Int = .max) -> [Post] {
        guard let number = number(of: reader) else { return [] }
        return newest(below: place, limit) {
            $0.state == .published && follows(number, $0.author)
                && relations.mute(number, $0.author, at: seconds) == nil
        }
    }

    /// An author's posts that `viewer` may see, newest first.
    func posts(of author: UInt64, viewer: UInt64?, below place: Int = .max, limit: Int = .max) -> [UInt64] {
        guard let number = number(of: author) else { return [] }
        return newest(below: place, limit) { $0.author == number && sees($0, viewer) }.map(\.id)
    }

    /// Log time in seconds.
    var seconds: UInt64 { milliseconds / 1_000 }

    /// Whether the viewer may see a post.
    func sees(_ post: Post, _ viewer: UInt64?) -> Bool {
        let isForAll = post.fact.isPublic && !isPrivate[post.author]
        guard let viewer, let number = number(of: viewer) else { return post.state == .published && isForAll }
        if number == post.author { return true }
        return post.state == .published && !relations.isBlocked(number, post.author)
            && (isForAll || follows(number, post.author))
    }

    /// Whether the viewer may see who follows a user.
    func seesFollowers(of user: UInt64, _ viewer: UInt64?) -> Bool {
        guard let number = number(of: user), isPrivate[number] else { return true }
        return viewer.map { $0 == user || follows($0, user) } ?? false
    }

    /// The ids among `ids` of posts that are there and that the viewer may see.
    func visible(_ ids: [UInt64], to viewer: UInt64?) -> [UInt64] {
        ids.filter { id in
            guard let place = place(of: id), !posts[place].isComment, !posts[place].isDeleted else { return false }
            return sees(posts[place], viewer)
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
        return posts.count { $0.author == number && $0.isShown }
    }

    /// Posts of the account with this number, deleted ones too, in the 24 hours up to its newest one.
    func postsPerDay(_ number: Int) -> Int {
        let times = posts.filter { $0.author == number && !$0.isComment }.map(\.milliseconds)
        guard let newest = times.last else { return 0 }
        return times.count { $0 + 86_400_000 >= newest }
    }

    /// Posts that are neither deleted nor held back.
    var livePosts: Int { posts.count(where: \.isShown) }

    /// Posts that wait for a moderator, oldest first.
    var pendingPosts: [Post] { posts.filter { $0.state == .pending && !$0.isDeleted } }

    /// Whether one of a viewer and the author of a post or comment blocks the other.
    func isBlocked(_ viewer: UInt64, fromAuthorOf place: Int) -> Bool {
        number(of: viewer).map { relations.isBlocked($0, posts[place].author) } ?? false
    }

    /// The place of the post that a comment is about; nil for a post.
    func postPlace(ofCommentAt place: Int) -> Int? { posts[place].postLSN.flatMap { self.place(ofPostAt: $0) } }

    /// The comments on a post, newest first.
    func comments(onPostAt place: Int) -> [Post] {
        posts.filter { $0.postLSN == posts[place].lsn && !$0.isDeleted }.reversed()
    }

    /// Those that a viewer is shown.
    func comments(onPostAt place: Int, shownTo viewer: UInt64) -> [Post] {
        let number = number(of: viewer)
        return comments(onPostAt: place).filter { comment in
            number.map { !relations.isBlocked($0, comment.author) } ?? true
        }
    }

    /// A user's notifications, oldest first, without those by whom it mutes now and by whom it is blocked, or blocks.
    func notifications(of user: UInt64) -> [NotificationModel.Notification] {
        guard let own = number(of: user) else { return [] }
        return (notifications.lists[user] ?? []).filter { notification in
            guard let actor = number(of: notification.actor) else { return true }
            return !relations.isBlocked(own, actor) && relations.mute(own, actor, at: seconds) == nil
        }
    }

    /// Posts that repeat one.
    func repostCount(ofPostAt place: Int) -> Int {
        posts.count { $0.isShown && $0.fact.repostOf == posts[place].id && $0.fact.repostOf != 0 }
    }
}

extension FeedModel.Post {
    /// Whether it is a post that others see, as far as moderation goes.
    var isShown: Bool { !isComment && !isDeleted && state == .published }
}
