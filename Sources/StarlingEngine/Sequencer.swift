import StarlingLog
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// The gatekeeper: validates commands, stamps ids and time, appends facts to the log, and folds them into its state.
/// Owned by the writer thread. Answers leave only after the commit that follows, which is the writer's business.
final class Sequencer {
    let state: SequencerState
    let log: LogWriter
    let time: any TimeSource
    private var wallMilliseconds: UInt64 = 0
    var rule: FanoutRule
    let capacity: FanoutCapacity
    private let maximumKeys: Int
    let memory: MemoryAdmission
    let timelineCap: Int
    /// How many requests one command accepts at most.
    let acceptedAtOnce: Int
    /// Who judges posts.
    let moderation: ModerationMode
    /// Accounts that went public, and for whose followers there was no room yet.
    var opening: [UserIndex]
    /// No try to accept them before this moment, in monotonic nanoseconds.
    var openingPause: UInt64 = 0
    /// Whether mutes end by the clock when nobody writes.
    var passesTime = false
    private let arenaBytes: Int
    /// How many posts of a batch each author has; kept so that a batch allocates nothing for it.
    var postsByAuthor: [UserID: Int] = [:]
    /// Set when a command was put off because the workers may make room for it: see `admit`.
    var mustWaitForWorkers = false

    init(
        state: SequencerState, log: LogWriter, time: any TimeSource, memory: MemoryAdmission,
        capacity: FanoutCapacity, configuration: EngineConfiguration
    ) {
        self.capacity = capacity
        self.memory = memory
        timelineCap = configuration.timelineCap
        moderation = configuration.moderation
        acceptedAtOnce = CommandBudget.acceptedAtOnce(ringEvents: configuration.ringEvents)
        opening = state.accountsBeingOpened
        arenaBytes = configuration.arenaBytes
        self.state = state
        self.log = log
        self.time = time
        rule = FanoutRule(
            threshold: state.celebrityThreshold(configuration),
            hysteresisPercent: configuration.celebrityHysteresisPercent)
        maximumKeys = configuration.maximumIdempotencyKeys
    }

    /// Runs one command. When it throws, nothing was appended, except after `unknownOutcome`.
    /// The ring and the log have room for it (`CommandBudget`).
    func process(_ command: Command, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        mustWaitForWorkers = false
        wallMilliseconds = time.wallMilliseconds()
        if let key = context.idempotencyKey { try PostRules.checkKey(key) }
        if case .account(let command) = command { return try processAccount(command, context) }
        try checkNotDeleted(context.actor)
        switch command {
        case .follow(let target): return try follow(target, context)
        case .unfollow(let target): return try unfollow(target, context)
        case .importFollows(let rows): return try importFollows(rows, context)
        case .createPost(let post): return try createPost(post, context)
        case .createPosts(let batch): return try createPosts(batch, context)
        case .importPosts(let rows): return try importPosts(rows, context)
        case .deletePost(let post): return try deletePost(post, context)
        case .react(let target, let kind): return try react(target, kind, context)
        case .createComment(let comment): return try createComment(comment, context)
        case .editComment(let id, let text): return try editComment(id, text, context)
        case .deleteComment(let id): return try deleteComment(id, context)
        case .editPost(let edit): return try editPost(edit, context)
        case .markRead(let number): return try markRead(upTo: number, context)
        case .approvePost(let judgement): return try approvePost(judgement, context)
        case .blockPost(let judgement, let reason): return try blockPost(judgement, reason: reason, context)
        case .setModerationRules(let rules): return try setModerationRules(rules, context)
        case .readModerationRules: return receipt(.moderationRules(state.moderationRules.store.current))
        case .setCelebrityThreshold(let threshold):
            guard threshold >= 1 else { throw .invalid(field: "celebrityThreshold", reason: "it must be at least 1") }
            let change = Starling_V1_CelebrityThresholdChanged.with { $0.threshold = UInt64(threshold) }
            try record(.celebrityThresholdChanged(change), WriteContext(actor: context.actor))
            rule.threshold = threshold
            return receipt(.done)
        case .setReadersAway(let users, let away): return try setReadersAway(users, away, context)
        case .block(let target): return try block(target, context)
        case .unblock(let target): return try unblock(target, context)
        case .mute(let target, let until): return try mute(target, until: until, context)
        case .unmute(let target): return try unmute(target, context)
        case .setAccountPrivacy(let isPrivate): return try setAccountPrivacy(isPrivate, context)
        case .acceptFollowRequest(let requester): return try acceptFollowRequest(requester, context)
        case .rejectFollowRequest(let requester): return try rejectFollowRequest(requester, context)
        case .acceptWaitingFollowers(let account): return try acceptWaitingFollowers(of: account)
        case .passTime: return try passTime()
        case .markTime(let endsSegment): return try markTime(endsSegment: endsSegment)
        case .barrier:
            memory.refresh()
            return receipt(.done)
        case .account: preconditionFailure("commands about accounts were handled above")
        }
    }

