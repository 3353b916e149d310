import StarlingEngine

/// Judgements on posts: random ones, and what must come of them.
extension SimulationRun {
    func judgement() -> Command {
        let waiting = anyContent { $0.state == .pending && !$0.isDeleted }
        let post = (chance(80) ? waiting : nil) ?? anyPost() ?? PostID(rawValue: random.next() >> 1)
        var judgement = PostJudgement(post: post)
        if chance(30), let place = oracle.model.place(of: post.rawValue) {
            judgement.version = oracle.model.posts[place].edits &+ (chance(20) ? 1 : 0)
        }
        return chance(70) ? .approvePost(judgement) : .blockPost(judgement, reason: "reason \(number(0...99))")
    }

    func noteJudgement(_ request: WriteRequest, _ receipt: WriteReceipt) {
        guard case .changed(true) = receipt.outcome, !receipt.isReplay else { return }
        switch request.command {
        case .approvePost: totals.reached(.postReleased)
        case .blockPost: totals.reached(.postHeldBack)
        default: break
        }
    }

    /// Those who wait, page by page.
    func checkPending() throws(InvariantViolation) {
        let expected = oracle.model.pendingPosts.map(\.id)
        let limit = number(1...40)
        var found: [UInt64] = []
        var position: PagePosition?
        repeat {
            let page: PostPage = try read("pending posts") {
                self.running().pendingPosts(from: position, limit: limit, completion: $0)
            }
            try comparePage(
                page, Array(expected.dropFirst(found.count).prefix(limit + 1)), limit, "the posts that wait")
            found += page.entries.map(\.post.rawValue)
            position = page.next
        } while position != nil
    }
}
