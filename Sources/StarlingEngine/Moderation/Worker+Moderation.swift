import StarlingMemory
import StarlingSets

/// Posts that are held back from others, as of what this worker has applied. Every worker knows of all of them.
///
/// A held post stands in its author's chain at its place, but in no timeline, until it is let go; then it comes to its place in
/// those that reach down to it, and everybody sees it at once when all have it.
extension Worker {
    /// Deliveries of a post that was held, and that others shall see now.
    struct Release {
        var row: DeliveryRow
        /// The first reader that has not got it.
        var nextReader: UInt32 = 0
    }

    /// The posts that wait for a moderator, by ordinal.
    var pendingPosts: UnsafePointer<SortedSet> { pendingPostSet.rows }

    /// Whether others see the post, as far as moderation goes.
    func isHeld(_ ordinal: PostOrdinal) -> Bool {
        posts.marks(ordinal) & PostTable.heldMark != 0 && holds[ordinal].cause != .nothing
    }

    /// Folds a post that is made and held. False when memory was full.
    func addHeldPost(_ event: Event) -> Bool {
        let (author, post) = (event.first, event.second)
        let cause = Self.cause(of: event)
        guard setPending(post, cause == .pending) else { return false }
        newestPosts.writable(Int(author)).pointee = post
        holds[post] = PostHold(newPost: cause)
        let madeAt = PostID(rawValue: posts.rows[Int(post)].id).milliseconds
        return notifyOfHold(cause, post, by: author, lsn: event.lsn, at: madeAt)
    }

    /// Folds a judgement. When it lets a post go for the first time, the post is delivered first; false when `limit` deliveries were
    /// counted before all have it, and then the same event comes again; or when memory was full.
    func changeHold(_ event: Event, untilDelivered limit: UInt64) -> Bool {
        let (author, post) = (event.first, event.second)
        let old = holds[post]
        let cause = Self.cause(of: event)
        if cause == .nothing, old.isUndelivered, !release(post, by: author, untilDelivered: limit) { return false }
        guard setPending(post, cause == .pending),
            notifyOfHold(cause, post, by: author, lsn: event.lsn, at: event.value)
        else { return false }
        if old.cause == .nothing { unpublish(post, by: author) } else if cause == .nothing { publish(post, by: author) }
        var new = old
        new.cause = cause
        if cause == .nothing { new.isUndelivered = false }
        holds[post] = new
        return true
    }

    private static func cause(of event: Event) -> HoldCause {
        guard let cause = HoldCause(rawValue: UInt8(clamping: event.third)) else {
            preconditionFailure("the sequencer lets no other cause in")
        }
        return cause
    }

    /// A deleted post waits no longer. Its counters tell of it only while others saw it.
    func forgetHeldPost(_ post: PostOrdinal) {
        _ = setPending(post, false)
        holds[post].isDeleted = true
    }

    /// Counts a post that others see.
    func publish(_ post: PostOrdinal, by author: UserIndex) {
        countRepost(post, by: 1)
        guard let own = reader(author) else { return }
        postCounts.writable(own).pointee += 1
        livePosts += 1
    }

    /// Counts a post that others see no longer.
    func unpublish(_ post: PostOrdinal, by author: UserIndex) {
        countRepost(post, by: -1)
        guard let own = reader(author) else { return }
        postCounts.writable(own).pointee -= 1
        livePosts -= 1
    }

    private func setPending(_ post: PostOrdinal, _ isPending: Bool) -> Bool {
        guard timelineSets.contains(post, in: pendingPosts) != isPending else { return true }
        guard isPending else {
            _ = timelineSets.remove(post, from: pendingPostSet.writable(0))
            return true
        }
        guard hasRoom(timelineSets.arena.allocationsLeft, for: .timelines) else { return false }
        timelineSets.insert(post, into: pendingPostSet.writable(0))
        return true
    }

    /// Tells the author that its post was blocked; and takes that back when it is not any more.
    private func notifyOfHold(
        _ cause: HoldCause, _ post: PostOrdinal, by author: UserIndex, lsn: UInt64, at milliseconds: UInt64
    ) -> Bool {
        guard let own = reader(author) else { return true }
        if cause.state == .blocked {
            return notify(own, .postBlocked, by: NotificationRow.nobody, about: post, lsn: lsn, at: milliseconds)
        }
        notifications.takeBack(.postBlocked, by: NotificationRow.nobody, about: post, from: own)
        return true
    }

    /// Puts a post into the timelines that reach down to its place.
    private func release(_ post: PostOrdinal, by author: UserIndex, untilDelivered limit: UInt64) -> Bool {
        let list = followers.rows + Int(author)
        var release = openRelease ?? beginRelease(post, of: author, followers: list.pointee.count)
        var hasDelivered = false
        if release.row.pulled == 0 {
            var blocks = followerSets.blocks(list, from: release.nextReader)
            while let block = blocks.next() {
                guard largeFanouts.isEmpty || settle(block) else { return false }
                for reader in block {
                    if hasDelivered, handled >= limit {
                        openRelease = release
                        return false
                    }
                    guard deliver(to: Int(reader), &release.row) else { return false }
                    release.nextReader = reader + 1
                    hasDelivered = true
                }
            }
        }
        openRelease = nil
        deliveries.putLate(release.row)
        if let delay = delay(since: markStart) {
            delays.record(delay, times: 1)
            deliveries.setDelay(of: post, delay)
        }
        return true
    }

    private func beginRelease(_ post: PostOrdinal, of author: UserIndex, followers count: Int) -> Release {
        var row = DeliveryRow(post: post, followers: UInt32(count))
        if authorFlags.rows[Int(author)] & AuthorFlag.pulled != 0 {
            row.pulled = UInt32(count)
            pulled += UInt64(count)
        }
        return Release(row: row)
    }

    /// A timeline that does not reach down to the post is merged below its floor at read, like that of a reader who is away.
    private func deliver(to reader: Int, _ row: inout DeliveryRow) -> Bool {
        if row.post < floors.rows[reader] {
            skippedAway += 1
            row.away += 1
            return true
        }
        guard hasRoom(timelineSets.arena.allocationsLeft, for: .timelines) else { return false }
        insert(row.post, into: reader)
        pushed += 1
        row.pushed += 1
        return true
    }

    /// A page of the posts that wait, oldest first, after `bound`.
    func pendingPage(after bound: PostOrdinal, limit: Int) -> PostPage {
        var ordinals: [PostOrdinal] = []
        var entries = timelineSets.ascending(pendingPosts, above: bound)
        while ordinals.count <= limit, let ordinal = entries.next() {
            if isThere(ordinal) { ordinals.append(ordinal) }
        }
        return page(ordinals, limit: limit, viewer: nil)
    }

    /// A post that is not deleted, whoever may see it; nil when there is none.
    func moderatedPost(_ id: PostID) -> ModeratedPostEntry? {
        guard let ordinal = posts.findPost(id, among: posts.publishedCount),
            posts.rows[Int(ordinal)].lsn <= appliedLSN
        else { return nil }
        let entry = entry(ordinal)
        return ModeratedPostEntry(entry: entry, detail: details(of: [entry], for: nil)[0])
    }
}
