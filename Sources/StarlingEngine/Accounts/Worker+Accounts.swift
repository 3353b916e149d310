import StarlingMemory
import StarlingSets

/// What every worker keeps of a registered account.
struct ProfileRow: BitwiseCopyable {
    /// Stands for the texts in the digest of the state; 0 for an account that was never registered.
    var hash: UInt64
    /// The texts in the heap; 0 when they were erased.
    var reference: UInt32
    var unused: UInt32
}

extension Worker {
    func setProfile(_ event: Event) {
        profiles.writable(Int(event.first)).pointee = ProfileRow(
            hash: event.value, reference: event.second, unused: 0)
    }

    /// Hides an account and its posts from all reads. O(1): its posts stay in the timelines, and the flag decides at read.
    func deleteAccount(_ user: UserIndex) {
        authorFlags.writable(Int(user)).pointee |= AuthorFlag.deleted
        profiles.writable(Int(user)).pointee.reference = 0
        deletedAccounts += 1
        guard let own = reader(user) else { return }
        livePosts -= UInt64(postCounts.rows[own])
        postCounts.writable(own).pointee = 0
    }

    @inline(__always)
    func isDeleted(_ user: UserIndex) -> Bool { authorFlags.rows[Int(user)] & AuthorFlag.deleted != 0 }

    /// As `isDeleted`, without a look at the account while there is none that is.
    @inline(__always)
    func isGone(_ user: UserIndex) -> Bool { deletedAccounts != 0 && isDeleted(user) }

    /// Accounts that an account has, or had, to do with, at most `limit` of each kind: edges, requests and blocks in both directions,
    /// and whom it mutes; as far as this worker knows. Who mutes it, nobody could say without a look at all accounts.
    func ties(of user: UserIndex, limit: Int) -> [AccountEdge] {
        let id = users.id(of: user)
        let followees = followeeEntries(of: user, after: nil, limit: limit, showingDeleted: true)
        let followers = followerEntries(of: user, after: nil, limit: limit, showingDeleted: true)
        var ties = followees.map { AccountEdge(follower: id, followee: $0.user) }
        ties += followers.map { AccountEdge(follower: $0.user, followee: id) }
        for kind in [RelationSets.Kind.blocks, .mutes, .requested] {
            relations.forEach(kind, of: user) { entry in
                ties.append(AccountEdge(follower: id, followee: users.id(of: entry.key)))
                return ties.count < limit
            }
        }
        relations.forEach(.blockers, of: user) { entry in
            ties.append(AccountEdge(follower: users.id(of: entry.key), followee: id))
            return ties.count < limit
        }
        relations.forEach(.requests, of: user) { entry in
            ties.append(AccountEdge(follower: users.id(of: entry.value), followee: id))
            return ties.count < limit
        }
        return ties
    }

    /// What an account shows of itself; nil when it is not registered. Copies the texts: about a microsecond.
    func publicProfile(of user: UserIndex) -> PublicProfile? {
        guard Int(user) < profiles.count else { return nil }
        let reference = profiles.rows[Int(user)].reference
        if reference == 0 || isDeleted(user) { return nil }
        return AccountBody.parse(heap.bytes(of: reference)).map(PublicProfile.init)
    }

    /// What the authors of posts show of themselves, each once.
    func publicProfiles(ofAuthors entries: [PostEntry]) -> [UserID: PublicProfile] {
        var profiles: [UserID: PublicProfile] = [:]
        var seen = Set<UserIndex>()
        for entry in entries {
            let author = posts.rows[Int(entry.ordinal)].author
            if seen.insert(author).inserted { profiles[entry.author] = publicProfile(of: author) }
        }
        return profiles
    }
}
