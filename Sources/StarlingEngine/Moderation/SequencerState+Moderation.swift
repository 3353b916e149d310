import StarlingMemory
import StarlingSchema

/// Which posts are held back from others.
extension SequencerState {
    /// What a post's own record says; nil when it says nothing.
    func cause(_ hold: Starling_V1_Hold?, lsn: UInt64) throws(FactError) -> HoldCause? {
        guard let hold else { return nil }
        guard let cause = HoldCause(hold) else {
            throw FactError(lsn: lsn, reason: "it holds a post back in a way that this version does not know")
        }
        return cause
    }

    func editPost(_ edit: Starling_V1_PostEdited, lsn: UInt64, milliseconds: UInt64) throws(FactError) {
        try changeBody(of: edit.postID, lsn: lsn)
        guard let cause = try cause(edit.hasHold ? edit.hold : nil, lsn: lsn) else { return }
        try judge(edit.postID, cause, lsn: lsn, milliseconds: milliseconds)
    }

    /// Holds a post back, or lets it go. Rules that block another body of it are heard of again.
    func judge(_ id: UInt64, _ cause: HoldCause, lsn: UInt64, milliseconds: UInt64) throws(FactError) {
        guard let ordinal = posts.findPost(PostID(rawValue: id), among: posts.count) else {
            if hasLostRecords { return }
            throw FactError(lsn: lsn, reason: "it judges post \(id), which the log does not hold")
        }
        var hold = holds[ordinal]
        guard posts.deletedLSN(ordinal) == 0, hold.cause != cause || cause == .rules else { return }
        hold.cause = cause
        if cause == .nothing { hold.isUndelivered = false } else { posts.markHeld(ordinal) }
        holds[ordinal] = hold
        emit(
            .holdChanged, lsn: lsn, first: posts.rows[Int(ordinal)].author, second: ordinal,
            third: UInt32(cause.rawValue), value: milliseconds)
    }

    /// A post that was just made, and that its record holds back.
    func hold(newPost ordinal: PostOrdinal, _ cause: HoldCause, lsn: UInt64) {
        posts.markHeld(ordinal)
        holds[ordinal] = PostHold(newPost: cause)
        emit(
            .postHeld, lsn: lsn, first: posts.rows[Int(ordinal)].author, second: ordinal,
            third: UInt32(cause.rawValue))
    }
}
