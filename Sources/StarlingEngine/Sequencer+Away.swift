import StarlingSchema
import SwiftProtobuf

extension Sequencer {
    /// Records the switch of those readers for whom it is one.
    func setReadersAway(_ users: [UserID], _ away: Bool, _ context: WriteContext) throws(EngineError) -> WriteReceipt {
        let changed = users.filter { user in
            state.users.index(of: user).map { state.graph.isAway($0) != away } ?? false
        }
        if changed.isEmpty { return receipt(.done) }
        if !away { try admit(MemoryNeed(timelines: changed.count * timelineAllocations(timelineCap))) }
        let change = Starling_V1_ReadersAwayChanged.with {
            $0.users = changed.map(\.rawValue)
            $0.away = away
        }
        try record(.readersAwayChanged(change), WriteContext(actor: context.actor))
        return receipt(.done)
    }
}
