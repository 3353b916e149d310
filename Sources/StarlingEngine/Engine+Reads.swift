import StarlingSystem
import Synchronization

extension Engine {
    /// A page of a reader's feed: the posts of all accounts that the reader follows now, newest first, each once.
    ///
    /// - Parameters:
    ///   - user: the reader. One that no record has used yet has an empty feed.
    ///   - position: `next` of the page before; nil begins anew.
    ///   - limit: at most that many posts, 1 to 1,000.
    ///   - minimumLSN: wait until this record is visible, at most a second; then `notYetVisible`.
    ///   - detailed: whether the page names its authors, and says what others, and the reader, did with the posts.
    public func feed(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        detailed: Bool = false,
        completion: @escaping @Sendable (Result<PostPage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let query = FeedQuery(user: user, position: position, limit: limit)
        onWorker(of: user, minimumLSN: minimumLSN, completion) { worker in
            var page = worker.feedPage(query, detailed: detailed)
            if detailed { page.authors = worker.publicProfiles(ofAuthors: page.entries) }
            return page
        }
    }

    /// A page of one author's posts, newest first: those that `viewer` may see. Posts for followers, and all of a private account,
    /// are for followers and the author; between two accounts of which one blocks the other, there is nothing to see.
    public func posts(
        of author: UserID, viewer: UserID?, from position: PagePosition? = nil, limit: Int = 50,
        withAuthors: Bool = false, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<PostPage, EngineError>) -> Void
    ) {
        guard let bound = Self.bound(position, limit, completion) else { return }
        onWorker(of: viewer ?? author, minimumLSN: minimumLSN, completion) { worker in
            var page = worker.authorPage(author, viewer: viewer, below: bound, limit: limit)
            if withAuthors { page.authors = worker.publicProfiles(ofAuthors: page.entries) }
            return page
        }
    }

    /// Posts by id, at most 1,000. One that the viewer may not see counts as missing.
    public func posts(
        _ ids: [PostID], viewer: UserID?, withAuthors: Bool = false, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<PostLookup, EngineError>) -> Void
    ) {
        guard ids.count <= 1_000 else {
            return completion(.failure(.invalid(field: "ids", reason: "\(ids.count) ids; at most 1000 are allowed")))
        }
        onWorker(of: viewer ?? UserID(rawValue: 0), minimumLSN: minimumLSN, completion) { worker in
            var lookup = worker.lookUp(ids, viewer: viewer)
            if withAuthors { lookup.authors = worker.publicProfiles(ofAuthors: lookup.found) }
            return lookup
        }
    }

    /// A page of the accounts that `user` follows, in the order of the accounts' first use.
    public func following(
        of user: UserID, from position: PagePosition? = nil, limit: Int = 50, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<EdgePage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UserIndex(clamping: $0.rawValue) }
        onWorker(of: user, minimumLSN: minimumLSN, completion) { [users] worker in
            let entries =
                users.index(of: user).map { worker.followeeEntries(of: $0, after: bound, limit: limit + 1) } ?? []
            return EdgePage(entries, limit: limit, asOfLSN: worker.appliedLSN)
        }
    }

    /// A page of the accounts that follow `user`, in the order of the accounts' first use. Asks all workers. For a private
    /// account, `privateAccount` unless `viewer` is one of them, or the account itself.
    public func followers(
        of user: UserID, viewer: UserID? = nil, from position: PagePosition? = nil, limit: Int = 50,
        minimumLSN: UInt64 = 0, completion: @escaping @Sendable (Result<EdgePage, EngineError>) -> Void
    ) {
        guard Self.isInRange(limit, completion) else { return }
        let bound = position.map { UserIndex(clamping: $0.rawValue) }
        let merge: @Sendable ([FollowerPart]) -> EdgePage? = { FollowerPart.merge($0, limit: limit) }
        let answer: @Sendable (Result<EdgePage?, EngineError>) -> Void = { result in
            completion(result.flatMap { page in page.map { .success($0) } ?? .failure(.privateAccount(user)) })
        }
        onAllWorkers(minimumLSN: minimumLSN, answer, merge) { [users] worker in
            guard let index = users.index(of: user) else { return FollowerPart(asOfLSN: worker.appliedLSN) }
            let isAllowed =
                user == viewer
                || viewer.flatMap { users.index(of: $0) }.map { worker.follows($0, index) } ?? false
            return FollowerPart(
                entries: worker.followerEntries(of: index, after: bound, limit: limit + 1),
                isPrivate: worker.isPrivate(index), isAllowed: isAllowed, asOfLSN: worker.appliedLSN)
        }
    }

    /// Counters and fan-out mode of an account; nil for one that no record has used yet.
    public func profile(
        of user: UserID, minimumLSN: UInt64 = 0,
        completion: @escaping @Sendable (Result<Profile?, EngineError>) -> Void
    ) {
        onWorker(of: user, minimumLSN: minimumLSN, completion) { [users] worker in
            users.index(of: user).flatMap { worker.profile(of: $0) }
        }
    }

    static func isInRange<Value>(
        _ limit: Int, _ completion: @Sendable (Result<Value, EngineError>) -> Void
    ) -> Bool {
        if (1...1_000).contains(limit) { return true }
        completion(.failure(.invalid(field: "limit", reason: "it is \(limit); it must be 1 to 1000")))
        return false
    }

    private static func bound(
        _ position: PagePosition?, _ limit: Int,
        _ completion: @Sendable (Result<PostPage, EngineError>) -> Void
    ) -> PostOrdinal? {
        guard isInRange(limit, completion) else { return nil }
        return position.map { PostOrdinal(clamping: $0.rawValue) } ?? .max
    }

    /// Runs `body` on every worker and merges what they say, in the order of their numbers.
    func onAllWorkers<Part: Sendable, Value: Sendable>(
        minimumLSN: UInt64, waitNanoseconds: UInt64 = Engine.visibilityWaitNanoseconds, wantsWholeRecords: Bool = false,
        _ completion: @escaping @Sendable (Result<Value, EngineError>) -> Void,
        _ merge: @escaping @Sendable ([Part]) -> Value, _ body: @escaping @Sendable (Worker) -> Part
    ) {
        let gathering = Gathering<Part>(count: runners.count)
        for number in runners.indices {
            let part: @Sendable (Result<Part, EngineError>) -> Void = { result in
                if let whole = gathering.add(result, at: number) { completion(whole.map(merge)) }
            }
            onWorker(
                number, minimumLSN: minimumLSN, waitNanoseconds: waitNanoseconds, wantsWholeRecords: wantsWholeRecords,
                part, body)
        }
    }
}

