import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// The gatekeeper: validates commands, stamps ids and time, appends facts to the log, and folds them into its state.
/// Owned by the writer thread. Answers leave only after the commit that follows, which is the writer's business.
final class Sequencer {
    let state: SequencerState
    private let log: LogWriter
    private let time: any TimeSource
    private(set) var celebrityThreshold: Int
    private let hysteresisPercent: Int
    private let maximumKeys: Int

    init(state: SequencerState, log: LogWriter, time: any TimeSource, configuration: EngineConfiguration) {
        self.state = state
        self.log = log
        self.time = time
        celebrityThreshold = configuration.celebrityThreshold
        hysteresisPercent = configuration.celebrityHysteresisPercent
        maximumKeys = configuration.maximumIdempotencyKeys
    }

    /// Runs one command. When it throws, nothing was appended, except after `unknownOutcome`.
    /// The ring and the log have room for it (`CommandBudget`).
    func process(_ command: Command, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let key = context.idempotencyKey { try PostRules.checkKey(key) }
        switch command {
        case .follow(let target): return try follow(target, context)
        case .unfollow(let target): return try unfollow(target, context)
        case .importFollows(let rows): return try importFollows(rows, context)
        case .createPost(let post): return try createPost(post, context)
        case .importPosts(let rows): return try importPosts(rows, context)
        case .deletePost(let post): return try deletePost(post, context)
        case .setCelebrityThreshold(let threshold):
            guard threshold >= 1 else { throw .invalid(field: "celebrityThreshold", reason: "it must be at least 1") }
            celebrityThreshold = threshold
            return receipt(.done)
        case .barrier: return receipt(.done)
        }
    }

    /// Log time: the wall clock, but never before the newest record.
    private var now: UInt64 { max(state.milliseconds, time.wallMilliseconds()) }

    private func receipt(_ outcome: CommandOutcome) -> WriteReceipt {
        WriteReceipt(lsn: state.lastLSN, outcome: outcome, isReplay: false)
    }

    // MARK: Edges

