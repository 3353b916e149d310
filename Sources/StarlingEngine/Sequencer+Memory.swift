import StarlingMemory
import StarlingSets

/// What commands take of the arenas at most, asked after everything else was checked and before anything is recorded.
extension Sequencer {
    /// Throws when there is no room. When it may come with what the workers still have to apply, `mustWaitForWorkers` is set and
    /// the command is to be run again then.
    func admit(_ need: MemoryNeed) throws(EngineError) {
        switch memory.verdict(need) {
        case .fits: memory.admit(need)
        case .wait:
            mustWaitForWorkers = true
            throw .overloaded(retryAfterMilliseconds: 1)
        case .full(let what): throw .full(what)
        }
    }

    /// A new edge: its own entries, and what the followee has posted in the follower's timeline, as far as that goes back.
    func needOfEdge(to followee: UserID) -> MemoryNeed {
        var need = MemoryNeed.edge
        guard let index = state.users.index(of: followee) else { return need }
        let newest = state.newestPost.rows[Int(index)]
        if newest != 0 {
            need.timelines = timelineAllocations(Int(state.posts.rows[Int(newest)].height) + 1)
        }
        return need
    }

    /// A switch to pull that `gained` followers and `morePosts` posts more can lead to: an entry with each follower. It is asked
    /// for too when the last switch was too short a time ago: that time may pass before the command is done.
    func needOfSwitch(of author: UserID, gained: Int = 0, morePosts: Int = 0) -> MemoryNeed {
        guard let index = state.users.index(of: author) else {
            return gained >= rule.threshold ? Self.needOfPull(followers: gained) : MemoryNeed()
        }
        let followers = state.graph.followerCount(index) + gained
        guard !state.graph.isPulled(index),
            followers >= rule.threshold || isTooCostly(index, followers: followers, morePosts: morePosts)
        else { return MemoryNeed() }
        return Self.needOfPull(followers: followers)
    }

    private static func needOfPull(followers: Int) -> MemoryNeed {
        MemoryNeed(pulled: followers * SortedSetArena<UInt32>.allocationsPerInsert)
    }

    /// So many posts of an author: an entry in each follower's timeline, or a switch to pull, or both, when it is only the later
    /// posts that cost too much.
    func needOfPosts(_ count: Int, by author: UserID) -> MemoryNeed {
        guard let index = state.users.index(of: author) else { return MemoryNeed() }
        let followers = state.graph.followerCount(index)
        var need = MemoryNeed()
        if state.graph.isPulled(index) {
            // With the last of several posts, the earlier ones may lie more than a day back.
            let staysPulled =
                count == 1
                ? !mayBePushedAgain(index, followers: followers) : !rule.isBelowHysteresis(followers: followers)
            if staysPulled { return need }
        } else {
            need = needOfSwitch(of: author, morePosts: count - 1)
            if followers >= rule.threshold { return need }
        }
        need.timelines = followers * timelineAllocations(count)
        return need
    }

    func timelineAllocations(_ insertions: Int) -> Int {
        typealias Timelines = SortedSetArena<UInt32>
        return Timelines.allocations(insertions: insertions, limit: timelineCap + Timelines.leafCapacity)
    }
}
