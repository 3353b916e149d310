import StarlingEngine
import StarlingLog
import StarlingSystem

extension SimulationRun {
    /// Submits a command: new, or an earlier one again under its key, or another one under a key that is taken.
    func submitWrite() throws(InvariantViolation) {
        var request = newRequest()
        if request.command.takesKey, chance(UInt64(plan.workload.keyed)) {
            if !keyed.isEmpty, chance(UInt64(plan.workload.repeated)) {
                let earlier = keyed[keyed.count - 1 - number(0...min(keyed.count, 20) - 1)]
                let isConflict = chance(10)
                request = isConflict ? conflict(with: earlier, request) : earlier
                say(isConflict ? "conflict under a key" : "repetition")
            } else {
                nextKey += 1
                request = withKey("key-\(nextKey)", request)
                keyed.append(request)
            }
        }
        request = atOwnLevel(request)
        let answer = PendingAnswer<WriteReceipt>()
        running().submit(request.command, request.context) { answer.set($0) }
        totals.commands += 1
        let write = PendingWrite(request: request, answer: answer)
        // Refused at the door: nothing before it has been answered yet, and it is not queued.
        if let result = answer.result { try check(write, result) } else { writes.append(write) }
    }

    /// A write, also one that is repeated, may ask for more or less than the engine gives by itself.
    private func atOwnLevel(_ request: WriteRequest) -> WriteRequest {
        var context = request.context
        let levels = AcknowledgementLevel.allCases
        context.durability = chance(UInt64(plan.workload.leveled)) ? levels[number(0...levels.count - 1)] : nil
        return WriteRequest(command: request.command, context: context)
    }

    private func withKey(_ key: String, _ request: WriteRequest) -> WriteRequest {
        var context = request.context
        context.idempotencyKey = key
        context.fingerprint = Hash128(high: random.next(), low: random.next())
        return WriteRequest(command: request.command, context: context)
    }

    private func conflict(with earlier: WriteRequest, _ request: WriteRequest) -> WriteRequest {
        var context = earlier.context
        context.fingerprint = Hash128(high: random.next(), low: 1)
        guard case .createPost(var post) = request.command else {
            return WriteRequest(command: request.command, context: context)
        }
        post.author = context.actor
        return WriteRequest(command: .createPost(post), context: context)
    }

    private func newRequest() -> WriteRequest {
        let actor = user()
        let command: Command
        switch pick(plan.workload.weights) {
        case 0: command = .createPost(post(by: actor))
        case 1: return deletion()
        case 2: command = .follow(user())
        case 3: return unfollowing()
        case 4: command = .importFollows((0..<number(1...12)).map { _ in edge() })
        case 5: command = .importPosts((0..<number(1...8)).map { _ in importedPost() })
        case 6: command = .setCelebrityThreshold(number(1...max(3, plan.users.count / 2)))
        case 7: command = .setReadersAway((0..<number(1...6)).map { _ in user() }, chance(60))
        case 8: command = .createPosts(PostBatch(of: (0..<number(1...8)).map { _ in plainPost() }))
        case 9: command = reaction()
        case 10: command = comment()
        case 11: return commentChange()
        case 12: return postEdit()
        case 13: command = .markRead(upTo: chance(50) ? nil : UInt64(number(0...Int(oracle.lastLSN) + 5)))
        case 15: command = .block(user())
        case 16: return ofPair(oracle.model.blockedPairs, by: actor, Command.unblock)
        case 17: command = .mute(user(), until: muteEnd())
        case 18: return ofPair(oracle.model.mutedPairs, by: actor, Command.unmute)
        case 19: command = .setAccountPrivacy(chance(50))
        case 20: return ofPair(oracle.model.waitingPairs, by: actor, Command.acceptFollowRequest)
        case 21: return ofPair(oracle.model.waitingPairs, by: actor, Command.rejectFollowRequest)
        case 22: command = .passTime
        case 23: command = judgement()
        default: command = nonsense(by: actor)
        }
        return WriteRequest(command: command, context: WriteContext(actor: actor))
    }

