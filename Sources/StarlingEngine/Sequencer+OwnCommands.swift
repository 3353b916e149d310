import StarlingMemory
import StarlingSchema
import StarlingSystem
import SwiftProtobuf

/// What the sequencer says by itself, because of something that it was told before.
extension Sequencer {
    /// Between two tries when memory is full.
    private static let openingPauseNanoseconds: UInt64 = 1_000_000_000

    /// A command that is due by now, or nil. Costs next to nothing when there is none.
    func dueCommand() -> Command? {
        if let account = opening.first, time.monotonicNanoseconds() >= openingPause {
            return .acceptWaitingFollowers(state.users.id(of: account))
        }
        return isTimeDue ? .passTime : nil
    }

    /// Whether a mute has ended by the clock, but not by the log.
    private var isTimeDue: Bool {
        guard passesTime, let end = state.muteEnds.next(after: SequencerState.seconds(state.milliseconds)) else {
            return false
        }
        return SequencerState.seconds(time.wallMilliseconds()) >= end
    }

    func passTime() throws(EngineError) -> WriteReceipt {
        guard now > state.milliseconds else { return receipt(.done) }
        try record(.timePassed(Starling_V1_TimePassed()), WriteContext(actor: UserID(rawValue: 0)))
        return receipt(.done)
    }

    func acceptWaitingFollowers(of account: UserID) throws(EngineError) -> WriteReceipt {
        guard let index = state.users.index(of: account), state.mayBeOpened(index) else {
            opening.removeAll { !state.mayBeOpened($0) }
            return receipt(.done)
        }
        let waiting = requesters(of: index)
        guard !waiting.isEmpty else {
            noteOpening(index)
            return receipt(.done)
        }
        do throws(EngineError) {
            try admitAcceptance(by: account, of: waiting.count)
        } catch {
            if !mustWaitForWorkers {
                openingPause = time.monotonicNanoseconds() &+ Self.openingPauseNanoseconds
            }
            throw error
        }
        try accept(waiting, by: account, WriteContext(actor: account))
        noteOpening(index)
        return receipt(.done)
    }

    /// Keeps in mind whether requests to an account that is public are left.
    func noteOpening(_ account: UserIndex) {
        let isOpening = state.mayBeOpened(account) && state.relations.count(.requests, of: account) > 0
        opening.removeAll { $0 == account }
        if isOpening { opening.append(account) }
    }
}

extension SequencerState {
    /// Public accounts that still have requests: an end came before all were accepted.
    var accountsBeingOpened: [UserIndex] {
        (0..<relations.rows.count).map { relations.rows.rows[$0].user }.filter {
            mayBeOpened($0) && relations.count(.requests, of: $0) > 0
        }
    }

    /// Whether who waits for an account may follow it now. Requests to an account that is gone are swept away.
    func mayBeOpened(_ account: UserIndex) -> Bool { !graph.isPrivate(account) && !accounts.isDeleted(account) }
}
