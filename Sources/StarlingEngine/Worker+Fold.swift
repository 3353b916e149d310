import StarlingMemory
import StarlingSets

extension Worker {
    /// Folds one event. Deterministic: depends on the events before it and on nothing else. False when it is not complete: a
    /// post with more deliveries than the limit, and then the same event comes again; or memory was full, and then `stop` says so.
    @inline(__always)
    func apply(_ event: UnsafePointer<Event>, untilDelivered limit: UInt64) -> Bool {
        switch event.pointee.kind {
        case .postCreated: return deliver(event.pointee.second, by: event.pointee.first, untilDelivered: limit)
        case .followed:
            return settle(user: event.pointee.first) && addEdge(event.pointee)
        case .unfollowed:
            guard settle(user: event.pointee.first) else { return false }
            removeEdge(event.pointee.first, event.pointee.second)
        case .userAdded: addUser(event.pointee.first, id: event.pointee.value)
        case .postDeleted: deletePost(event.pointee.second, by: event.pointee.first)
        case .postHeld: return addHeldPost(event.pointee)
        case .holdChanged: return changeHold(event.pointee, untilDelivered: limit)
        case .reacted: return react(event.pointee)
        case .commentCreated: return addComment(event.pointee.second, by: event.pointee.first, lsn: event.pointee.lsn)
        case .commentDeleted: deleteComment(event.pointee.second, by: event.pointee.first)
        case .bodyChanged: changeBody(event.pointee)
        case .notificationsRead: markRead(event.pointee)
        case .fanoutModeChanged: return changeMode(event.pointee)
        case .readerAwayChanged:
            return settle(user: event.pointee.first) && setAway(event.pointee.first, event.pointee.second == 1)
        case .timeAdvanced: logSeconds = event.pointee.third
        case .blocked: return addBlock(event.pointee)
        case .unblocked: removeBlock(event.pointee)
        case .muted: return addMute(event.pointee)
        case .unmuted: removeMute(event.pointee)
        case .privacyChanged: setPrivate(event.pointee.first, event.pointee.second == 1)
        case .followRequested: return addRequest(event.pointee)
        case .followRequestRemoved:
            removeRequest(event.pointee, number: UInt32(truncatingIfNeeded: event.pointee.value))
        case .accountChanged: setProfile(event.pointee)
        case .accountDeleted: deleteAccount(event.pointee.first)
        case .snapshotCut:
            // An image knows no fan-out that is half done.
            guard completeLargeFanouts(untilDelivered: limit) else { return false }
            snapshot?.beginCut(takesAllPages: event.pointee.first != 0)
        case .advanced: break
        }
        return true
    }

    private func addUser(_ index: UserIndex, id: UInt64) {
        let count = Int(index) + 1
        newestPosts.ensure(count: count)
        followers.ensure(count: count)
        authorFlags.ensure(count: count)
        readerNumbers.ensure(count: count)
        profiles.ensure(count: count)
        guard Slot.worker(of: UserID(rawValue: id), workers: workers) == number else { return }
        _ = addReader(index)
    }

    /// Makes the account a reader of this worker and returns its number.
    func addReader(_ index: UserIndex) -> Int {
        let reader = readerUsers.append(index)
        readerNumbers.writable(Int(index)).pointee = UInt32(reader + 1)
        timelines.ensure(count: reader + 1)
        floors.ensure(count: reader + 1)
        followees.ensure(count: reader + 1)
        pulledFollowees.ensure(count: reader + 1)
        lastReads.ensure(count: reader + 1)
        lastReads.writable(reader).pointee = secondsNow
        readerFlags.ensure(count: reader + 1)
        followerCounts.ensure(count: reader + 1)
        postCounts.ensure(count: reader + 1)
        reactions.ensure(count: reader + 1)
        affinities.ensure(count: reader + 1)
        notifications.ensure(readers: reader + 1)
        return reader
    }

    /// Fan-out: writes a post into the timelines of this worker's followers of its author, in the order of their numbers. A post
    /// with many followers is put aside.
    ///
    /// It stops, and returns false, once `limit` deliveries are counted and followers are left; called again it goes on. So it
    /// holds up no read. Until it is done, pages end below it: see `appliedBound`.
    private func deliver(_ post: PostOrdinal, by author: UserIndex, untilDelivered limit: UInt64) -> Bool {
        let list = followers.rows + Int(author)
        if nextReader == 0 {
            newestPosts.writable(Int(author)).pointee = post
            publish(post, by: author)
            let count = list.pointee.count
            delivery = DeliveryRow(post: post, followers: UInt32(count))
            if authorFlags.rows[Int(author)] & AuthorFlag.pulled != 0 {
                pulled += UInt64(count)
                delivery.pulled = UInt32(count)
            }
            if count == 0 || delivery.pulled > 0 {
                deliveries.put(delivery)
                return true
            }
            if count >= largeFanoutFollowers {
                putAside(delivery, by: author)
                return true
            }
        }
        var blocks = followerSets.blocks(list, from: nextReader)
        while let block = blocks.next() {
            guard let readers = block.baseAddress, let last = block.last else { continue }
            if handled >= limit, readers[0] > 0 {
                nextReader = readers[0]
                return false
            }
            guard largeFanouts.isEmpty || settle(block), let away = insert(post, into: block) else { return false }
            pushed += UInt64(block.count - away)
            skippedAway += UInt64(away)
            delivery.pushed += UInt32(block.count - away)
            delivery.away += UInt32(away)
            nextReader = last + 1
        }
        nextReader = 0
        deliveries.put(delivery)
        return true
    }

