import StarlingMemory
import StarlingSets

extension Worker {
    /// What others, and `viewer`, whom this worker owns, did with posts or comments.
    func details(of entries: some Collection<PostEntry>, for viewer: UserID?) -> [PostDetail] {
        for entry in entries { engagements.prefetch(entry.ordinal) }
        let own = viewer.flatMap { users.index(of: $0) }.flatMap { reader($0) }.map { reactions.rows + $0 }
        return entries.map { entry in
            var detail = PostDetail()
            let row = engagements.row(of: entry.ordinal)
            if posts.marks(entry.ordinal) & PostTable.heldMark != 0 {
                detail.state = holds[entry.ordinal].state
                detail.edits = row?.pointee.edits ?? 0
            }
            guard let row else { return detail }
            detail.counts = row.pointee.counts
            if let own, let kind = reactionSets.find(entry.ordinal, in: own)?.value {
                detail.ownReaction = ReactionKind(rawValue: UInt8(clamping: kind))
            }
            return detail
        }
    }

    /// A page of the comments on a post, newest first; nil when `viewer` may not see the post.
    func commentPage(of post: PostID, viewer: UserID?, below bound: PostOrdinal, limit: Int) -> PostPage? {
        guard let ordinal = posts.findPost(post, among: posts.publishedCount), isShown(ordinal, to: viewer) else {
            return nil
        }
        var ordinals: [PostOrdinal] = []
        var comment = posts.newest(below: bound, from: engagements.row(of: ordinal)?.pointee.newestComment ?? 0)
        let reader = viewer.flatMap { users.index(of: $0) }
        while comment != 0, ordinals.count <= limit {
            let author = posts.rows[Int(comment)].author
            if isLive(comment), reader.map({ !isBlocked($0, author) }) ?? true { ordinals.append(comment) }
            comment = posts.rows[Int(comment)].previous
        }
        return page(ordinals, limit: limit, viewer: viewer)
    }

    /// One comment; nil when it or its post is gone, or when `viewer` may not see the post or the comment's author.
    func comment(_ id: PostID, viewer: UserID?) -> CommentEntry? {
        guard let ordinal = posts.findComment(id, among: posts.publishedCount),
            posts.rows[Int(ordinal)].lsn <= appliedLSN, isLive(ordinal),
            isShown(posts.rows[Int(ordinal)].parent, to: viewer),
            !isBlocked(viewer, from: posts.rows[Int(ordinal)].author)
        else { return nil }
        return commentEntry(ordinal, viewer: viewer)
    }

    /// A user's own comments, newest first, below `bound`, on whatever is still there.
    func ownComments(of user: UserID, below bound: PostOrdinal, limit: Int) -> OwnCommentPage {
        var page = OwnCommentPage(entries: [], next: nil)
        guard let index = users.index(of: user) else { return page }
        var comment = posts.ownComments.newest(of: index)
        while comment != 0 {
            let row = posts.rows[Int(comment)]
            if comment < bound, row.lsn <= appliedLSN, isLive(comment), isLive(row.parent) {
                if page.entries.count == limit {
                    page.next = page.entries.last.map { PagePosition(rawValue: UInt64($0.entry.ordinal)) }
                    break
                }
                page.entries.append(commentEntry(comment, viewer: user))
            }
            comment = posts.ownComments.before(comment)
        }
        return page
    }

    /// What a user of this worker reacted to, in the order of the log, after `bound`.
    func ownReactions(of user: UserID, after bound: PostOrdinal, limit: Int) -> OwnReactionPage {
        var page = OwnReactionPage(entries: [], next: nil)
        guard let own = users.index(of: user).flatMap({ reader($0) }) else { return page }
        var entries = reactionSets.ascending(reactions.rows + own, above: bound)
        var last: PostOrdinal = 0
        while let entry = entries.next() {
            if !isLive(entry.key) { continue }
            if page.entries.count == limit {
                page.next = PagePosition(rawValue: UInt64(last))
                break
            }
            let row = posts.rows[Int(entry.key)]
            let id = PostID(rawValue: row.id)
            page.entries.append(
                OwnReaction(
                    target: row.isComment ? .comment(id) : .post(id),
                    kind: ReactionKind(rawValue: UInt8(clamping: entry.value)) ?? .like))
            last = entry.key
        }
        return page
    }

    private func commentEntry(_ ordinal: PostOrdinal, viewer: UserID?) -> CommentEntry {
        let entry = entry(ordinal)
        return CommentEntry(
            entry: entry, post: PostID(rawValue: posts.rows[Int(posts.rows[Int(ordinal)].parent)].id),
            detail: details(of: [entry], for: viewer)[0])
    }

