import StarlingLog

/// The most that a command can take of the ring and of the log, known before it runs.
struct CommandBudget: Sendable {
    /// Events: accounts that are new, the edge or post, and a switch of fan-out mode for each row.
    var events: Int
    /// Bytes of log, by `LogWriter.reservation`.
    var logBytes: Int

    /// What a fact takes besides its lists and texts.
    private static let factBytes = 256
    /// 16 bytes of ids, up to 6 of time and one of outcome, with room to spare.
    private static let edgeBytes = 26
    /// An id in a list of them.
    private static let idBytes = 8
    /// The largest record that a command can become: an import of follows.
    static let largestRecordBytes = factBytes + Command.maximumRows * edgeBytes

    /// Of a command, with a ring of so many events. The first record may bring an event for the time besides its own.
    static func of(_ command: Command, ringEvents: Int) -> CommandBudget {
        let record = LogWriter.reservation(valueBytes: factBytes)
        switch command {
        case .follow, .unfollow, .acceptFollowRequest: return CommandBudget(events: 5, logBytes: record * 2)
        case .react: return CommandBudget(events: 3, logBytes: record)
        case .deleteComment, .markRead: return CommandBudget(events: 2, logBytes: record)
        case .createComment(let comment): return ofBody(events: 3, comment.text.utf8.count)
        case .editComment(_, let text): return ofBody(events: 2, text.utf8.count)
        case .editPost(let edit):
            let body = edit.body
            let texts = body.text.utf8.count + body.mediaURL.utf8.count + body.thumbnailURL.utf8.count
            return ofBody(events: 3, texts, reason: edit.verdict != nil)
        case .deletePost: return CommandBudget(events: 3, logBytes: record)
        case .approvePost: return CommandBudget(events: 2, logBytes: record)
        case .blockPost(_, let reason):
            let bytes = factBytes + reason.utf8.count
            return CommandBudget(events: 2, logBytes: LogWriter.reservation(valueBytes: bytes))
        case .setModerationRules(let rules):
            let lists = (rules.words + rules.patterns).reduce(0) { $0 + $1.utf8.count + 4 }
            return CommandBudget(events: 2, logBytes: LogWriter.reservation(valueBytes: factBytes + lists))
        case .readModerationRules: return CommandBudget(events: 0, logBytes: 0)
        case .setCelebrityThreshold: return CommandBudget(events: 2, logBytes: record)
        case .setReadersAway(let users, _):
            let bytes = factBytes + users.count * idBytes
            return CommandBudget(events: users.count + 2, logBytes: LogWriter.reservation(valueBytes: bytes))
        // Two accounts that are new, or two edges and two requests that end; and then a switch of both accounts.
        case .block: return CommandBudget(events: 10, logBytes: record * 3)
        case .unblock, .mute, .unmute, .rejectFollowRequest: return CommandBudget(events: 4, logBytes: record)
        case .setAccountPrivacy, .acceptWaitingFollowers: return ofPrivacy(record: record, ringEvents: ringEvents)
        case .passTime, .markTime: return CommandBudget(events: 1, logBytes: record)
        case .barrier: return CommandBudget(events: 0, logBytes: 0)
        case .account(let command): return ofAccount(command, record: record, ringEvents: ringEvents)
        case .createPost(let post): return ofPost(post)
        case .createPosts(let batch):
            let rows = batch.rows.count
            let texts = LogWriter.reservation(valueBytes: rows * factBytes, bodyBytes: batch.bytes.count)
            return CommandBudget(events: rows * eventsOfPost, logBytes: texts + rows * 2 * record)
        case .importPosts(let posts):
            return posts.reduce(into: CommandBudget(events: 0, logBytes: 0)) { sum, post in
                let one = ofPost(post)
                sum.events += one.events
                sum.logBytes += one.logBytes
            }
        case .importFollows(let rows):
            // A switch of mode for each followee at worst.
            return CommandBudget(events: rows.count * 4 + 2, logBytes: record + rows.count * (edgeBytes + record))
        }
    }

