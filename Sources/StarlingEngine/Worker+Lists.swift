import StarlingMemory
import StarlingSets

extension Worker {
    /// Accounts that a user of this worker follows, in the order of the accounts' first use, after `bound`.
    func followeeEntries(
        of user: UserIndex, after bound: UserIndex?, limit: Int, showingDeleted: Bool = false
    ) -> [EdgeEntry] {
        guard let reader = reader(user), showingDeleted || !isDeleted(user) else { return [] }
        var result: [EdgeEntry] = []
        let set = followees.rows + reader
        var edges = bound.map { followeeSets.ascending(set, above: $0) } ?? followeeSets.ascending(set)
        while result.count < limit, let edge = edges.next() {
            if !showingDeleted, isDeleted(edge.key) { continue }
            result.append(EdgeEntry(index: edge.key, user: users.id(of: edge.key), sinceSeconds: edge.value))
        }
        return result
    }

    /// This worker's share of the accounts that follow a user, in the order of their first use, after `bound`.
    func followerEntries(
        of user: UserIndex, after bound: UserIndex?, limit: Int, showingDeleted: Bool = false
    ) -> [EdgeEntry] {
        guard Int(user) < followers.count, showingDeleted || !isDeleted(user) else { return [] }
        var result: [EdgeEntry] = []
        let first = bound.map { firstReader(above: $0) } ?? 0
        var readers = followerSets.ascending(followers.rows + Int(user), from: UInt32(first))
        while result.count < limit, let reader = readers.next() {
            let index = readerUsers.rows[Int(reader)]
            if !showingDeleted, isDeleted(index) { continue }
            let since = followeeSets.find(user, in: followees.rows + Int(reader))?.value ?? 0
            result.append(EdgeEntry(index: index, user: users.id(of: index), sinceSeconds: since))
        }
        return result
    }

    /// The first of this worker's readers whose user index is above `index`. Reader numbers rise with user indexes.
    private func firstReader(above index: UserIndex) -> Int {
        var low = 0
        var high = readerUsers.count
        while low < high {
            let middle = low + (high - low) / 2
            if readerUsers.rows[middle] <= index { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Counters and fan-out mode of an account that this worker owns; nil when no record has used it yet.
    func profile(of user: UserIndex) -> Profile? {
        guard let reader = reader(user), !isDeleted(user) else { return nil }
        return Profile(
            account: publicProfile(of: user),
            followerCount: Int(followerCounts.rows[reader]),
            followingCount: followees.rows[reader].count,
            postCount: Int(postCounts.rows[reader]),
            isPrivate: isPrivate(user),
            isPulled: authorFlags.rows[Int(user)] & AuthorFlag.pulled != 0,
            lastSwitch: modeChanges[user].map(FanoutSwitch.init),
            postsPerDay: Double(posts.postsPerDay(upTo: newestPosts.rows[Int(user)])))
    }
}