    private func pick(_ weights: [Int]) -> Int {
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return 0 }
        var place = number(0...sum - 1)
        for (index, weight) in weights.enumerated() {
            if place < weight { return index }
            place -= weight
        }
        return 0
    }

    /// Low numbers are followed and post more often, so that some become celebrities.
    func user() -> UserID {
        let last = plan.users.count - 1
        return UserID(rawValue: plan.users[min(number(0...last), number(0...last))])
    }

    private func post(by author: UserID) -> NewPost {
        var post = NewPost(author: author, text: text())
        if chance(20) { post.visibility = .followers }
        if chance(10) { post.kind = .image }
        if chance(10) { post.mediaURL = "https://example.org/\(number(0...999))" }
        if chance(10), let original = anyPost() { post.replyTo = original }
        if chance(10), let original = anyPost() { post.repostOf = original }
        return post
    }

    private func plainPost() -> NewPost {
        var post = NewPost(author: user(), text: text())
        if chance(20) { post.visibility = .followers }
        if chance(10) { post.kind = .image }
        return post
    }

    private func importedPost() -> NewPost {
        var imported = post(by: user())
        if chance(30) { imported.createdAt = 1_600_000_000_000 + UInt64(number(0...1_000_000)) }
        if chance(4) { imported.text = "" }
        return imported
    }

    /// Letters that do not compress, so that segments end within a run.
    func text() -> String {
        let length = number(1...plan.workload.textBytes)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + 8)
        while bytes.count < length {
            var word = random.next()
            for _ in 0..<8 {
                bytes.append(48 + UInt8(word & 63))
                word >>= 8
            }
        }
        bytes.removeLast(bytes.count - length)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A post whose id is known, often a recent one, so that timelines hold it.
    func anyPost() -> PostID? {
        anyContent { !$0.isComment }
    }

    /// The same of the posts and comments that are wanted.
    func anyContent(_ isWanted: (FeedModel.Post) -> Bool) -> PostID? {
        let posts = oracle.model.posts.filter(isWanted)
        guard !posts.isEmpty else { return nil }
        let span = chance(50) ? min(12, posts.count) : posts.count
        let id = posts[posts.count - 1 - number(0...span - 1)].id
        return id == 0 ? nil : PostID(rawValue: id)
    }

    private func deletion() -> WriteRequest {
        guard let id = anyPost(), let place = oracle.model.place(of: id.rawValue) else {
            return WriteRequest(
                command: .deletePost(PostID(rawValue: random.next() >> 1)), context: WriteContext(actor: user()))
        }
        let author = UserID(rawValue: oracle.model.posts[place].fact.author)
        return WriteRequest(command: .deletePost(id), context: WriteContext(actor: chance(92) ? author : user()))
    }

    private func unfollowing() -> WriteRequest {
        let actor = user()
        let followees = oracle.model.followees(actor.rawValue)
        let target = followees.isEmpty ? user().rawValue : followees[number(0...followees.count - 1)]
        return WriteRequest(command: .unfollow(UserID(rawValue: target)), context: WriteContext(actor: actor))
    }

    private func edge() -> NewFollow {
        let since: UInt32? = chance(30) ? UInt32(number(1...1_000_000)) : nil
        let followee = chance(95) ? user() : UserID(rawValue: 0)
        return NewFollow(follower: user(), followee: followee, sinceSeconds: since)
    }

    /// What no client should send.
    private func nonsense(by actor: UserID) -> Command {
        switch number(0...9) {
        case 7: .createComment(NewComment(post: anyPost() ?? PostID(rawValue: 7), text: ""))
        case 8: .react(.post(PostID(rawValue: random.next())), .sad)
        case 9: .deleteComment(anyPost() ?? PostID(rawValue: 7))
        case 0: .follow(actor)
        case 1: .follow(UserID(rawValue: 0))
        case 2: .createPost(NewPost(author: actor, text: ""))
        case 3: .createPost(NewPost(author: UserID(rawValue: actor.rawValue &+ 1), text: "not mine"))
        case 4: .deletePost(PostID(rawValue: random.next()))
        case 5: .setCelebrityThreshold(0)
        default: .barrier
        }
    }
}
