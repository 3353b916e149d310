import StarlingMemory
import StarlingSchema
import StarlingSystem

/// What the sequencer knows: a fold of the log. The same `apply` runs when a fact is new and when it is read back, so
/// live and recovered state cannot differ. Each applied fact is handed to the workers as events.
final class SequencerState {
    let users: UserTable
    let posts: PostTable
    let graph: FollowGraph
    /// Whom accounts block and mute, and who asks to follow them.
    let relations: RelationSets
    /// When mutes end.
    var muteEnds = MuteEnds()
    let ring: EventRing
    /// The snapshots' side of this state; nil while it is replayed.
    var snapshot: OwnerSnapshot?
    var mint = PostIDMint()
    let idempotency: IdempotencyTable
    /// Log time: the newest record's timestamp. Never goes back.
    var milliseconds: UInt64 = 0
    var lastLSN: UInt64 = 0
    /// The celebrity threshold as last set while running; nil when nobody has.
    var keptThreshold: Int?
    /// Whether the log was salvaged: then a record may speak of what was lost.
    var hasLostRecords = false
    /// Each author's newest post.
    let newestPost: MappedTable<PostOrdinal>
    /// The latest switch of each author that ever switched.
    let modeChanges: ModeChangeTable
    let accounts: AccountTable
    let sessions: SessionTable
    /// What is to be erased from the log's segments.
    let erasures: ErasureList
    /// Who reacted to what.
    let reactions: ReactionTable
    /// By post: the newest comment, deleted ones too, or 0.
    let newestComments: MappedTable<PostOrdinal>
    /// By user: up to which notification everything was read.
    let readMarks: MappedTable<UInt64>
    /// What holds posts back from others.
    let holds: HoldTable
    /// For what words and patterns posts are blocked.
    let moderationRules: StoredModerationRules

    init(configuration: EngineConfiguration, ring: EventRing, seed: UInt64) throws(ArenaError) {
        var random = SeededRandom(seed: seed)
        let memory = RegionMemory()
        users = try UserTable(
            maximumUsers: configuration.maximumUsers, hugePages: configuration.hugePages, in: memory,
            seed: random.next())
        posts = try PostTable(
            maximumPosts: configuration.maximumPosts, maximumUsers: configuration.maximumUsers,
            hugePages: configuration.hugePages, in: memory)
        graph = try FollowGraph(configuration: configuration, in: memory, seed: random.next())
        relations = try RelationSets(configuration: configuration, in: memory, seed: random.next())
        newestPost = try configuration.makeUserTable(in: memory)
        modeChanges = ModeChangeTable(try configuration.makeUserTable(in: memory))
        reactions = try ReactionTable(configuration: configuration, in: memory, seed: random.next())
        newestComments = try configuration.makeTable(rows: configuration.maximumPosts + 1, in: memory)
        readMarks = try configuration.makeUserTable(in: memory)
        holds = try HoldTable(configuration: configuration, in: memory)
        moderationRules = try StoredModerationRules(in: memory)
        idempotency = try IdempotencyTable(
            retentionMilliseconds: configuration.idempotencyMilliseconds, arenaBytes: configuration.arenaBytes,
            hugePages: configuration.hugePages, in: memory, seed: random.next())
        accounts = try AccountTable(
            configuration: configuration, in: memory, key: Hash128(high: random.next(), low: random.next()))
        sessions = try SessionTable(configuration: configuration, in: memory)
        erasures = ErasureList(try configuration.makeTable(rows: configuration.maximumPosts, in: memory))
        self.ring = ring
    }

    /// The celebrity threshold to start with: as configured, else as it was kept, else the default.
    func celebrityThreshold(_ configuration: EngineConfiguration) -> Int {
        configuration.celebrityThreshold ?? keptThreshold ?? EngineConfiguration.defaultCelebrityThreshold
    }

