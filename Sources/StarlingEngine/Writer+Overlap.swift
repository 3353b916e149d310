import StarlingLog

/// A round of the writer that is in the log.
struct CommittedRound {
    var lsn: UInt64
    var posts: UInt32
    /// How much there is to erase from the log.
    var erasures: Int
    /// The position behind its last event.
    var events: UInt64
}

/// Rounds that overlap: while the disk syncs one round, the next one is sequenced into memory. It is written after that, so
/// there is never more than one round between the kernel and the disk, and readers and callers see the rounds one after the other as
/// without it.
extension Writer {
    /// Only where there is something to do meanwhile: the hand-over to another thread costs a wake-up each way. A snapshot's cut
    /// needs a moment at which nothing is half done.
    var mayOverlap: Bool {
        log.log.level == .disk && hasMore && sequencer.state.snapshot?.mustWait != true
            && snapshotter?.isCutDue(lsn: sequencer.state.lastLSN) != true
    }

    /// Writes the round and syncs it, sequences the next one meanwhile, and then shows and answers the first.
    func commitBesideNext() throws(LogError) {
        try log.flush()
        answers.give(at: .os)
        var waiting = answers
        answers = PendingAnswers()
        let round = committedRound
        if let sync = try log.beginSync() {
            syncer.start(sync)
            _ = sequenceNext()
            do throws(LogError) {
                try log.finishSync(sync, failure: syncer.wait())
            } catch {
                waiting.giveUnknown(because: error)
                throw error
            }
        }
        noteCommitted()
        publish(round)
        waiting.give(at: .disk)
    }
}
