import StarlingMemory
import StarlingSets

/// Blocks, mutes, private accounts and requests, as the owner of an account keeps them; whether an account is private, every
/// worker knows.
extension Worker {
    /// Whether the sets of relations have room for another insertion.
    private var hasRelationRoom: Bool { hasRoom(relations.allocationsLeft, for: .relations) }

    /// The follows between the two, and their requests, end by events of their own.
    func addBlock(_ event: Event) -> Bool {
        if reader(event.first) != nil {
            guard hasRelationRoom else { return false }
            relations.put(.blocks, of: event.first, event.second, event.third)
        }
        if reader(event.second) != nil {
            guard hasRelationRoom else { return false }
            relations.put(.blockers, of: event.second, event.first, event.third)
        }
        return true
    }

    func removeBlock(_ event: Event) {
        if reader(event.first) != nil { relations.remove(.blocks, of: event.first, event.second) }
        if reader(event.second) != nil { relations.remove(.blockers, of: event.second, event.first) }
    }

    /// The timeline stays as it is: what is muted is left out at read, so that it is back as soon as the mute ends.
    func addMute(_ event: Event) -> Bool {
        guard let reader = reader(event.first) else { return true }
        guard hasRelationRoom else { return false }
        relations.put(.mutes, of: event.first, event.second, event.third)
        if readerFlags.rows[reader] & ReaderFlag.hasMutes == 0 {
            readerFlags.writable(reader).pointee |= ReaderFlag.hasMutes
        }
        return true
    }

    func removeMute(_ event: Event) {
        guard let reader = reader(event.first) else { return }
        relations.remove(.mutes, of: event.first, event.second)
        if relations.count(.mutes, of: event.first) == 0 {
            readerFlags.writable(reader).pointee &= ~ReaderFlag.hasMutes
        }
    }

    func setPrivate(_ user: UserIndex, _ isPrivate: Bool) {
        let flags = authorFlags.writable(Int(user))
        flags.pointee = isPrivate ? flags.pointee | AuthorFlag.private : flags.pointee & ~AuthorFlag.private
    }

    func addRequest(_ event: Event) -> Bool {
        let value = FollowEventValue(rawValue: event.value)
        guard let number = value.request else { return true }
        if reader(event.first) != nil {
            guard hasRelationRoom else { return false }
            relations.put(.requested, of: event.first, event.second, event.third)
        }
        if reader(event.second) != nil {
            guard hasRelationRoom else { return false }
            relations.put(.requests, of: event.second, number, event.first)
            guard hasRelationRoom else { return false }
            relations.put(.requestTimes, of: event.second, number, event.third)
        }
        return notifyOfFollow(event, value.notice)
    }

    func removeRequest(_ event: Event, number: UInt32) {
        if reader(event.first) != nil { relations.remove(.requested, of: event.first, event.second) }
        if reader(event.second) != nil {
            relations.remove(.requests, of: event.second, number)
            relations.remove(.requestTimes, of: event.second, number)
        }
        if let own = reader(event.second) {
            notifications.takeBack(.followRequest, by: event.first, about: 0, from: own)
        }
    }

    /// Whether a user of this worker and another one do not see each other, the user mutes the other now, or the other was deleted.
    func isHidden(_ other: UserIndex, from user: UserIndex) -> Bool {
        if other == NotificationRow.nobody { return false }
        return isGone(other) || isBlocked(user, other)
            || (relations.find(.mutes, of: user, other).map { $0 > logSeconds } ?? false)
    }

    /// The same of who looks on, nil for somebody of whom nothing is known.
    func isBlocked(_ viewer: UserID?, from author: UserIndex) -> Bool {
        viewer.flatMap { users.index(of: $0) }.map { isBlocked($0, author) } ?? false
    }

    /// Whether a user of this worker blocks another one, or is blocked by it.
    func isBlocked(_ user: UserIndex, _ other: UserIndex) -> Bool {
        relations.contains(.blocks, of: user, other) || relations.contains(.blockers, of: user, other)
    }

    // MARK: What is hidden

    /// The mutes of a reader, or nil when it mutes nobody. Those that have ended may still be among them.
    @inline(__always)
    func mutes(of reader: Int) -> UnsafePointer<SortedSet>? {
        if readerFlags.rows[reader] & ReaderFlag.hasMutes == 0 { return nil }
        return relations.set(.mutes, of: readerUsers.rows[reader])
    }