    /// Folds one fact. `lsn` follows the last one; the ring has room for `EventBudget.events(of:)`.
    func apply(
        _ fact: Starling_V1_Fact, _ body: FactBody = .none, lsn: UInt64, milliseconds time: UInt64
    ) throws(FactError) {
        let before = ring.head
        noteSecond(of: time, lsn: lsn)
        if accounts.heap.hasRetired { accounts.heap.reclaim(slowest: ring.slowestPosition) }
        switch fact.fact {
        case .followed(let edge):
            try addEdge(
                edge.userID, edge.targetID, sinceMilliseconds: edge.sinceMs, notice: .followee, lsn: lsn)
        case .unfollowed(let edge): removeEdge(edge.userID, edge.targetID, lsn: lsn)
        case .followsImported(let edges): try addEdges(edges, lsn: lsn)
        case .postCreated(let post):
            try addPost(
                PostID(rawValue: post.postID), by: UserID(rawValue: post.authorID),
                post.visibility == .followers ? .followers : .public,
                PostKind(rawValue: UInt8(clamping: post.kind.rawValue)) ?? .text,
                repostOf: PostID(rawValue: post.repostOf),
                hold: try cause(post.hasHold ? post.hold : nil, lsn: lsn) ?? .nothing, lsn: lsn)
        case .postDeleted(let post): try deletePost(post, lsn: lsn)
        case .fanoutModeChanged(let change): try changeMode(change, lsn: lsn, milliseconds: time)
        case .celebrityThresholdChanged(let change):
            guard change.threshold > 0 else { throw FactError(lsn: lsn, reason: "it sets a celebrity threshold of 0") }
            keptThreshold = Int(clamping: change.threshold)
        case .readersAwayChanged(let change): changeAway(change, lsn: lsn)
        case .reacted(let reaction): try react(reaction, lsn: lsn, milliseconds: time)
        case .unreacted(let reaction): try unreact(reaction, lsn: lsn)
        case .commentCreated(let comment): try addComment(comment, lsn: lsn)
        case .commentEdited(let edit): try changeBody(of: edit.commentID, lsn: lsn)
        case .commentDeleted(let deletion): try deleteComment(deletion, lsn: lsn)
        case .postEdited(let edit): try editPost(edit, lsn: lsn, milliseconds: time)
        case .postApproved(let approval): try judge(approval.postID, .nothing, lsn: lsn, milliseconds: time)
        case .postBlocked(let block): try judge(block.postID, .moderator, lsn: lsn, milliseconds: time)
        case .moderationRulesChanged(let rules): try moderationRules.set(rules, lsn: lsn)
        case .notificationsRead(let mark): markRead(mark, lsn: lsn)
        case .blocked(let block): try addBlock(block, lsn: lsn)
        case .unblocked(let block): removeBlock(block, lsn: lsn)
        case .muted(let mute): try addMute(mute, lsn: lsn)
        case .unmuted(let mute): removeMute(mute, lsn: lsn)
        case .accountPrivacyChanged(let change): try changePrivacy(change, lsn: lsn)
        case .followRequested(let request):
            try addRequest(
                request.userID, request.targetID, sinceMilliseconds: request.sinceMs, notice: .followee, lsn: lsn)
        case .followRequestsAccepted(let requests): try acceptRequests(requests, lsn: lsn)
        case .followRequestRemoved(let request): removeRequest(request.userID, request.targetID, lsn: lsn)
        case .accountRegistered(let account):
            mint.observe(PostID(rawValue: account.userID))
            try setAccount(account.userID, body, lsn: lsn)
        case .profileChanged(let account): try setAccount(account.userID, body, lsn: lsn)
        case .credentialsChanged(let account): try changeCredentials(account, body, lsn: lsn)
        case .accountDeleted(let account): try deleteAccount(account.userID, lsn: lsn)
        case .sessionStarted(let session): try startSession(session, lsn: lsn)
        case .sessionRefreshed(let session): refreshSession(session)
        case .sessionRevoked(let session): sessions.end(session.sessionID)
        case .edgesRemoved(let edges):
            for (user, target) in zip(edges.users, edges.targets) { removeTies(user, target, lsn: lsn) }
        case .acknowledged, .timePassed: break
        case nil: throw FactError(lsn: lsn, reason: "the record holds no fact that this version knows")
        }
        endRecord(lsn: lsn, milliseconds: time, hasEvents: ring.head != before)
        if !fact.idempotencyKey.isEmpty { try remember(fact, lsn: lsn) }
    }

    /// Folds a post without a key: just what `apply` does with its fact.
    func applyPost(
        _ id: PostID, by author: UserID, _ visibility: PostVisibility, _ kind: PostKind, lsn: UInt64,
        milliseconds time: UInt64
    ) throws(FactError) {
        noteSecond(of: time, lsn: lsn)
        try addPost(id, by: author, visibility, kind, repostOf: PostID(rawValue: 0), hold: .nothing, lsn: lsn)
        endRecord(lsn: lsn, milliseconds: time, hasEvents: true)
    }

