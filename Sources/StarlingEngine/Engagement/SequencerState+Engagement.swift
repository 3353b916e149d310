import StarlingMemory
import StarlingSchema

/// Reactions, comments, changed bodies and read marks.
extension SequencerState {
    func react(_ reaction: Starling_V1_Reacted, lsn: UInt64, milliseconds: UInt64) throws(FactError) {
        guard let kind = ReactionKind(rawValue: UInt8(clamping: reaction.kind.rawValue)) else {
            throw FactError(lsn: lsn, reason: "it holds a reaction that this version does not know")
        }
        guard let target = try target(reaction.targetID, lsn: lsn) else { return }
        let user = try use(reaction.userID, lsn: lsn)
        guard reactions.allocationsLeft >= MemoryNeed.reaction.ownReactions else {
            let reason = "the sequencer's reactions do not fit into memory.arenaBytes; raise it"
            throw FactError(lsn: lsn, reason: reason, isLimit: true)
        }
        change(target, by: user, to: kind, lsn: lsn, milliseconds: milliseconds)
    }

    func unreact(_ reaction: Starling_V1_Unreacted, lsn: UInt64) throws(FactError) {
        guard let target = try target(reaction.targetID, lsn: lsn),
            let user = users.index(of: UserID(rawValue: reaction.userID))
        else { return }
        change(target, by: user, to: nil, lsn: lsn, milliseconds: 0)
    }

    private func change(
        _ target: PostOrdinal, by user: UserIndex, to new: ReactionKind?, lsn: UInt64, milliseconds: UInt64
    ) {
        let old = reactions.kind(of: user, on: target)
        if old == new { return }
        reactions.set(new, of: user, on: target)
        let change = ReactionChange(old: old, new: new)
        emit(.reacted, lsn: lsn, first: user, second: target, third: change.number, value: milliseconds)
    }

    func addComment(_ comment: Starling_V1_CommentCreated, lsn: UInt64) throws(FactError) {
        guard posts.hasRoom else {
            throw FactError(
                lsn: lsn, reason: "the log holds more posts and comments than maximumPosts; raise it", isLimit: true)
        }
        let id = PostID(rawValue: comment.commentID)
        guard let post = posts.findPost(PostID(rawValue: comment.postID), among: posts.count) else {
            mint.observe(id)
            if hasLostRecords { return }
            throw FactError(lsn: lsn, reason: "it is about post \(comment.postID), which the log does not hold")
        }
        let author = try use(comment.authorID, lsn: lsn)
        newestComments.ensure(count: Int(post) + 1)
        let newest = newestComments.writable(Int(post))
        let visibility = PostVisibility(rawValue: posts.rows[Int(post)].visibility) ?? .followers
        let ordinal = posts.append(
            .comment, id: id, lsn: lsn, author: author, previous: newest.pointee, visibility: visibility, parent: post)
        newest.pointee = ordinal
        mint.observe(id)
        emit(.commentCreated, lsn: lsn, first: author, second: ordinal)
    }

    func deleteComment(_ deletion: Starling_V1_CommentDeleted, lsn: UInt64) throws(FactError) {
        guard let ordinal = try target(deletion.commentID, lsn: lsn), posts.deletedLSN(ordinal) == 0 else { return }
        guard posts.rows[Int(ordinal)].isComment else {
            throw FactError(lsn: lsn, reason: "it deletes \(deletion.commentID) as a comment, which is a post")
        }
        posts.delete(ordinal, lsn: lsn)
        emit(.commentDeleted, lsn: lsn, first: posts.rows[Int(ordinal)].author, second: ordinal)
    }

    func changeBody(of id: UInt64, lsn: UInt64) throws(FactError) {
        guard let ordinal = try target(id, lsn: lsn) else { return }
        let edits = posts.countEdit(ordinal)
        emit(.bodyChanged, lsn: lsn, first: posts.rows[Int(ordinal)].author, second: ordinal, third: UInt32(edits))
    }

    func markRead(_ mark: Starling_V1_NotificationsRead, lsn: UInt64) {
        guard let user = users.index(of: UserID(rawValue: mark.userID)), readMarks.rows[Int(user)] < mark.upTo else {
            return
        }
        readMarks.writable(Int(user)).pointee = mark.upTo
        emit(.notificationsRead, lsn: lsn, first: user, value: mark.upTo)
    }

    /// The post or comment that a record speaks of; nil when salvage has lost it.
    private func target(_ id: UInt64, lsn: UInt64) throws(FactError) -> PostOrdinal? {
        if let ordinal = posts.find(PostID(rawValue: id), among: posts.count) { return ordinal }
        if hasLostRecords { return nil }
        throw FactError(lsn: lsn, reason: "it is about \(id), which the log does not hold")
    }
}