    /// What a batch of posts may have, so that it fits wherever a single post does: it must not need two new segments.
    static func postBatchLimits(_ configuration: EngineConfiguration) -> (rows: Int, bytes: Int) {
        let quarter = Int(clamping: configuration.log.segmentBytes / 4)
        let rows = min(
            256, configuration.ringEvents / 2 / eventsOfPost,
            quarter / (3 * LogWriter.reservation(valueBytes: factBytes)))
        return (max(rows, 1), min(quarter, 256 << 10))
    }

    /// A new account, a switch of fan-out mode, the post, and the time.
    static let eventsOfPost = 4

    /// How many requests one command accepts at most.
    static func acceptedAtOnce(ringEvents: Int) -> Int {
        max(1, min(1_000, ringEvents / 2 - eventsBesidesAccepted - ofTexts.events))
    }

    /// The account, its privacy, a switch to pull, and the time.
    private static let eventsBesidesAccepted = 4

    private static func ofBody(events: Int, _ textBytes: Int, reason: Bool = false) -> CommandBudget {
        let bytes = LogWriter.reservation(valueBytes: factBytes + reasonBytes(reason), bodyBytes: textBytes + 16)
        return CommandBudget(events: events, logBytes: bytes)
    }

    private static func ofPrivacy(record: Int, ringEvents: Int) -> CommandBudget {
        let accepted = acceptedAtOnce(ringEvents: ringEvents)
        let list = LogWriter.reservation(valueBytes: factBytes + accepted * idBytes)
        return CommandBudget(events: accepted + eventsBesidesAccepted, logBytes: record * 2 + list)
    }

    private static func ofAccount(_ command: AccountCommand, record: Int, ringEvents: Int) -> CommandBudget {
        switch command {
        case .find: return CommandBudget(events: 0, logBytes: 0)
        case .register: return ofTexts
        case .changeProfile(let update): return ofUpdate(update, record: record, ringEvents: ringEvents)
        case .changeCredentials(let update):
            return ofUpdate(update.profile, record: record, ringEvents: ringEvents)
        case .removeEdges(let edges):
            return CommandBudget(
                events: edges.count * eventsOfTies + 1,
                logBytes: LogWriter.reservation(valueBytes: factBytes + edges.count * 2 * idBytes))
        case .delete, .startSession, .refreshSession, .endSession:
            return CommandBudget(events: 3, logBytes: record)
        }
    }

    private static func ofUpdate(_ update: ProfileUpdate, record: Int, ringEvents: Int) -> CommandBudget {
        guard update.isPrivate != nil else { return ofTexts }
        let privacy = ofPrivacy(record: record, ringEvents: ringEvents)
        return CommandBudget(events: privacy.events + ofTexts.events, logBytes: privacy.logBytes + ofTexts.logBytes)
    }

    /// Texts of an account: the body holds all of them, whatever changes. A new account, the texts, and the time.
    private static let ofTexts = CommandBudget(
        events: 3, logBytes: LogWriter.reservation(valueBytes: factBytes, bodyBytes: ProfileHeap.maximumBytes))

    /// What an account can have to do with another one: an edge, a request, a block and a mute.
    static let eventsOfTies = 4

    /// How many accounts that had to do with a deleted one are dealt with in one record.
    static func tiesAtOnce(ringEvents: Int) -> Int { max(1, min(500, (ringEvents / 2 - 1) / eventsOfTies)) }

    /// What the rules may say of a post before it is recorded: others than those that were asked may be in force by then.
    private static func reasonBytes(_ isJudged: Bool) -> Int { isJudged ? ModerationRules.maximumReasonBytes : 0 }

    private static func ofPost(_ post: NewPost) -> CommandBudget {
        let body = post.text.utf8.count + post.mediaURL.utf8.count + post.thumbnailURL.utf8.count + 16
        let value = factBytes + reasonBytes(post.verdict != nil)
        let record = LogWriter.reservation(valueBytes: value, bodyBytes: body)
        return CommandBudget(events: eventsOfPost, logBytes: record + LogWriter.reservation(valueBytes: factBytes))
    }
}