    /// Puts a post into the timelines of a block of readers. Returns how many of them were away; nil when memory was full.
    @inline(__always)
    func insert(_ post: PostOrdinal, into block: UnsafeBufferPointer<UInt32>) -> Int? {
        guard let readers = block.baseAddress else { return 0 }
        guard timelineSets.arena.allocationsLeft >= block.count * SortedSetArena<UInt32>.allocationsPerInsert else {
            return insertOneByOne(post, into: block)
        }
        // Only the floor of an absent reader is above a new post.
        return timelineSets.insertIntoMany(
            post, sets: timelines, readers: readers, count: block.count, cap: cap, floors: floors)
    }

    /// The same where there may be room for some only.
    @inline(never)
    private func insertOneByOne(_ post: PostOrdinal, into block: UnsafeBufferPointer<UInt32>) -> Int? {
        var away = 0
        for reader in block {
            guard hasRoom(timelineSets.arena.allocationsLeft, for: .timelines) else { return nil }
            away += withUnsafePointer(to: reader) {
                timelineSets.insertIntoMany(post, sets: timelines, readers: $0, count: 1, cap: cap, floors: floors)
            }
        }
        return away
    }

    /// Whether an arena with so many blocks has room for another insertion.
    @inline(__always)
    func hasRoom(_ allocationsLeft: Int, for sets: SetKind) -> Bool {
        if allocationsLeft >= SortedSetArena<UInt32>.allocationsPerInsert { return true }
        stop.stop(for: sets)
        return false
    }

    private func deletePost(_ post: PostOrdinal, by author: UserIndex) {
        if isHeld(post) { forgetHeldPost(post) } else { unpublish(post, by: author) }
    }

    private func addEdge(_ event: Event) -> Bool {
        let (follower, followee) = (event.first, event.second)
        let value = FollowEventValue(rawValue: event.value)
        if let number = value.request { removeRequest(event, number: number) }
        if let own = reader(followee) { followerCounts.writable(own).pointee += 1 }
        guard notifyOfFollow(event, value.notice) else { return false }
        guard let reader = reader(follower) else { return true }
        guard hasRoom(followeeSets.arena.allocationsLeft, for: .followees),
            hasRoom(followerSets.arena.allocationsLeft, for: .followers),
            hasRoom(pulledSets.arena.allocationsLeft, for: .pulled)
        else { return false }
        guard followeeSets.insert(KeyedValue32(key: followee, value: event.third), into: followees.writable(reader))
        else {
            preconditionFailure("the sequencer lets no edge in twice")
        }
        edges += 1
        _ = followerSets.insert(UInt32(reader), into: followers.writable(Int(followee)))
        if !largeAuthors.isEmpty { largeAuthors.add(reader, to: followee) }
        if authorFlags.rows[Int(followee)] & AuthorFlag.merged != 0 {
            _ = pulledSets.insert(followee, into: pulledFollowees.writable(reader))
            return true
        }
        return backfill(reader, from: followee)
    }

    private func removeEdge(_ follower: UserIndex, _ followee: UserIndex) {
        if let own = reader(followee) {
            followerCounts.writable(own).pointee -= 1
            notifications.takeBack(.follow, by: follower, about: 0, from: own)
        }
        guard let reader = reader(follower) else { return }
        _ = followeeSets.remove(followee, from: followees.writable(reader))
        edges -= 1
        _ = followerSets.remove(UInt32(reader), from: followers.writable(Int(followee)))
        if !largeAuthors.isEmpty { largeAuthors.remove(reader, from: followee) }
        _ = pulledSets.remove(followee, from: pulledFollowees.writable(reader))
        // The followee's entries stay in the timeline; the edge decides at read, and the cap carries them out.
        if newestPosts.rows[Int(followee)] != 0, readerFlags.rows[reader] & ReaderFlag.hasUnfollowed == 0 {
            readerFlags.writable(reader).pointee |= ReaderFlag.hasUnfollowed
        }
    }

    /// Puts a new followee's posts into the timeline, newest first, down to where the timeline is complete from.
    private func backfill(_ reader: Int, from author: UserIndex) -> Bool {
        var post = newestPosts.rows[Int(author)]
        while post != 0, post >= floors.rows[reader] {
            guard hasRoom(timelineSets.arena.allocationsLeft, for: .timelines) else { return false }
            insert(post, into: reader)
            post = posts.rows[Int(post)].previous
        }
        return true
    }

    func insert(_ post: PostOrdinal, into reader: Int) {
        let timeline = timelines.writable(reader)
        guard timelineSets.insert(post, into: timeline) else { return }
        if timeline.pointee.count >= cap + SortedSetArena<UInt32>.leafCapacity,
            let dropped = timelineSets.trim(timeline, toNewest: cap)
        {
            floors.writable(reader).pointee = dropped + 1
        }
    }

    /// From pull on, the author's posts are in no timeline, so each follower merges them at read. They go on doing so after
    /// a switch back to push, because what was posted in between is still in no timeline; an entry that is in both counts
    /// once. So a switch back costs nothing, and neither direction loses or repeats a post.
    private func changeMode(_ event: Event) -> Bool {
        let author = Int(event.first)
        modeChanges.note(ModeChangeTable.Row(event))
        guard ModeChangeTable.Row.isPull(event) else {
            authorFlags.writable(author).pointee &= ~AuthorFlag.pulled
            return true
        }
        authorFlags.writable(author).pointee |= AuthorFlag.merged
        var blocks = followerSets.blocks(followers.rows + author)
        while let block = blocks.next() {
            for reader in block {
                guard hasRoom(pulledSets.arena.allocationsLeft, for: .pulled) else { return false }
                _ = pulledSets.insert(event.first, into: pulledFollowees.writable(Int(reader)))
            }
        }
        return true
    }
}