    /// Whether an author is muted now: by the time of the log, so that a replay says the same.
    @inline(__always)
    func isMuted(_ author: UserIndex, by mutes: UnsafePointer<SortedSet>?) -> Bool {
        guard let mutes, let end = relations.find(author, in: mutes) else { return false }
        return end > logSeconds
    }

    /// What somebody may see of an author's posts.
    enum AuthorView {
        case nothing, publicPosts, everything

        func shows(_ post: PostRow) -> Bool {
            self == .everything || self == .publicPosts && post.visibility == PostVisibility.public.rawValue
        }
    }

    /// What `viewer`, whom this worker owns, may see of an author; nil for somebody of whom nothing is known.
    func view(of author: UserIndex, by viewer: UserID?) -> AuthorView {
        let forStrangers = isPrivate(author) ? AuthorView.nothing : .publicPosts
        guard let viewer, let index = users.index(of: viewer) else { return forStrangers }
        if index == author { return .everything }
        if isBlocked(index, author) { return .nothing }
        return follows(index, author) ? .everything : forStrangers
    }

    /// Whether only followers see the posts of an account.
    func isPrivate(_ user: UserIndex) -> Bool {
        Int(user) < authorFlags.count && authorFlags.rows[Int(user)] & AuthorFlag.private != 0
    }

    /// Whether a user of this worker follows an account; false for another worker's.
    func follows(_ user: UserIndex, _ target: UserIndex) -> Bool {
        guard Int(user) < readerNumbers.count, let reader = reader(user) else { return false }
        return followeeSets.contains(target, in: followees.rows + reader)
    }

    // MARK: Lists

    /// How a user of this worker stands to an account; `followedBy` is for the account's worker to say.
    func relationship(of user: UserIndex, to target: UserIndex) -> Relationship {
        if isDeleted(user) || isDeleted(target) { return .none }
        let end = relations.find(.mutes, of: user, target).flatMap { $0 > logSeconds ? $0 : nil }
        var relationship = Relationship(
            isFollowing: follows(user, target), isFollowedBy: false,
            isPending: relations.contains(.requested, of: user, target),
            isBlocking: relations.contains(.blocks, of: user, target),
            isBlockedBy: relations.contains(.blockers, of: user, target), isMuting: end != nil)
        relationship.mutedUntilSeconds = end == RelationSets.forever ? nil : end
        return relationship
    }

    /// The accounts that a user blocks, in the order of their first use, after `bound`.
    func blockEntries(of user: UserIndex, after bound: UserIndex?, limit: Int) -> [EdgeEntry] {
        var result: [EdgeEntry] = []
        if isDeleted(user) { return result }
        relations.forEach(.blocks, of: user, above: bound) { entry in
            if isDeleted(entry.key) { return true }
            result.append(EdgeEntry(index: entry.key, user: users.id(of: entry.key), sinceSeconds: entry.value))
            return result.count < limit
        }
        return result
    }

    /// The accounts that a user mutes now, in the order of their first use, after `bound`.
    func muteEntries(of user: UserIndex, after bound: UserIndex?, limit: Int) -> [MuteEntry] {
        var result: [MuteEntry] = []
        if isDeleted(user) { return result }
        relations.forEach(.mutes, of: user, above: bound) { entry in
            guard entry.value > logSeconds, !isDeleted(entry.key) else { return true }
            let end = entry.value == RelationSets.forever ? nil : entry.value
            result.append(MuteEntry(index: entry.key, user: users.id(of: entry.key), untilSeconds: end))
            return result.count < limit
        }
        return result
    }

    /// Those who wait for a user's answer, newest first, below the request with number `bound`.
    func requestEntries(of user: UserIndex, below bound: UInt32?, limit: Int) -> [EdgeEntry] {
        var result: [EdgeEntry] = []
        if isDeleted(user) { return result }
        relations.forEachDescending(.requests, of: user, below: bound) { entry in
            if isDeleted(entry.value) { return true }
            let since = relations.find(.requestTimes, of: user, entry.key) ?? 0
            result.append(EdgeEntry(index: entry.key, user: users.id(of: entry.value), sinceSeconds: since))
            return result.count < limit
        }
        return result
    }
}
