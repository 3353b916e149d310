import StarlingEngine
import StarlingSystem

/// Reactions, comments, changes and read marks: random ones, and what must come of them.
extension SimulationRun {
    func reaction() -> Command {
        let kind = chance(25) ? nil : ReactionKind.allCases[number(0...ReactionKind.allCases.count - 1)]
        let isComment = chance(30)
        // Now and then by the other kind's name, which must not be found.
        let isMistaken = chance(3)
        let id = anyContent { $0.isComment == isComment } ?? PostID(rawValue: random.next())
        return .react(isComment != isMistaken ? .comment(id) : .post(id), kind)
    }

    func comment() -> Command {
        .createComment(NewComment(post: anyPost() ?? PostID(rawValue: random.next()), text: text()))
    }

    func commentChange() -> WriteRequest {
        guard let id = anyContent(\.isComment), let place = oracle.model.place(of: id.rawValue) else {
            return WriteRequest(command: comment(), context: WriteContext(actor: user()))
        }
        let author = UserID(rawValue: oracle.model.posts[place].fact.author)
        let context = WriteContext(actor: chance(85) ? author : user())
        return WriteRequest(command: chance(50) ? .deleteComment(id) : .editComment(id, text()), context: context)
    }

    func postEdit() -> WriteRequest {
        guard let id = anyPost(), let place = oracle.model.place(of: id.rawValue) else {
            return WriteRequest(command: comment(), context: WriteContext(actor: user()))
        }
        let post = oracle.model.posts[place]
        let body = PostBody(
            text: chance(95) ? text() : "", kind: post.fact.kind, mediaURL: chance(80) ? post.fact.mediaURL : "",
            thumbnailURL: "", visibility: post.fact.isPublic ? .public : .followers,
            replyTo: post.fact.replyTo == 0 ? nil : PostID(rawValue: post.fact.replyTo),
            repostOf: post.fact.repostOf == 0 ? nil : PostID(rawValue: post.fact.repostOf))
        let edits = chance(95) ? post.edits : post.edits &+ 1
        let author = UserID(rawValue: post.fact.author)
        return WriteRequest(
            command: .editPost(PostEdit(post: id, body: body, edits: edits)),
            context: WriteContext(actor: chance(95) ? author : user()))
    }

    /// Of some posts and comments the counters, who reacted, and the comments; and of some users the notifications.
    func checkEngagement() throws(InvariantViolation) {
        guard !oracle.model.posts.isEmpty else { return }
        for _ in 0..<12 {
            let place = number(0...oracle.model.posts.count - 1)
            let post = oracle.model.posts[place]
            if post.id == 0 { continue }
            try checkCounts(at: place)
            if !post.isComment, !post.isDeleted, chance(50) {
                try checkComments(onPostAt: place)
                try checkReactors(ofPostAt: place)
            }
        }
        for _ in 0..<3 { try checkNotifications(of: user().rawValue) }
    }

    private func checkCounts(at place: Int) throws(InvariantViolation) {
        let model = oracle.model
        let post = model.posts[place]
        let found: PostCounts? = try read("counters") {
            self.running().counts(of: PostID(rawValue: post.id), completion: $0)
        }
        let isRight = ReactionKind.allCases.allSatisfy { kind in
            found?[kind] == post.reactions.values.count { $0 == kind }
        }
        guard let found, isRight, found.reactions == post.reactions.count,
            found.comments == (post.isComment ? 0 : model.comments(onPostAt: place).count),
            found.reposts == (post.isComment ? 0 : model.repostCount(ofPostAt: place))
        else { throw InvariantViolation(.counters, "the counters of \(post.id) are \(found as Any)") }
    }

    private func checkComments(onPostAt place: Int) throws(InvariantViolation) {
        let post = oracle.model.posts[place]
        let limit = number(1...20)
        let author = UserID(rawValue: post.fact.author)
        let expected = oracle.model.comments(onPostAt: place, shownTo: author.rawValue)
        let page: PostPage? = try read("comments") {
            self.running().comments(on: PostID(rawValue: post.id), viewer: author, limit: limit, completion: $0)
        }
        guard let page else { throw InvariantViolation(.counters, "post \(post.id) is not there") }
        try comparePage(page, expected.map(\.id), limit, "the comments on \(post.id)")
        let own = oracle.model.number(of: author.rawValue)
        for (detail, comment) in zip(page.details, expected) {
            guard detail.ownReaction == own.flatMap({ comment.reactions[$0] }),
                detail.counts.reactions == comment.reactions.count
            else { throw InvariantViolation(.counters, "of comment \(comment.id) a page says \(detail)") }
        }
    }

    private func checkReactors(ofPostAt place: Int) throws(InvariantViolation) {
        let post = oracle.model.posts[place]
        let author = UserID(rawValue: post.fact.author)
        let limit = number(2...24)
        var found: [ReactionEntry] = []
        var position: PagePosition?
        repeat {
            let page: ReactionPage? = try read("reactions") {
                self.running().reactions(
                    to: PostID(rawValue: post.id), viewer: author, from: position, limit: limit, completion: $0)
            }
            found += page?.entries ?? []
            position = page?.next
        } while position != nil
        let users = oracle.model.users
        let expected = post.reactions.sorted { $0.key < $1.key }
        guard found.map(\.user.rawValue) == expected.map({ users[$0.key] }), found.map(\.kind) == expected.map(\.value)
        else { throw InvariantViolation(.counters, "those who reacted to \(post.id) are \(found)") }
    }

    private func checkNotifications(of user: UInt64) throws(InvariantViolation) {
        let limit = number(8...60)
        var found: [NotificationEntry] = []
        var position: PagePosition?
        var unread = 0
        repeat {
            let page: NotificationPage = try read("notifications") {
                self.running().notifications(
                    of: UserID(rawValue: user), from: position, limit: limit, completion: $0)
            }
            found += page.entries
            position = page.next
            unread = page.unreadCount
        } while position != nil
        let expected = oracle.model.notifications(of: user).reversed().map { entry(for: $0, of: user) }
        guard found == expected, unread == expected.count(where: { !$0.isRead }) else {
            throw InvariantViolation(
                .counters, "the notifications of \(user) are \(found), \(unread) unread; expected \(expected)")
        }
        trace.add(UInt64(found.count))
    }

    /// As the engine shows it, ids that nobody was told of being what the engine says.
    private func entry(for expected: NotificationModel.Notification, of user: UInt64) -> NotificationEntry {
        let model = oracle.model
        let subject = model.place(ofPostAt: expected.subject)
        let post = subject.flatMap { model.postPlace(ofCommentAt: $0) } ?? subject
        return NotificationEntry(
            number: expected.number, kind: expected.kind,
            actor: expected.actor == 0 ? nil : UserID(rawValue: expected.actor),
            post: post.map { PostID(rawValue: model.posts[$0].id) },
            comment: subject.flatMap { model.posts[$0].isComment ? PostID(rawValue: model.posts[$0].id) : nil },
            milliseconds: expected.milliseconds, isRead: expected.number <= model.notifications.marks[user] ?? 0)
    }
}
