import StarlingMemory
import StarlingSets

/// Divides the readers of one set of workers among another number of workers: a data directory opens with any W.
///
/// The new workers come out as if they had folded the log themselves: readers in the order of first use, the same sets, entry by
/// entry, the same floors. The old workers are only read, so mapped snapshots stay clean pages that the kernel can drop.
///
/// Cost: some ten nanoseconds an entry or edge.
struct Repartition {
    let users: UserTable
    let old: [Worker]
    let new: [Worker]

    func run() throws(ArenaError) {
        for worker in new { worker.adoptAuthors(of: old[0], users: Int(users.count)) }
        for index in 0..<users.count {
            let user = users.id(of: index)
            let source = old[Slot.worker(of: user, workers: old.count)]
            guard let reader = source.reader(index) else { continue }
            try new[Slot.worker(of: user, workers: new.count)].adoptReader(reader, of: source)
        }
        for worker in new {
            try worker.adoptEngagements(of: old)
            try worker.adoptHolds(of: old[0])
        }
        for change in old[0].modeChanges.all {
            for worker in new { worker.modeChanges.note(change) }
        }
        // Totals belong to nobody in particular.
        for worker in old {
            new[0].pushed += worker.pushed
            new[0].pulled += worker.pulled
            new[0].skippedAway += worker.skippedAway
            new[0].addDeliveries(of: worker)
        }
        for worker in new {
            worker.logSeconds = old[0].logSeconds
            worker.deletedAccounts = old[0].deletedAccounts
            worker.startFrom(lsn: old[0].appliedLSN)
        }
    }
}

extension Worker {
    /// Takes over what every worker knows of every account.
    fileprivate func adoptAuthors(of other: Worker, users count: Int) {
        newestPosts.ensure(count: count)
        followers.ensure(count: count)
        authorFlags.ensure(count: count)
        readerNumbers.ensure(count: count)
        profiles.ensure(count: count)
        for index in 0..<count {
            let post = other.newestPosts.rows[index]
            if post != 0 { newestPosts.writable(index).pointee = post }
            let flags = other.authorFlags.rows[index]
            if flags != 0 { authorFlags.writable(index).pointee = flags }
            let profile = other.profiles.rows[index]
            if profile.hash != 0 { profiles.writable(index).pointee = profile }
        }
    }

    /// Takes over the counters, which every worker has, and of the posts of own authors who reacted.
    fileprivate func adoptEngagements(of others: [Worker]) throws(ArenaError) {
        let known = others[0].engagements.rows
        for place in 0..<known.count {
            let row = known.rows[place]
            let own = engagements.writable(row.ordinal)
            own.pointee = row
            own.pointee.reactors = SortedSet()
            let author = posts.rows[Int(row.ordinal)].author
            guard reader(author) != nil else { continue }
            let source = others[Slot.worker(of: users.id(of: author), workers: others.count)]
            let reacted = reactors(of: source.engagements.rows.rows + place)
            try reactionSets.arena.requireRoom(forBytes: source.reactionSets.copyBytes(reacted))
            reactionSets.copy(reacted, of: source.reactionSets, into: reactors(of: own))
        }
    }

    /// Takes over the judgements on posts, which every worker has.
    fileprivate func adoptHolds(of other: Worker) throws(ArenaError) {
        holds.table.ensure(count: other.holds.table.count)
        for ordinal in 0..<other.holds.table.count {
            let hold = other.holds.table.rows[ordinal]
            if hold != PostHold() { holds[PostOrdinal(ordinal)] = hold }
        }
        try timelineSets.arena.requireRoom(forBytes: other.timelineSets.copyBytes(other.pendingPosts))
        timelineSets.copy(other.pendingPosts, of: other.timelineSets, into: pendingPostSet.writable(0))
    }

    /// Adds what another worker delivered of each post to the records of this one.
    fileprivate func addDeliveries(of other: Worker) {
        for place in 0..<other.deliveries.table.count {
            var row = other.deliveries.table.rows[place]
            if row.post == 0 { continue }
            if let own = deliveries[row.post] { row.add(own) }
            deliveries.put(row)
        }
    }

    /// Takes over a reader of another worker. Readers come in the order of their user indexes.
    fileprivate func adoptReader(_ reader: Int, of other: Worker) throws(ArenaError) {
        let own = addReader(other.readerUsers.rows[reader])
        followerCounts.writable(own).pointee = other.followerCounts.rows[reader]
        postCounts.writable(own).pointee = other.postCounts.rows[reader]
        floors.writable(own).pointee = other.floors.rows[reader]
        if isAway(own) { awayReaders += 1 }
        lastReads.writable(own).pointee = other.lastReads.rows[reader]
        readerFlags.writable(own).pointee = other.readerFlags.rows[reader]
        livePosts += UInt64(other.postCounts.rows[reader])
        edges += UInt64(other.followees.rows[reader].count)
        let timeline = other.timelines.rows + reader
        let followed = other.followees.rows + reader
        let pulled = other.pulledFollowees.rows + reader
        try timelineSets.arena.requireRoom(forBytes: other.timelineSets.copyBytes(timeline))
        timelineSets.copy(timeline, of: other.timelineSets, into: timelines.writable(own))
        try followeeSets.arena.requireRoom(forBytes: other.followeeSets.copyBytes(followed))
        followeeSets.copy(followed, of: other.followeeSets, into: followees.writable(own))
        try pulledSets.arena.requireRoom(forBytes: other.pulledSets.copyBytes(pulled))
        pulledSets.copy(pulled, of: other.pulledSets, into: pulledFollowees.writable(own))
        try relations.adopt(readerUsers.rows[own], of: other.relations)
        let reacted = other.reactions.rows + reader
        try reactionSets.arena.requireRoom(forBytes: other.reactionSets.copyBytes(reacted))
        reactionSets.copy(reacted, of: other.reactionSets, into: reactions.writable(own))
        let close = other.affinities.rows + reader
        try reactionSets.arena.requireRoom(forBytes: other.reactionSets.copyBytes(close))
        reactionSets.copy(close, of: other.reactionSets, into: affinities.writable(own))
        try notifications.adopt(reader, of: other.notifications, as: own)
        var edges = followeeSets.ascending(followees.rows + own)
        while let edge = edges.next() {
            try followerSets.arena.requireRoom(forBytes: SortedSetArena<UInt32>.maximumBytesPerInsert)
            _ = followerSets.insert(UInt32(own), into: followers.writable(Int(edge.key)))
        }
    }
}
