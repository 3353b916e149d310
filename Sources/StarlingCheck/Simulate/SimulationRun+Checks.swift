import StarlingEngine
import StarlingSimulation
import StarlingSystem

extension SimulationRun {
    /// Stops all faults and checks everything once more, also after a restart.
    func finish() throws(InvariantViolation) {
        say("the end")
        try stopFaults()
        try settle()
        try checkEverything()
        let before = try digest(of: running())
        try checkReplay()
        guard chance(30) else { return }
        try restart(.clean, isCalm: true)
        guard try digest(of: running()) == before else {
            throw InvariantViolation(.equivalence, "a clean restart changes the digest")
        }
    }

    /// Every feed to its end, every list, every counter.
    func checkEverything() throws(InvariantViolation) {
        for user in plan.users {
            try checkFeed(of: user)
            try checkRankedFeed(of: user)
            try checkLists(of: user)
            try checkRelations(of: user)
        }
        try checkEngagement()
        try checkPending()
        try checkStatistics()
    }

    private func checkFeed(of reader: UInt64) throws(InvariantViolation) {
        let expected = oracle.model.feed(reader)
        let limit = chance(30) ? number(1...4) : number(5...100)
        var position: PagePosition?
        var found: [UInt64] = []
        repeat {
            let page: PostPage = try read("a page of \(reader)") {
                self.running().feed(of: UserID(rawValue: reader), from: position, limit: limit, completion: $0)
            }
            try comparePage(
                page, Array(expected.dropFirst(found.count).prefix(limit + 1)), limit, "the feed of \(reader)")
            found += page.entries.map(\.post.rawValue)
            position = page.next
        } while position != nil
        guard found == expected else {
            throw InvariantViolation(.timelines, "the feed of \(reader) is \(found), expected \(expected)")
        }
        totals.feedsCompared += 1
        noteTrims(reader, found.count)
    }

    /// A timeline that holds fewer entries than the feed, of authors who are all pushed, was trimmed.
    private func noteTrims(_ reader: UInt64, _ count: Int) {
        guard count > configuration.timelineCap + 128 else { return }
        totals.reached(.capTrimmed)
        totals.reached(.pageBelowFloor)
    }

    private func checkLists(of user: UInt64) throws(InvariantViolation) {
        let id = UserID(rawValue: user)
        let following: EdgePage = try read("following") {
            self.running().following(of: id, limit: 1_000, completion: $0)
        }
        let followers: EdgePage = try read("followers") {
            self.running().followers(of: id, viewer: id, limit: 1_000, completion: $0)
        }
        guard following.entries.map(\.user.rawValue) == oracle.model.followees(user),
            followers.entries.map(\.user.rawValue) == oracle.model.followers(user)
        else { throw InvariantViolation(.counters, "the edges of \(user) are not those of the model") }
        let viewer = chance(50) ? self.user() : nil
        let limit = number(1...60)
        let posts: PostPage = try read("posts") {
            self.running().posts(of: id, viewer: viewer, limit: limit, completion: $0)
        }
        let expected = oracle.model.posts(of: user, viewer: viewer?.rawValue, limit: limit + 1)
        try comparePage(posts, expected, limit, "the posts of \(user)")
        try checkProfile(of: user)
        try checkLookUp(viewer)
    }

    private func checkProfile(of user: UInt64) throws(InvariantViolation) {
        let profile: Profile? = try read("a profile") {
            self.running().profile(of: UserID(rawValue: user), completion: $0)
        }
        guard let number = oracle.model.number(of: user) else {
            guard profile == nil else { throw InvariantViolation(.phantom, "user \(user) exists") }
            return
        }
        guard let profile, profile.followerCount == oracle.model.followerCounts[number],
            profile.followingCount == oracle.model.followees(user).count,
            profile.postCount == oracle.model.postCount(user), profile.isPulled == oracle.model.isPulled[number],
            profile.isPrivate == oracle.model.isPrivate[number],
            profile.postsPerDay == Double(oracle.model.postsPerDay(number)),
            isSame(profile.lastSwitch, oracle.model.lastSwitches[number])
        else { throw InvariantViolation(.counters, "the profile of \(user) is \(profile as Any)") }
    }

    private func isSame(_ found: FanoutSwitch?, _ expected: FeedModel.LastSwitch?) -> Bool {
        guard let found, let expected else { return found == nil && expected == nil }
        return found.milliseconds == expected.milliseconds && found.followerCount == Int(expected.fact.followers)
            && (found.reason == .cost) == (expected.fact.cost != nil)
            && found.postsPerDay == Int(expected.fact.cost?.postsPerDay ?? 0)
    }

    private func checkLookUp(_ viewer: UserID?) throws(InvariantViolation) {
        guard !oracle.model.posts.isEmpty else { return }
        let ids = (0..<3).map { _ in oracle.model.posts[number(0...oracle.model.posts.count - 1)].id }
        let found: PostLookup = try read("posts by id") {
            self.running().posts(ids.map(PostID.init), viewer: viewer, completion: $0)
        }
        guard found.found.map(\.post.rawValue) == oracle.model.visible(ids, to: viewer?.rawValue) else {
            throw InvariantViolation(.phantom, "of \(ids), \(viewer as Any) sees \(found.found.map(\.post))")
        }
    }

    /// Totals, and that nothing lags behind.
    func checkStatistics() throws(InvariantViolation) {
        let state: (lsn: UInt64, statistics: EngineStatistics) = try read("quiesce") {
            self.running().quiesce(completion: $0)
        }
        let model = oracle.model
        let statistics = state.statistics
        guard statistics.appliedLSN == model.lsn, state.lsn == model.lsn else {
            throw InvariantViolation(.liveness, "applied \(statistics.appliedLSN) of \(model.lsn) records")
        }
        guard statistics.users == UInt64(model.users.count), statistics.edges == UInt64(model.edgeCount),
            statistics.posts == UInt64(model.livePosts)
        else { throw InvariantViolation(.counters, "\(statistics)") }
        try checkFeedEvents()
    }

    /// The state is that of a fresh fold of the log by another number of workers.
    func checkReplay() throws(InvariantViolation) {
        let copy = roomyCopy()
        let workers = number(1...3)
        if chance(60), !Self.isLogCut(on: copy) {
            removeSnapshots(from: copy)
            totals.reached(.replayWithoutSnapshots)
        }
        let fresh: Engine
        do throws(EngineOpenError) {
            fresh = try open(copy, workers: workers)
        } catch {
            throw InvariantViolation(.equivalence, "a copy cannot be opened: \(error)")
        }
        defer { fresh.closeAfterCrash() }
        let expected = try digest(of: fresh)
        let found = try digest(of: running())
        totals.digestsCompared += 1
        trace.add(found.low)
        guard found == expected else {
            throw InvariantViolation(
                .equivalence, "digest \(found), a replay with \(workers) workers has \(expected)")
        }
    }

    func digest(of engine: Engine) throws(InvariantViolation) -> Hash128 {
        let answer = PendingAnswer<EngineDigest>()
        engine.stateDigest { answer.set($0) }
        while engine.step() {}
        guard case .success(let digest)? = answer.result else {
            throw InvariantViolation(.liveness, "no digest: \(answer.result as Any)")
        }
        return digest.digest
    }
}