/// One worker's part of a page of followers.
private struct FollowerPart: Sendable {
    var entries: [EdgeEntry] = []
    var isPrivate = false
    /// Whether the viewer is the account, or a follower of it whom this worker owns.
    var isAllowed = false
    var asOfLSN: UInt64

    /// Nil when the viewer may not see it.
    static func merge(_ parts: [FollowerPart], limit: Int) -> EdgePage? {
        guard parts.contains(where: \.isAllowed) || !parts.contains(where: \.isPrivate) else { return nil }
        let entries = parts.flatMap(\.entries).sorted { $0.index < $1.index }
        return EdgePage(entries, limit: limit, asOfLSN: parts.map(\.asOfLSN).min() ?? 0)
    }
}

/// Collects one answer from each worker.
private final class Gathering<Part: Sendable>: Sendable {
    private struct State {
        var parts: [Part?]
        var error: EngineError?
        var left: Int
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(parts: Array(repeating: nil, count: count), left: count)) }

    /// Adds an answer; the last one gets all of them, or the first error.
    func add(_ result: Result<Part, EngineError>, at place: Int) -> Result<[Part], EngineError>? {
        state.withLock { state in
            switch result {
            case .success(let part): state.parts[place] = part
            case .failure(let error): state.error = state.error ?? error
            }
            state.left -= 1
            guard state.left == 0 else { return nil }
            return state.error.map { .failure($0) } ?? .success(state.parts.compactMap { $0 })
        }
    }
}

extension EdgePage {
    /// A page from up to one entry more than it holds.
    init(_ candidates: [EdgeEntry], limit: Int, asOfLSN: UInt64) {
        entries = Array(candidates.prefix(limit))
        next = candidates.count > limit ? entries.last.map { PagePosition(rawValue: UInt64($0.index)) } : nil
        self.asOfLSN = asOfLSN
    }
}