    /// A post or comment as the record `lsn` has changed it, whatever came after; nil when there is no such thing.
    func changed(_ id: PostID, at lsn: UInt64, viewer: UserID) -> ChangedContent? {
        guard let ordinal = posts.find(id, among: posts.publishedCount) else { return nil }
        let row = posts.rows[Int(ordinal)]
        let entry = PostEntry(ordinal: ordinal, post: id, author: users.id(of: row.author), bodyLSN: lsn)
        return ChangedContent(
            entry: entry, post: row.isComment ? PostID(rawValue: posts.rows[Int(row.parent)].id) : nil,
            detail: details(of: [entry], for: viewer)[0])
    }

    /// A post that `author` may change; nil when there is none.
    func changeable(_ id: PostID, by author: UserID) -> ChangeablePost? {
        guard let ordinal = posts.findPost(id, among: posts.publishedCount), isShown(ordinal, to: author) else {
            return nil
        }
        return ChangeablePost(
            entry: entry(ordinal), edits: engagements.row(of: ordinal)?.pointee.edits ?? 0)
    }

    /// Counters of a post or comment, deleted or not; nil when there is none.
    func counts(of id: PostID) -> PostCounts? {
        posts.find(id, among: posts.publishedCount).map { engagements.row(of: $0)?.pointee.counts ?? PostCounts() }
    }

    /// Who reacted to a post whose author this worker owns, in the order of the accounts' first use, after `bound`.
    func reactorPage(of post: PostID, after bound: UserIndex?, limit: Int) -> ReactionPage {
        var page = ReactionPage(entries: [], next: nil, asOfLSN: appliedLSN)
        guard let ordinal = posts.findPost(post, among: posts.publishedCount),
            let row = engagements.row(of: ordinal)
        else { return page }
        let set = reactors(of: row)
        var entries = bound.map { reactionSets.ascending(set, above: $0) } ?? reactionSets.ascending(set)
        var last: UserIndex = 0
        while let entry = entries.next() {
            if isGone(entry.key) { continue }
            if page.entries.count == limit {
                page.next = PagePosition(rawValue: UInt64(last))
                break
            }
            let kind = ReactionKind(rawValue: UInt8(clamping: entry.value)) ?? .like
            page.entries.append(ReactionEntry(user: users.id(of: entry.key), kind: kind))
            last = entry.key
        }
        return page
    }

    /// A page of a reader's notifications, newest first, below the number `bound`.
    func notificationPage(of user: UserID, below bound: UInt64, limit: Int) -> NotificationPage {
        var page = NotificationPage(entries: [], next: nil, unreadCount: 0, asOfLSN: appliedLSN)
        guard let index = users.index(of: user), let own = reader(index) else { return page }
        page.unreadCount = unreadCount(of: own, index)
        let mayHide = deletedAccounts != 0 || relations.hidesAnybody(from: index)
        var entries = notifications.sets.descending(notifications.newest.rows + own, below: bound)
        while let entry = entries.next() {
            let row = notifications.row(entry.member)
            if mayHide, isHidden(row.actor, from: index) { continue }
            if page.entries.count == limit {
                page.next = page.entries.last.map { PagePosition(rawValue: $0.number) }
                break
            }
            page.entries.append(notificationEntry(row, readUpTo: notifications.marks.rows[own]))
        }
        return page
    }

    /// What a reader has not read, without what is hidden from it. O(1), or O(unread) when it blocks or mutes anybody, or any account was deleted.
    private func unreadCount(of reader: Int, _ user: UserIndex) -> Int {
        guard deletedAccounts != 0 || relations.hidesAnybody(from: user) else {
            return notifications.unreadCount(of: reader)
        }
        var count = 0
        let mark = notifications.marks.rows[reader]
        var entries = notifications.sets.descending(notifications.newest.rows + reader)
        while let entry = entries.next() {
            let row = notifications.row(entry.member)
            if row.lsn <= mark { break }
            if !isHidden(row.actor, from: user) { count += 1 }
        }
        return count
    }

    private func notificationEntry(_ row: NotificationRow, readUpTo mark: UInt64) -> NotificationEntry {
        let subject = row.subject == 0 ? nil : posts.rows[Int(row.subject)]
        let post = subject.map { PostID(rawValue: $0.isComment ? posts.rows[Int($0.parent)].id : $0.id) }
        return NotificationEntry(
            number: row.lsn, kind: row.kind,
            actor: row.actor == NotificationRow.nobody ? nil : users.id(of: row.actor), post: post,
            comment: subject.flatMap { $0.isComment ? PostID(rawValue: $0.id) : nil },
            milliseconds: row.milliseconds, isRead: row.lsn <= mark)
    }
}
