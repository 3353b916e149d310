import StarlingSchema

/// Compares what a daemon serves with what its log stands for.
extension CrashVerification {
    func compare(_ quiet: Starling_V1_QuiesceResponse, _ log: FoldedLog) throws {
        let found = [quiet.lsn, quiet.totals.users, quiet.totals.edges, quiet.totals.posts]
        let expected = [log.lastLSN] + [log.users.count, log.edges.count, log.visiblePosts].map(UInt64.init)
        if found != expected {
            throw Violation("lsn, users, edges and posts are \(found); the log stands for \(expected)")
        }
    }

    func compareUsers(_ log: FoldedLog, _ door: TCPDoor) async throws {
        let posts = log.postCounts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for user in log.users {
                let expected = [log.followerCount(user), log.followingCount(user), posts[user] ?? 0]
                group.addTask {
                    let answer = try await door.call(FeedReading.user(user))
                    let found = [answer.followerCount, answer.followingCount, answer.postCount].map { Int($0) }
                    if found != expected {
                        throw Violation(
                            "user \(user) has followers, following and posts \(found); the log stands for \(expected)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Some posts with their words; deleted ones are gone.
    mutating func compareBodies(_ log: FoldedLog, _ door: HTTPDoor) async throws {
        let chosen = log.posts.shuffled(using: &random).prefix(40)
        if chosen.isEmpty { return }
        let answer = try await door.call(FeedReading.posts(chosen.map(\.id)))
        // Followers-only posts are not shown to nobody in particular: what is there is compared, not what is missing.
        for post in answer.items {
            guard let expected = log.post(post.id), expected.author == post.authorID, expected.text == post.text,
                !expected.isDeleted
            else { throw Violation("post \(post.id) is served as \"\(post.text)\" by \(post.authorID)") }
        }
    }

    mutating func compareFeeds(_ log: FoldedLog, _ tcp: TCPDoor, _ http: HTTPDoor) async throws {
        let overTCP = Bool.random(using: &random)
        let limits = (0..<2).map { _ in UInt32.random(in: 5...200, using: &random) }
        async let odd = Self.compareFeeds(log, rest: 1, limit: limits[0], overTCP ? tcp : http)
        async let even = Self.compareFeeds(log, rest: 0, limit: limits[1], overTCP ? http : tcp)
        let entries = try await odd + even
        evidence.add(.feeds, Int(CrashWorkload.users))
        evidence.add(.entries, entries)
    }

    /// Every second user's feed; returns how many entries they had.
    private static func compareFeeds(
        _ log: FoldedLog, rest: UInt64, limit: UInt32, _ door: any Door
    ) async throws -> Int {
        var entries = 0
        for user in 1...CrashWorkload.users where user % 2 == rest {
            let found = try await FeedReading.whole(user, limit: limit, door)
            let expected = log.feed(user)
            entries += found.count
            if found != expected { throw Violation(difference(user, found, expected)) }
        }
        return entries
    }

    /// Page 1 was read before the crash, page 2 is read with its cursor after it: it goes on behind the last post.
    mutating func followCursors(
        _ cursors: [CrashLedger.FeedCursor], _ log: FoldedLog, _ door: any Door
    ) async throws {
        let limit: UInt32 = 50
        for cursor in cursors {
            let call = FeedReading.call(cursor.reader, limit: limit, cursor: cursor.cursor)
            let page: Starling_V1_FeedResponse = try await door.call(call)
            let found = page.items.map(\.postID)
            let expected = Array(log.feed(cursor.reader).lazy.filter { $0 < cursor.last }.prefix(Int(limit)))
            if found != expected { throw Violation(Self.difference(cursor.reader, found, expected)) }
            evidence.add(.cursors)
        }
    }

    private static func difference(_ user: UInt64, _ found: [UInt64], _ expected: [UInt64]) -> String {
        let same = zip(found, expected).prefix { $0 == $1 }.count
        let (has, wanted) = (found.dropFirst(same).first, expected.dropFirst(same).first)
        return "user \(user)'s feed has \(found.count) entries and should have \(expected.count); entry \(same) is "
            + "\(has.map { "\($0)" } ?? "missing") and should be \(wanted.map { "\($0)" } ?? "missing")"
    }
}
