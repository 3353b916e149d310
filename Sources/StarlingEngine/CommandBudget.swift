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

    static func of(_ command: Command) -> CommandBudget {
        let record = LogWriter.reservation(valueBytes: factBytes)
        switch command {
        case .follow, .unfollow: return CommandBudget(events: 4, logBytes: record * 2)
        case .deletePost: return CommandBudget(events: 2, logBytes: record)
        case .setCelebrityThreshold: return CommandBudget(events: 1, logBytes: record)
        case .setReadersAway(let users, _):
            let bytes = factBytes + users.count * idBytes
            return CommandBudget(events: users.count + 1, logBytes: LogWriter.reservation(valueBytes: bytes))
        case .barrier: return CommandBudget(events: 0, logBytes: 0)
        case .account(let command): return ofAccount(command, record: record)
        case .createPost(let post): return ofPost(post)
        case .importPosts(let posts):
            return posts.reduce(into: CommandBudget(events: 0, logBytes: 0)) { sum, post in
                let one = ofPost(post)
                sum.events += one.events
                sum.logBytes += one.logBytes
            }
        case .importFollows(let rows):
            // A switch of mode for each followee at worst.
            return CommandBudget(events: rows.count * 4 + 1, logBytes: record + rows.count * (edgeBytes + record))
        }
    }

    private static func ofAccount(_ command: AccountCommand, record: Int) -> CommandBudget {
        switch command {
        case .find: CommandBudget(events: 0, logBytes: 0)
        case .register, .changeProfile, .changeCredentials:
            // The body holds all of the account, whatever changes.
            CommandBudget(
                events: 3,
                logBytes: LogWriter.reservation(valueBytes: factBytes, bodyBytes: ProfileHeap.maximumBytes))
        case .removeEdges(let edges):
            CommandBudget(
                events: edges.count + 1,
                logBytes: LogWriter.reservation(valueBytes: factBytes + edges.count * 2 * idBytes))
        case .delete, .startSession, .refreshSession, .endSession: CommandBudget(events: 2, logBytes: record)
        }
    }

    private static func ofPost(_ post: NewPost) -> CommandBudget {
        let body = post.text.utf8.count + post.mediaURL.utf8.count + post.thumbnailURL.utf8.count + 16
        let record = LogWriter.reservation(valueBytes: factBytes, bodyBytes: body)
        return CommandBudget(events: 3, logBytes: record + LogWriter.reservation(valueBytes: factBytes))
    }
}
