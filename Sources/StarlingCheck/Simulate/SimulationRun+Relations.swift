import StarlingEngine
import StarlingSimulation
import StarlingSystem

/// Blocks, mutes, private accounts and requests: what is written, and what must be read.
extension SimulationRun {
    /// Something that is said of a pair, most often of one of which it is true.
    func ofPair(
        _ pairs: [(user: UInt64, target: UInt64)], by actor: UserID, _ command: (UserID) -> Command
    ) -> WriteRequest {
        guard !pairs.isEmpty, chance(85) else {
            return WriteRequest(command: command(user()), context: WriteContext(actor: actor))
        }
        let pair = pairs[number(0...pairs.count - 1)]
        return WriteRequest(
            command: command(UserID(rawValue: pair.target)), context: WriteContext(actor: UserID(rawValue: pair.user)))
    }

    /// Often so soon that log time comes to it within the run; now and then a time that is over.
    func muteEnd() -> UInt32? {
        if chance(40) { return nil }
        let now = Int(max(oracle.model.milliseconds, time.wallMilliseconds()) / 1_000)
        return UInt32(clamping: now + (chance(90) ? number(1...6) : number(-3...0)))
    }

    /// Lists of blocks, mutes and requests, and how the user stands to some account.
    func checkRelations(of user: UInt64) throws(InvariantViolation) {
        let id = UserID(rawValue: user)
        let blocks: EdgePage = try read("blocks") { self.running().blocks(of: id, limit: 1_000, completion: $0) }
        let mutes: MutePage = try read("mutes") { self.running().mutes(of: id, limit: 1_000, completion: $0) }
        let model = oracle.model
        guard blocks.entries.map(\.user.rawValue) == model.blockedAccounts(of: user),
            mutes.entries.map({ MuteOf(account: $0.user.rawValue, until: $0.untilSeconds) }) == model.mutes(of: user)
        else { throw InvariantViolation(.counters, "the blocks or mutes of \(user) are not those of the model") }
        if !mutes.entries.isEmpty { totals.reached(.muteListed) }
        try checkRequests(to: user)
        try checkRelationship(of: user, to: self.user().rawValue)
        try checkFollowersShown(of: user)
    }

    private func checkRequests(to user: UInt64) throws(InvariantViolation) {
        let limit = number(1...5)
        var position: PagePosition?
        var found: [RelationModel.Request] = []
        repeat {
            let page: EdgePage = try read("requests") {
                self.running().followRequests(
                    of: UserID(rawValue: user), from: position, limit: limit, completion: $0)
            }
            found += page.entries.map {
                RelationModel.Request(
                    requester: oracle.model.number(of: $0.user.rawValue) ?? -1, sinceSeconds: UInt64($0.sinceSeconds))
            }
            position = page.next
        } while position != nil
        let expected = oracle.model.requests(to: user)
        guard found == expected else {
            throw InvariantViolation(.counters, "the requests to \(user) are \(found), expected \(expected)")
        }
        if found.count > limit { totals.reached(.requestsPaged) }
    }

    private func checkRelationship(of user: UInt64, to target: UInt64) throws(InvariantViolation) {
        let found: Relationship = try read("a relationship") {
            self.running().relationship(
                of: UserID(rawValue: user), to: UserID(rawValue: target), completion: $0)
        }
        let expected = oracle.model.relationship(of: user, to: target)
        guard found == expected else {
            throw InvariantViolation(.counters, "\(user) stands to \(target) as \(found), expected \(expected)")
        }
    }

    private func checkFollowersShown(of user: UInt64) throws(InvariantViolation) {
        let viewer = chance(80) ? self.user() : nil
        let answer = PendingAnswer<EdgePage>()
        running().followers(of: UserID(rawValue: user), viewer: viewer, limit: 1_000) { answer.set($0) }
        try settle()
        let isShown = oracle.model.seesFollowers(of: user, viewer?.rawValue)
        switch answer.result {
        case .success(let page)? where isShown:
            guard page.entries.map(\.user.rawValue) == oracle.model.followers(user) else {
                throw InvariantViolation(.counters, "the followers of \(user) are not those of the model")
            }
        case .failure(.privateAccount)? where !isShown: totals.reached(.followersHidden)
        default:
            throw InvariantViolation(
                .honesty, "\(viewer as Any) asks for the followers of \(user): \(answer.result as Any)")
        }
    }
}