    /// Log time: the wall clock at the beginning of the command, but never before the newest record. All records of a command
    /// have the same time.
    var now: UInt64 { max(state.milliseconds, wallMilliseconds) }

    func receipt(_ outcome: CommandOutcome) -> WriteReceipt {
        WriteReceipt(lsn: state.lastLSN, outcome: outcome, isReplay: false)
    }

    /// Only accounts that are new take room.
    func checkUserRoom(for users: [UserID]) throws(EngineError) {
        if state.users.hasRoom(for: users.count) { return }
        let new = Set(users.filter { $0.rawValue != 0 && state.users.index(of: $0) == nil })
        if !state.users.hasRoom(for: new.count) { throw .full("users (limits.users)") }
    }

    /// Stands between an import's key and the number of a row. Not printable: no request can carry a row's key.
    static let importRowMark: Character = "\u{1f}"

    /// The first answer to a repeated key, or nil for a new one. `fits` says whether the request can have had that answer:
    /// equal fingerprints alone do not prove it.
    func firstAnswer(
        _ context: WriteContext, _ fits: (IdempotencyTable.Answer) -> Bool
    ) throws(EngineError) -> WriteReceipt? {
        guard let text = context.idempotencyKey else { return nil }
        let key = IdempotencyTable.Key(actor: context.actor.rawValue, text: text)
        guard let entry = state.idempotency.entry(key, now: now) else {
            if state.idempotency.hasRoom(limit: maximumKeys, now: now) { return nil }
            throw .full(
                state.idempotency.hasRoom(limit: .max, now: now)
                    ? "idempotency keys (limits.idempotencyKeys is \(maximumKeys))"
                    : "idempotency keys (memory.arenaBytes is \(arenaBytes))")
        }
        guard entry.fingerprint == context.fingerprint, fits(entry.answer) else {
            throw .idempotencyKeyReused(String(text.prefix { $0 != Self.importRowMark }))
        }
        let outcome: CommandOutcome =
            switch entry.answer {
            case .follow(let edge): .follow(edge)
            case .post(let id): .post(id)
            case .heldPost(let id, let state): .heldPost(id, state)
            case .deleted(let changed): .deleted(changed: changed)
            case .comment(let id): .comment(id)
            case .changed(_, let changed): .changed(changed)
            case .follows(let outcomes): .follows(outcomes.rows.map(Self.result))
            case .account(let id): .account(id)
            }
        return WriteReceipt(lsn: entry.lsn, outcome: outcome, isReplay: true)
    }

    static func result(_ row: FactAnswer.Row) -> Result<FollowOutcome, EngineError> {
        switch row {
        case .added: .success(FollowOutcome(follows: true, changed: true))
        case .present: .success(FollowOutcome(follows: true, changed: false))
        case .requested: .success(FollowOutcome(state: .pending, changed: true))
        case .waiting: .success(FollowOutcome(state: .pending, changed: false))
        case .refused: .failure(.invalid(field: "rows", reason: "this row was refused by the first request"))
        }
    }

    /// Keeps the key of a request that changed nothing.
    func acknowledge(
        _ operation: FactAnswer.Operation, _ context: WriteContext, isPending: Bool = false
    ) throws(EngineError) {
        guard context.idempotencyKey != nil else { return }
        let done = Starling_V1_Acknowledged.with {
            $0.operation = operation.rawValue
            $0.actorID = context.actor.rawValue
            $0.pending = isPending
        }
        try record(.acknowledged(done), context)
    }

    /// Appends a fact to the log and folds it.
    func record(
        _ oneOf: Starling_V1_Fact.OneOf_Fact, _ context: WriteContext, body: (any Message)? = nil
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
            try words.withUnsafeBytes { words in
                try state.apply(fact, FactBody(words), lsn: lsn, milliseconds: milliseconds)
            }
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