    private func endRecord(lsn: UInt64, milliseconds time: UInt64, hasEvents: Bool) {
        if hasEvents {
            ring.endRecord()
        } else {
            ring.append(Event(lsn: lsn, value: 0, first: 0, second: 0, third: 0, kind: .advanced, endsRecord: true))
        }
        milliseconds = max(milliseconds, time)
        lastLSN = lsn
        // With every record, not only those that have a key: else a full table might never be emptied.
        idempotency.expire(now: milliseconds, limit: Self.keysExpiredAtOnce)
        sessions.expire(now: milliseconds)
    }

    /// Folds a record of which salvage has kept only the number.
    func applyLost(lsn: UInt64) {
        hasLostRecords = true
        ring.append(Event(lsn: lsn, value: 0, first: 0, second: 0, third: 0, kind: .advanced, endsRecord: true))
        lastLSN = lsn
    }

    /// Tells the workers when log time comes to another second: mutes end by it.
    private func noteSecond(of time: UInt64, lsn: UInt64) {
        let second = Self.seconds(time)
        if second > Self.seconds(milliseconds) { emit(.timeAdvanced, lsn: lsn, first: 0, third: second) }
    }

    static func seconds(_ milliseconds: UInt64) -> UInt32 { UInt32(clamping: milliseconds / 1_000) }

    /// The index of an account, which exists from its first use on.
    func use(_ id: UInt64, lsn: UInt64) throws(FactError) -> UserIndex {
        let user = UserID(rawValue: id)
        if let known = users.index(of: user) { return known }
        guard users.hasRoom(for: 1) else {
            throw FactError(lsn: lsn, reason: "the log holds more accounts than maximumUsers; raise it", isLimit: true)
        }
        let index = users.add(user)
        graph.ensure(users: Int(index) + 1)
        newestPost.ensure(count: Int(index) + 1)
        reactions.ensure(users: Int(index) + 1)
        readMarks.ensure(count: Int(index) + 1)
        accounts.ensure(users: Int(index) + 1)
        sessions.ensure(users: Int(index) + 1)
        emit(.userAdded, lsn: lsn, first: index, value: id)
        return index
    }

    @inline(__always)
    func emit(
        _ kind: Event.Kind, lsn: UInt64, first: UInt32, second: UInt32 = 0, third: UInt32 = 0, value: UInt64 = 0
    ) {
        ring.append(
            Event(lsn: lsn, value: value, first: first, second: second, third: third, kind: kind, endsRecord: false))
    }

    /// `notice` says who hears of it.
    func addEdge(
        _ follower: UInt64, _ followee: UInt64, sinceMilliseconds: UInt64,
        notice: FollowEventValue.Notice = .nobody, lsn: UInt64
    ) throws(FactError) {
        let first = try use(follower, lsn: lsn)
        let second = try use(followee, lsn: lsn)
        guard graph.allocationsLeft >= MemoryNeed.edge.edges else {
            let reason = "the sequencer's edges do not fit into memory.arenaBytes; raise it"
            throw FactError(lsn: lsn, reason: reason, isLimit: true)
        }
        guard graph.insert(first, second) else { return }
        // A request is fulfilled with it.
        let value = FollowEventValue(
            request: takeRequest(first, second), notice: notice, sinceMilliseconds: sinceMilliseconds)
        emit(
            .followed, lsn: lsn, first: first, second: second, third: Self.seconds(sinceMilliseconds),
            value: value.rawValue)
    }

    private func addEdges(_ edges: Starling_V1_FollowsImported, lsn: UInt64) throws(FactError) {
        guard edges.users.count == edges.targets.count,
            edges.sinceEach.isEmpty || edges.sinceEach.count == edges.users.count
        else { throw FactError(lsn: lsn, reason: "lists of imported follows differ in length") }
        for row in 0..<edges.users.count {
            let since = edges.sinceEach.isEmpty ? edges.sinceMs : edges.sinceEach[row]
            try addEdge(edges.users[row], edges.targets[row], sinceMilliseconds: since, lsn: lsn)
        }
        guard edges.requestingUsers.count == edges.requestedTargets.count else {
            throw FactError(lsn: lsn, reason: "lists of imported requests differ in length")
        }
        for (user, target) in zip(edges.requestingUsers, edges.requestedTargets) {
            try addRequest(user, target, sinceMilliseconds: edges.requestedMs, notice: .nobody, lsn: lsn)
        }
    }

