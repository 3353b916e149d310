import StarlingMemory
import StarlingSets

/// Reactions, comments, reposts, changed bodies and notifications: what events make of them. Every worker counts; who reacted is
/// kept by the owner of the user and by the owner of the author, and notifications by the owner of whom they are for.
extension Worker {
    /// Where `EngagementRow.reactors` lies in a row.
    static var reactorsOffset: Int { MemoryLayout<EngagementRow>.offset(of: \.reactors).unsafelyUnwrapped }

    /// Those who reacted, of a row that is about to change.
    func reactors(of row: UnsafeMutablePointer<EngagementRow>) -> UnsafeMutablePointer<SortedSet> {
        UnsafeMutableRawPointer(row).advanced(by: Self.reactorsOffset).assumingMemoryBound(to: SortedSet.self)
    }

    /// Those who reacted, for reading.
    func reactors(of row: UnsafePointer<EngagementRow>) -> UnsafePointer<SortedSet> {
        UnsafeRawPointer(row).advanced(by: Self.reactorsOffset).assumingMemoryBound(to: SortedSet.self)
    }

    /// Folds a change of one user's reaction. False when memory was full.
    func react(_ event: Event) -> Bool {
        let (user, target) = (event.first, event.second)
        let change = ReactionChange(event.third)
        let author = posts.rows[Int(target)].author
        let row = engagements.writable(target)
        if let own = reader(user) {
            guard hasRoom(reactionSets.arena.allocationsLeft, for: .reactions) else { return false }
            reactionSets.setReaction(change.new, under: target, in: reactions.writable(own))
        }
        if let own = reader(author) {
            guard hasRoom(reactionSets.arena.allocationsLeft, for: .reactions) else { return false }
            reactionSets.setReaction(change.new, under: user, in: reactors(of: row))
            if change.new == nil {
                notifications.takeBack(.reaction, by: user, about: target, from: own)
            } else if change.old == nil {
                guard notify(own, .reaction, by: user, about: target, lsn: event.lsn, at: event.value) else {
                    return false
                }
            }
        }
        if let old = change.old { row.pointee.counts.change(old, by: -1) }
        if let new = change.new { row.pointee.counts.change(new, by: 1) }
        return true
    }

    /// Counts a post that repeats another one, or no longer does.
    func countRepost(_ post: PostOrdinal, by difference: Int32) {
        let original = posts.rows[Int(post)].parent
        if original != 0 { engagements.writable(original).pointee.counts.changeReposts(by: difference) }
    }

    /// Folds a comment. False when memory was full.
    func addComment(_ comment: PostOrdinal, by author: UserIndex, lsn: UInt64) -> Bool {
        let row = posts.rows[Int(comment)]
        let post = engagements.writable(row.parent)
        post.pointee.counts.changeComments(by: 1)
        post.pointee.newestComment = comment
        guard let own = reader(posts.rows[Int(row.parent)].author) else { return true }
        return notify(own, .comment, by: author, about: comment, lsn: lsn, at: PostID(rawValue: row.id).milliseconds)
    }

    func deleteComment(_ comment: PostOrdinal, by author: UserIndex) {
        let post = posts.rows[Int(comment)].parent
        engagements.writable(post).pointee.counts.changeComments(by: -1)
        guard let own = reader(posts.rows[Int(post)].author) else { return }
        notifications.takeBack(.comment, by: author, about: comment, from: own)
    }

    func changeBody(_ event: Event) {
        engagements.writable(event.second).pointee.body = event.lsn << 16 | UInt64(event.third)
    }

    func markRead(_ event: Event) {
        if let own = reader(event.first) { notifications.markRead(upTo: event.value, by: own) }
    }

    /// Tells who is to hear of a follow or of a request. False when memory was full.
    func notifyOfFollow(_ event: Event, _ notice: FollowEventValue.Notice) -> Bool {
        let (kind, actor, target): (NotificationKind, UserIndex, UserIndex)
        switch notice {
        case .nobody: return true
        case .followee where event.kind == .followed: (kind, actor, target) = (.follow, event.first, event.second)
        case .followee: (kind, actor, target) = (.followRequest, event.first, event.second)
        case .follower: (kind, actor, target) = (.followAccepted, event.second, event.first)
        }
        guard let own = reader(target) else { return true }
        return notify(own, kind, by: actor, lsn: event.lsn, at: event.sinceMilliseconds)
    }

    /// Tells a reader of this worker what somebody did; nobody is told of what it did itself. One record tells one reader one
    /// thing. False when memory was full.
    func notify(
        _ reader: Int, _ kind: NotificationKind, by actor: UserIndex, about subject: PostOrdinal = 0, lsn: UInt64,
        at milliseconds: UInt64
    ) -> Bool {
        if readerUsers.rows[reader] == actor { return true }
        guard notifications.sets.arena.allocationsLeft >= NotificationTable.allocationsPerNotification else {
            stop.stop(for: .notifications)
            return false
        }
        notifications.add(
            NotificationRow(kind, by: actor, about: subject, lsn: lsn, milliseconds: milliseconds), to: reader)
        return true
    }
}