    private func follow(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .follow(let edge) = $0 { edge.follows } else { false } }) {
            return first
        }
        try checkEdge(context.actor, target)
        if follows(context.actor, target) {
            try acknowledge(.follow, context)
            return receipt(.follow(FollowOutcome(follows: true, changed: false)))
        }
        try checkUserRoom(for: [context.actor, target])
        let edge = Starling_V1_Followed.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
            $0.sinceMs = now
        }
        try record(.followed(edge), context)
        let answer = receipt(.follow(FollowOutcome(follows: true, changed: true)))
        try reconsiderFanoutMode(of: target)
        return answer
    }

    private func unfollow(_ target: UserID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .follow(let edge) = $0 { !edge.follows } else { false } }) {
            return first
        }
        try checkEdge(context.actor, target)
        guard follows(context.actor, target) else {
            try acknowledge(.unfollow, context)
            return receipt(.follow(FollowOutcome(follows: false, changed: false)))
        }
        let edge = Starling_V1_Unfollowed.with {
            $0.userID = context.actor.rawValue
            $0.targetID = target.rawValue
        }
        try record(.unfollowed(edge), context)
        let answer = receipt(.follow(FollowOutcome(follows: false, changed: true)))
        try reconsiderFanoutMode(of: target)
        return answer
    }

    private func checkEdge(_ follower: UserID, _ followee: UserID) throws(EngineError) {
        if follower.rawValue == 0 { throw .invalid(field: "userId", reason: "a follower is needed; 0 is not an id") }
        if followee.rawValue == 0 { throw .invalid(field: "targetId", reason: "an account is needed; 0 is not an id") }
        if follower == followee { throw .selfFollow(follower) }
    }

    private func follows(_ follower: UserID, _ followee: UserID) -> Bool {
        guard let first = state.users.index(of: follower), let second = state.users.index(of: followee) else {
            return false
        }
        return state.graph.follows(first, second)
    }

    private func importFollows(_ rows: [NewFollow], _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        try checkRows(rows.count)
        if let first = try firstAnswer(
            context, { if case .follows(let outcomes) = $0 { outcomes.count == rows.count } else { false } })
        {
            return namingRefusals(first, rows)
        }
        if !state.users.hasRoom(for: rows.count * 2) {
            try checkUserRoom(for: rows.flatMap { [$0.follower, $0.followee] })
        }
        let present = FactAnswer.Row.present
        var results: [Result<FollowOutcome, EngineError>] = []
        results.reserveCapacity(rows.count)
        var edges = Starling_V1_FollowsImported()
        var rowOutcomes: [UInt32] = []
        var batch = Set<NewEdge>(minimumCapacity: rows.count)
        let nowSeconds = UInt32(clamping: now / 1_000)
        for row in rows {
            do throws(EngineError) {
                try checkEdge(row.follower, row.followee)
                let isNew =
                    !follows(row.follower, row.followee)
                    && batch.insert(NewEdge(follower: row.follower, followee: row.followee)).inserted
                if isNew {
                    edges.users.append(row.follower.rawValue)
                    edges.targets.append(row.followee.rawValue)
                    edges.sinceEach.append(UInt64(row.sinceSeconds ?? nowSeconds) * 1_000)
                }
                rowOutcomes.append((isNew ? FactAnswer.Row.added : present).rawValue)
                results.append(.success(FollowOutcome(follows: true, changed: isNew)))
            } catch {
                rowOutcomes.append(FactAnswer.Row.refused.rawValue)
                results.append(.failure(error))
            }
        }
        guard !edges.users.isEmpty || context.idempotencyKey != nil else { return receipt(.follows(results)) }
        if let since = edges.sinceEach.first, edges.sinceEach.allSatisfy({ $0 == since }) {
            edges.sinceMs = since
            edges.sinceEach = []
        }
        edges.actorID = context.actor.rawValue
        if context.idempotencyKey != nil { edges.rowOutcomes = rowOutcomes }
        try record(.followsImported(edges), context)
        let answer = receipt(.follows(results))
        for target in edges.targets { try reconsiderFanoutMode(of: UserID(rawValue: target)) }
        return answer
    }

    private struct NewEdge: Hashable {
        var follower: UserID
        var followee: UserID
    }

    // MARK: Posts

    private func createPost(_ post: NewPost, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        guard post.author == context.actor else {
            throw .invalid(field: "authorId", reason: "it is \(post.author); user \(context.actor) posts only for itself")
        }
        if let first = try firstAnswer(context, Self.isPost) { return first }
        let id = try append(post, context)
        return receipt(.post(id))
    }

    private func importPosts(_ rows: [NewPost], _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        try checkRows(rows.count)
        // Each row has a key of its own, so that a repetition after a crash adds only what is missing.
        let contexts = rows.enumerated().map { number, row in
            var rowContext = context
            rowContext.actor = row.author
            if let key = context.idempotencyKey { rowContext.idempotencyKey = "\(key)\(Self.rowMark)\(context.actor)/\(number)" }
            return rowContext
        }
        // Before anything is added: another request under the key is refused as a whole.
        for rowContext in contexts { _ = try firstAnswer(rowContext, Self.isPost) }
        var results: [Result<PostID, EngineError>] = []
        results.reserveCapacity(rows.count)
        var replays = 0
        for (row, rowContext) in zip(rows, contexts) {
            do throws(EngineError) {
                if let first = try firstAnswer(rowContext, Self.isPost), case .post(let id) = first.outcome {
                    replays += 1
                    results.append(.success(id))
                } else {
                    results.append(.success(try append(row, rowContext)))
                }
            } catch {
                if case .unknownOutcome = error { throw error }
                results.append(.failure(error))
            }
        }
        var answer = receipt(.posts(results))
        answer.isReplay = replays > 0 && replays == rows.count
        return answer
    }

    /// Stands between an import's key and the number of a row. Not printable: no request can carry a row's key.
    private static let rowMark: Character = "\u{1f}"

    /// Validates a post, mints its id and records it.
    private func append(_ post: NewPost, _ context: WriteContext) throws(EngineError) -> PostID {
        try PostRules.check(post, now: now)
        if let original = post.replyTo { try checkExists(original) }
        if let original = post.repostOf { try checkExists(original) }
        guard state.posts.hasRoom else { throw .full("posts (maximumPosts)") }
        try checkUserRoom(for: [post.author])
        try reconsiderFanoutMode(of: post.author)
        let id = state.mint.mint(milliseconds: post.createdAt ?? now, slot: Slot.of(post.author))
        let fact = Starling_V1_PostCreated.with {
            $0.postID = id.rawValue
            $0.authorID = post.author.rawValue
            $0.kind = Starling_V1_Post.Kind(rawValue: Int(post.kind.rawValue)) ?? .text
            $0.visibility = Starling_V1_Post.Visibility(rawValue: Int(post.visibility.rawValue)) ?? .public
            $0.replyTo = post.replyTo?.rawValue ?? 0
            $0.repostOf = post.repostOf?.rawValue ?? 0
        }
        let body = Starling_V1_PostBody.with {
            $0.text = post.text
            $0.mediaURL = post.mediaURL
            $0.thumbnailURL = post.thumbnailURL
        }
        try record(.postCreated(fact), context, body: body)
        return id
    }

    private func checkExists(_ id: PostID) throws(EngineError) {
        guard let ordinal = state.posts.find(id, among: state.posts.count), state.posts.deletedLSN(ordinal) == 0 else {
            throw .postNotFound(id)
        }
    }

    private func deletePost(_ id: PostID, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        if let first = try firstAnswer(context, { if case .deleted = $0 { true } else { false } }) { return first }
        guard let ordinal = state.posts.find(id, among: state.posts.count) else { throw .postNotFound(id) }
        let author = state.users.id(of: state.posts.rows[Int(ordinal)].author)
        guard author == context.actor else { throw .notAuthor(post: id, actor: context.actor) }
        guard state.posts.deletedLSN(ordinal) == 0 else {
            try acknowledge(.deletePost, context)
            return receipt(.deleted(changed: false))
        }
        let fact = Starling_V1_PostDeleted.with {
            $0.postID = id.rawValue
            $0.authorID = author.rawValue
        }
        try record(.postDeleted(fact), context)
        return receipt(.deleted(changed: true))
    }

    // MARK: Fan-out mode

    /// Decides whether an author is pushed or pulled, and records a switch. Runs before each post and after each change
    /// of the follower count, so that a new threshold takes effect with the author's next post at the latest.
    private func reconsiderFanoutMode(of author: UserID) throws(EngineError) {
        guard let index = state.users.index(of: author) else { return }
        let followers = state.graph.followerCount(index)
        let isPulled = state.graph.isPulled(index)
        let mode: Starling_V1_FanoutMode
        if !isPulled, followers >= celebrityThreshold {
            mode = .pull
        } else if isPulled, isBelowHysteresis(followers) {
            mode = .push
        } else {
            return
        }
        let change = Starling_V1_FanoutModeChanged.with {
            $0.authorID = author.rawValue
            $0.mode = mode
            $0.followerCount = UInt64(followers)
            $0.threshold = UInt64(celebrityThreshold)
        }
        try record(.fanoutModeChanged(change), WriteContext(actor: author))
    }

    private func isBelowHysteresis(_ followers: Int) -> Bool {
        // The highest thresholds, which stand for "never", times 100 are too large for an integer.
        let (limit, overflow) = celebrityThreshold.multipliedReportingOverflow(by: hysteresisPercent)
        return overflow || followers * 100 < limit
    }

    // MARK: Limits

    /// The first answer with the reasons of refused rows, which lie in the rows: those are the same again.
    private func namingRefusals(_ first: WriteReceipt, _ rows: [NewFollow]) -> WriteReceipt {
        guard case .follows(var outcomes) = first.outcome else { return first }
        for (place, row) in rows.enumerated() {
            guard case .failure = outcomes[place] else { continue }
            do throws(EngineError) { try checkEdge(row.follower, row.followee) } catch { outcomes[place] = .failure(error) }
        }
        return WriteReceipt(lsn: first.lsn, outcome: .follows(outcomes), isReplay: true)
    }

    private func checkRows(_ count: Int) throws(EngineError) {
        if count > Command.maximumRows {
            throw .invalid(field: "rows", reason: "\(count) rows; at most \(Command.maximumRows) are allowed")
        }
    }

    /// Only accounts that are new take room.
    private func checkUserRoom(for users: [UserID]) throws(EngineError) {
        if state.users.hasRoom(for: users.count) { return }
        let new = Set(users.filter { $0.rawValue != 0 && state.users.index(of: $0) == nil })
        if !state.users.hasRoom(for: new.count) { throw .full("users (maximumUsers)") }
    }

    // MARK: Records

    /// The first answer to a repeated key, or nil for a new one. `fits` says whether the request can have had that answer:
    /// equal fingerprints alone do not prove it.
    private func firstAnswer(
        _ context: WriteContext, _ fits: (IdempotencyTable.Answer) -> Bool
    ) throws(EngineError) -> WriteReceipt? {
        guard let text = context.idempotencyKey else { return nil }
        let key = IdempotencyTable.Key(actor: context.actor.rawValue, text: text)
        guard let entry = state.idempotency.entry(key, now: now) else {
            if state.idempotency.hasRoom(limit: maximumKeys, now: now) { return nil }
            throw .full("idempotency keys (maximumIdempotencyKeys)")
        }
        guard entry.fingerprint == context.fingerprint, fits(entry.answer) else {
            throw .idempotencyKeyReused(String(text.prefix { $0 != Self.rowMark }))
        }
        let outcome: CommandOutcome =
            switch entry.answer {
            case .follow(let edge): .follow(edge)
            case .post(let id): .post(id)
            case .deleted(let changed): .deleted(changed: changed)
            case .follows(let outcomes): .follows(outcomes.rows.map(Self.result))
            }
        return WriteReceipt(lsn: entry.lsn, outcome: outcome, isReplay: true)
    }

    private static func isPost(_ answer: IdempotencyTable.Answer) -> Bool {
        if case .post = answer { true } else { false }
    }

    private static func result(_ row: FactAnswer.Row) -> Result<FollowOutcome, EngineError> {
        switch row {
        case .added: .success(FollowOutcome(follows: true, changed: true))
        case .present: .success(FollowOutcome(follows: true, changed: false))
        case .refused: .failure(.invalid(field: "rows", reason: "this row was refused by the first request"))
        }
    }

    /// Keeps the key of a request that changed nothing.
    private func acknowledge(_ operation: FactAnswer.Operation, _ context: WriteContext) throws(EngineError) {
        guard context.idempotencyKey != nil else { return }
        let done = Starling_V1_Acknowledged.with {
            $0.operation = operation.rawValue
            $0.actorID = context.actor.rawValue
        }
        try record(.acknowledged(done), context)
    }

    /// Appends a fact to the log and folds it.
    private func record(
        _ oneOf: Starling_V1_Fact.OneOf_Fact, _ context: WriteContext, body: Starling_V1_PostBody? = nil
    ) throws(EngineError) {
        var fact = Starling_V1_Fact()
        fact.fact = oneOf
        if let key = context.idempotencyKey {
            fact.idempotencyKey = key
            fact.fingerprintHigh = context.fingerprint.high
            fact.fingerprintLow = context.fingerprint.low
        }
        let milliseconds = now
        do {
            let value: [UInt8] = try fact.serializedBytes()
            let words: [UInt8]? = try body?.serializedBytes()
            let lsn = try value.withUnsafeBytes { value in
                try words.withUnsafeBytes { words in
                    try log.append(
                        timestamp: milliseconds, key: context.actor.rawValue, value: value, body: words)
                }
            }
            try state.apply(fact, lsn: lsn, milliseconds: milliseconds)
        } catch let error as FactError {
            preconditionFailure("a fact that was just validated must apply: \(error)")
        } catch {
            throw .unknownOutcome("\(error)")
        }
    }
}

extension Optional<[UInt8]> {
    /// The bytes of an array that may be missing.
    fileprivate func withUnsafeBytes<Result>(
        _ body: (UnsafeRawBufferPointer?) throws -> Result
    ) rethrows -> Result {
        switch self {
        case .some(let bytes): try bytes.withUnsafeBytes { try body($0) }
        case .none: try body(nil)
        }
    }
}
