import StarlingMemory

extension SequencerState: StoredState {
    var storedParts: [StoredPart] {
        let ids = StoredPart(
            name: "users", region: users.table.region, usedBytes: { [users] in users.table.bytesInUse },
            adopt: { [users] bytes throws(ArenaError) in try users.adoptLoadedPages(usedBytes: bytes) })
        let rows = StoredPart(
            name: "posts", region: posts.table.region, usedBytes: { [posts] in posts.table.bytesInUse },
            adopt: { [posts] bytes throws(ArenaError) in try posts.adoptLoadedPages(usedBytes: bytes) })
        return [
            ids, rows, newestPost.stored(as: "newestPost"), modeChanges.table.stored(as: "modeChanges"),
            newestComments.stored(as: "newestComments"), readMarks.stored(as: "readMarks"),
            holds.table.stored(as: "holds"), moderationRules.bytes.stored(as: "moderationRules"),
            accounts.table.stored(as: "accounts"), sessions.table.stored(as: "sessions"),
            sessions.newest.stored(as: "sessionHeads"), erasures.table.stored(as: "erasures"),
            posts.changedBodies.stored(as: "changedBodies"), posts.ownComments.previous.stored(as: "ownComments"),
            posts.ownComments.newest.stored(as: "newestOwnComments"),
        ] + accounts.heap.storedParts + graph.storedParts + relations.storedParts + reactions.storedParts
            + idempotencyParts
    }

    /// Adopted together at last: they have to fit each other.
    private var idempotencyParts: [StoredPart] {
        zip(IdempotencyTable.regionNames, idempotency.regions).enumerated().map { place, part in
            StoredPart(
                name: part.0, region: part.1, usedBytes: { [idempotency] in idempotency.usedBytes[place] },
                adopt: { _ throws(ArenaError) in })
        }
    }

    var storedValues: [String: UInt64] {
        let own: [String: UInt64] = [
            "lastLSN": lastLSN, "milliseconds": milliseconds, "edgeCount": graph.edgeCount,
            "hasLostRecords": hasLostRecords ? 1 : 0, "celebrityThreshold": UInt64(keptThreshold ?? 0),
            "lastMintedID": mint.last.rawValue, "erased": UInt64(erasures.doneCount),
        ]
        return own.merging(moderationRules.values) { first, _ in first }
    }

    func adoptStored(sizes: [Int], values: [String: UInt64]) throws(ArenaError) {
        try adoptParts(sizes: sizes)
        guard let lsn = values["lastLSN"], let time = values["milliseconds"], let edges = values["edgeCount"],
            let lastMinted = values["lastMintedID"], let erased = values["erased"]
        else {
            throw .damagedImage("the sequencer's numbers are missing")
        }
        lastLSN = lsn
        hasLostRecords = values["hasLostRecords"] == 1
        milliseconds = time
        keptThreshold = values["celebrityThreshold"].flatMap { $0 == 0 ? nil : Int(clamping: $0) }
        graph.adopt(edgeCount: edges)
        modeChanges.adoptLoadedRows()
        try relations.adoptLoadedRows()
        muteEnds = MuteEnds(of: relations)
        try moderationRules.adopt(values)
        try idempotency.adoptLoadedPages(usedBytes: Array(sizes.suffix(IdempotencyTable.regionNames.count)))
        accounts.adoptLoadedRows()
        try sessions.adoptLoadedRows()
        erasures.adopt(doneCount: erased)
        if lastMinted != 0 { mint.observe(PostID(rawValue: lastMinted)) }
    }
}
