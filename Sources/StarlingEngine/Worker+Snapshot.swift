import StarlingMemory
import StarlingSets

extension Worker: StoredState {
    var storedParts: [StoredPart] {
        [
            newestPosts.stored(as: "newestPosts"), followers.stored(as: "followers"),
            authorFlags.stored(as: "authorFlags"), readerNumbers.stored(as: "readerNumbers"),
            profiles.stored(as: "profiles"),
            readerUsers.stored(as: "readerUsers"), timelines.stored(as: "timelines"), floors.stored(as: "floors"),
            followees.stored(as: "followees"), pulledFollowees.stored(as: "pulledFollowees"),
            lastReads.stored(as: "lastReads"), readerFlags.stored(as: "readerFlags"),
            followerCounts.stored(as: "followerCounts"),
            postCounts.stored(as: "postCounts"), deliveries.table.stored(as: "deliveries"),
            modeChanges.table.stored(as: "modeChanges"),
            StoredPart(
                name: "timelineSets", region: timelineSets.arena.memory,
                usedBytes: { [unowned self] in timelineSets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try timelineSets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "followerSets", region: followerSets.arena.memory,
                usedBytes: { [unowned self] in followerSets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try followerSets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "followeeSets", region: followeeSets.arena.memory,
                usedBytes: { [unowned self] in followeeSets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try followeeSets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "pulledSets", region: pulledSets.arena.memory,
                usedBytes: { [unowned self] in pulledSets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try pulledSets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            reactions.stored(as: "reactions"), affinities.stored(as: "affinities"),
            holds.table.stored(as: "holds"), pendingPostSet.stored(as: "pendingPosts"),
            engagements.places.stored(as: "engagementPlaces"),
            engagements.rows.stored(as: "engagements"), notifications.newest.stored(as: "notifications"),
            notifications.subjects.stored(as: "notificationSubjects"), notifications.marks.stored(as: "readMarks"),
            StoredPart(
                name: "reactionSets", region: reactionSets.arena.memory,
                usedBytes: { [unowned self] in reactionSets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try reactionSets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            StoredPart(
                name: "notificationSets", region: notifications.sets.arena.memory,
                usedBytes: { [unowned self] in notifications.sets.arena.bytesTouched },
                adopt: { [unowned self] bytes throws(ArenaError) in
                    try notifications.sets.arena.adoptLoadedPages(usedBytes: bytes)
                }),
            marks("reactionMarks", reactionSets.arena.marks) { $0.reactionSets.arena.markBytes },
            marks("notificationMarks", notifications.sets.arena.marks) { $0.notifications.sets.arena.markBytes },
            marks("timelineMarks", timelineSets.arena.marks) { $0.timelineSets.arena.markBytes },
            marks("followerMarks", followerSets.arena.marks) { $0.followerSets.arena.markBytes },
            marks("followeeMarks", followeeSets.arena.marks) { $0.followeeSets.arena.markBytes },
            marks("pulledMarks", pulledSets.arena.marks) { $0.pulledSets.arena.markBytes },
        ] + relations.storedParts
    }

    private func marks(_ name: String, _ region: TrackedRegion, _ bytes: @escaping (Worker) -> Int) -> StoredPart {
        StoredPart(
            name: name, region: region, usedBytes: { [unowned self] in bytes(self) },
            adopt: { _ throws(ArenaError) in })
    }

    /// Not adopted: who folds a log to compare states has to keep as many.
    static let notificationsKeptValue = "notificationsKept"

    var storedValues: [String: UInt64] {
        [
            "pushed": pushed, "pulled": pulled, "skippedAway": skippedAway, "awayReaders": awayReaders, "edges": edges,
            "livePosts": livePosts, "appliedLSN": appliedLSN, "logSeconds": UInt64(logSeconds),
            Self.notificationsKeptValue: UInt64(notifications.limit),
            "deletedAccounts": deletedAccounts,
        ]
    }

    func adoptStored(sizes: [Int], values: [String: UInt64]) throws(ArenaError) {
        try adoptParts(sizes: sizes)
        guard let pushed = values["pushed"], let pulled = values["pulled"], let edges = values["edges"],
            let livePosts = values["livePosts"], let skippedAway = values["skippedAway"],
            let awayReaders = values["awayReaders"], let lsn = values["appliedLSN"],
            let seconds = values["logSeconds"], let deletedAccounts = values["deletedAccounts"]
        else { throw .damagedImage("a worker's numbers are missing") }
        self.pushed = pushed
        self.pulled = pulled
        self.skippedAway = skippedAway
        self.awayReaders = awayReaders
        self.edges = edges
        self.livePosts = livePosts
        logSeconds = UInt32(clamping: seconds)
        self.deletedAccounts = deletedAccounts
        modeChanges.adoptLoadedRows()
        try relations.adoptLoadedRows()
        startFrom(lsn: lsn)
    }
}