    func removeEdge(_ follower: UInt64, _ followee: UInt64, lsn: UInt64) {
        guard let first = users.index(of: UserID(rawValue: follower)),
            let second = users.index(of: UserID(rawValue: followee))
        else { return }
        removeEdge(first, second, lsn: lsn)
    }

    func removeEdge(_ follower: UserIndex, _ followee: UserIndex, lsn: UInt64) {
        if graph.remove(follower, followee) { emit(.unfollowed, lsn: lsn, first: follower, second: followee) }
    }

    /// `repostOf` is 0 for none.
    private func addPost(
        _ id: PostID, by user: UserID, _ visibility: PostVisibility, _ kind: PostKind, repostOf original: PostID,
        hold cause: HoldCause,
        lsn: UInt64
    ) throws(FactError) {
        guard posts.hasRoom else {
            throw FactError(lsn: lsn, reason: "the log holds more posts than maximumPosts; raise it", isLimit: true)
        }
        let author = try use(user.rawValue, lsn: lsn)
        let newest = newestPost.writable(Int(author))
        // Salvage may have lost it.
        let parent = original.rawValue == 0 ? nil : posts.find(original, among: posts.count)
        let ordinal = posts.append(
            id: id, lsn: lsn, author: author, previous: newest.pointee, visibility: visibility, parent: parent ?? 0,
            postKind: kind)
        newest.pointee = ordinal
        mint.observe(id)
        if cause != .nothing { return hold(newPost: ordinal, cause, lsn: lsn) }
        emit(.postCreated, lsn: lsn, first: author, second: ordinal)
    }

    private func deletePost(_ post: Starling_V1_PostDeleted, lsn: UInt64) throws(FactError) {
        guard let ordinal = posts.findPost(PostID(rawValue: post.postID), among: posts.count) else {
            if hasLostRecords { return }
            throw FactError(lsn: lsn, reason: "it deletes post \(post.postID), which the log does not hold")
        }
        guard posts.deletedLSN(ordinal) == 0 else { return }
        posts.delete(ordinal, lsn: lsn)
        erasures.add(.record(posts.bodyLSN(ordinal)), lsn: lsn)
        emit(.postDeleted, lsn: lsn, first: posts.rows[Int(ordinal)].author, second: ordinal)
    }

    private func changeMode(
        _ change: Starling_V1_FanoutModeChanged, lsn: UInt64, milliseconds time: UInt64
    ) throws(FactError) {
        let author = try use(change.authorID, lsn: lsn)
        let isPulled = change.mode == .pull
        let row = ModeChangeTable.Row(
            milliseconds: time, author: author, followerCount: UInt32(clamping: change.followerCount),
            postsPerDay: UInt32(clamping: change.postsPerDay), reason: change.reason == .cost ? .cost : .followers)
        graph.setPulled(author, isPulled)
        modeChanges.note(row)
        emit(
            .fanoutModeChanged, lsn: lsn, first: author, second: row.secondNumber(isPull: isPulled),
            third: row.followerCount, value: time)
    }

    private func changeAway(_ change: Starling_V1_ReadersAwayChanged, lsn: UInt64) {
        for user in change.users {
            guard let index = users.index(of: UserID(rawValue: user)), graph.isAway(index) != change.away else {
                continue
            }
            graph.setAway(index, change.away)
            emit(.readerAwayChanged, lsn: lsn, first: index, second: change.away ? 1 : 0)
        }
    }

    private func remember(_ fact: Starling_V1_Fact, lsn: UInt64) throws(FactError) {
        guard let (actor, answer) = FactAnswer.of(fact) else { return }
        let key = IdempotencyTable.Key(actor: actor, text: fact.idempotencyKey)
        let fingerprint = Hash128(high: fact.fingerprintHigh, low: fact.fingerprintLow)
        do {
            try idempotency.insert(
                key, .init(fingerprint: fingerprint, lsn: lsn, milliseconds: milliseconds, answer: answer))
        } catch {
            let reason = "no room for its idempotency key: \(error); raise memory.arenaBytes"
            throw FactError(lsn: lsn, reason: reason, isLimit: true)
        }
    }

    /// So that no record waits for many others' keys.
    private static let keysExpiredAtOnce = 64
}

/// A record of the log that cannot be applied.
struct FactError: Error, CustomStringConvertible {
    let lsn: UInt64
    let reason: String
    /// Whether a setting is in the way, not the record.
    var isLimit = false
    var description: String { "record \(lsn) cannot be applied: \(reason)" }
}
